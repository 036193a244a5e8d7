"""The pages of jobs: the tray, the lists, one job, and what can be done with it. Strangers find none of it."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from notifications.job_files import private
from notifications.job_lists import LIST_LENGTH
from notifications.jobs import start_job
from notifications.models import Inbox, Job, JobAttempt, JobLine, clock
from notifications.models.job import FORCE_AFTER
from notifications.models.job_states import STATES
from notifications.templatetags.belfry import in_time, took
from notifications.testing.dom import Document, squeeze

pytestmark = pytest.mark.django_db(transaction=True)

JOBS = reverse("notifications:jobs")
HTMX = {"HX-Request": "true"}
ACTS = ("cancel_job", "end_job_by_force", "retry_job")
TASK = SimpleNamespace(name="tests.count", title="Counting", max_attempts=1, restarts=False)
ENDED = ("succeeded", "failed", "cancelled", "lost")
HOSTILE = "<script>alert('x')</script>"


@pytest.fixture
def reader(bo, client):
    client.force_login(bo)
    return client


@pytest.fixture
def stranger(chi):
    return signed_in(chi)


@pytest.fixture
def watcher(ada):
    """Ada, who may watch jobs."""
    ada.user_permissions.add(Permission.objects.get(codename="watch_jobs"))
    return signed_in(ada)


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make(user, state="running", **columns) -> Job:
    """A row as it stands in that state."""
    now = clock.now()
    usual = {"queued_at": now, "changed_at": now, "title": "Counting", "task": "tests.count"}
    if state != "queued":
        usual |= {"attempt": 1, "started_at": now}
    if state == "cancelling":
        usual |= {"cancel_wished_at": now}
    if state in ENDED:
        usual |= {"ended_at": now}
    return Job.objects.create(inbox=Inbox.objects.of(user), state=state, **{**usual, **columns})


def with_file(user, label="report.csv", content=b"a,b\n", **columns) -> Job:
    job = make(user, "succeeded", result_label=label, result_size=len(content), **columns)
    job.result_file = private().save(f"results/{job.pk}/1/report.csv", ContentFile(content))
    job.save()
    return job


def url_of(job: Job, act: str = "job") -> str:
    return reverse(f"notifications:{act}", args=[job.pk])


def page_of(client: Client, path: str) -> Document:
    response = client.get(path)
    assert response.status_code == 200
    return Document(response.content.decode())


def text_of(client: Client, job: Job) -> str:
    return page_of(client, url_of(job)).text("#job-page")


def ids(page: Document, list_: str) -> list[str]:
    return [row.get("id", "").partition("-")[2] for row in page.find(list_)]


def now(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


# The tray and the lists.


def test_every_page_has_the_tray_with_active_ones_first_and_their_number(reader, bo):
    done, running = make(bo, "succeeded"), make(bo, "running")
    page = page_of(reader, reverse("notifications:inbox"))
    assert ids(page, "#tray-list") == [str(running.pk), str(done.pk)]
    assert page.find("#tray-count").get("data-count") == "1"
    assert "1 under way" in page.text("#tray-button")


def test_the_list_has_filters(reader, bo):
    made = {state: str(make(bo, state).pk) for state in STATES}
    shown = {
        view: set(ids(page_of(reader, f"{JOBS}?view={view}"), "#jobs")) for view in ("active", "succeeded", "failed")
    }
    assert shown["active"] == {made[state] for state in ("queued", "running", "retrying", "cancelling")}
    assert shown["succeeded"] == {made["succeeded"]}
    assert shown["failed"] == {made[state] for state in ("failed", "cancelled", "lost")}
    assert set(ids(page_of(reader, JOBS), "#jobs")) == set(made.values())


def test_older_ones_follow_without_a_gap_and_stay_in_their_filter(reader, bo):
    jobs = [str(make(bo, "failed").pk) for _ in range(LIST_LENGTH + 2)][::-1]
    make(bo, "succeeded", queued_at=clock.now() - timedelta(days=1))
    first = page_of(reader, f"{JOBS}?view=failed")
    older = first.find("#older-jobs")[0].get("href")
    second = page_of(reader, older)
    assert ids(first, "#jobs") + ids(second, "#jobs") == jobs
    assert list(second.find("#older-jobs")) == []


@pytest.mark.parametrize("query", ["view=nonsense", "before=nonsense", "before=7d1fca54-3c1c-4b9c-8d67-6c1b3a4a2f7e"])
def test_there_are_no_other_lists(reader, query):
    assert reader.get(f"{JOBS}?{query}").status_code == 404


def test_nobody_reads_on_from_a_strangers_job(stranger, bo):
    assert stranger.get(f"{JOBS}?before={make(bo).pk}").status_code == 404


def test_lists_and_tray_hold_only_ones_own(stranger, bo, watcher):
    make(bo)
    for client in (stranger, watcher):
        page = page_of(client, JOBS)
        assert (ids(page, "#jobs"), ids(page, "#tray-list")) == ([], [])


def test_a_list_of_many_costs_as_much_as_one_of_few(reader, bo):
    def cost(path):
        reader.get(path)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            reader.get(path)
        return len(asked)

    job = make(bo, "failed")
    few = cost(JOBS), cost(url_of(job))
    for number in range(2, LIST_LENGTH):
        again = make(bo, "failed", retry_of=job if number == 2 else None)
        JobAttempt.objects.create(job=job, number=number, started_at=again.queued_at)
        JobLine.objects.create(job=job, number=number, attempt=1, at=again.queued_at, text="x")
    assert (cost(JOBS), cost(url_of(job))) == few


# One of them.


def test_a_page_says_how_far_it_is_and_what_it_has_logged(reader, bo):
    progress = {"current": 1204, "total": 2600, "fraction": 0.4631, "message": "Writing {what}"}
    phase = {"phase": 2, "phase_count": 3, "phase_title": "Writing", "message_params": {"what": "rows"}}
    job = make(bo, **progress, **phase)
    JobLine.objects.create(job=job, number=1, attempt=1, at=job.queued_at, text="Row 7 is empty")
    page = page_of(reader, url_of(job))
    for words in ("Counting", "46%", "Running", "2 of 3: Writing", "Writing rows", "1,204 of 2,600"):
        assert words in page.text("#job-page")
    bar = page.by_id(f"page-bar-{job.pk}")
    assert (bar.get("value"), bar.get("max"), bar.get("aria-label")) == ("0.4631", "1", "Counting")
    assert page.text("#line-1").endswith("Row 7 is empty")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"current": 1204}, "1,204"),
        ({"current": 1204, "total": 1000}, "1,204 of about 1,000"),
        ({"current": 3, "total": 10}, "3 of 10"),
        ({"attempt": 2, "max_attempts": 3}, "attempt 2 of 3"),
        ({"attempt": 4, "max_attempts": 3}, "attempt 4"),
        ({"phase_title": "Reading"}, "Reading"),
    ],
)
def test_what_it_says_of_its_progress(reader, bo, columns, said):
    assert f"Running {said} Cancel" in text_of(reader, make(bo, **columns))


def test_how_long_it_still_takes_is_told_from_its_row(reader, bo):
    started = clock.now() - timedelta(days=3)
    job = make(bo, fraction=0.25, started_at=started, changed_at=started + timedelta(seconds=60))
    assert "about 3 minutes left" in text_of(reader, job)


@pytest.mark.parametrize("state", ["queued", "retrying"])
def test_one_that_waits_shows_no_progress_of_an_earlier_attempt(reader, bo, state):
    job = make(bo, state, current=5, total=10, fraction=0.5)
    page = page_of(reader, url_of(job))
    assert page.by_id(f"page-bar-{job.pk}").get("value") is None
    assert "50%" not in page.text("#job-page")
    assert "5 of 10" not in page.text("#job-page")


def test_one_that_waits_for_its_next_attempt_says_when_that_comes(reader, bo):
    soon = clock.now() + timedelta(seconds=20)
    job = make(bo, "retrying", max_attempts=3, send_at=soon, error="The mail server is away")
    html = reader.get(url_of(job)).content.decode()
    assert f"attempt 2 of 3, {in_time(soon)}" in html
    assert "The mail server is away" in html
    Job.objects.filter(pk=job.pk).update(sent=1)
    assert "data-countdown" not in reader.get(url_of(job)).content.decode()


def test_each_attempt_is_listed_with_its_end(reader, bo):
    job = make(bo, attempt=2, max_attempts=3)
    start = job.queued_at
    ended = {"ended_at": start + timedelta(seconds=74), "ending": "lost", "error": "The {part} broke"}
    JobAttempt.objects.create(job=job, number=1, started_at=start, **ended, error_params={"part": "rope"})
    JobAttempt.objects.create(job=job, number=2, started_at=start)
    page = text_of(reader, job)
    assert "Attempt 1 Cut off" in page
    assert "1:14" in page
    assert "The rope broke" in page
    assert "Attempt 2 Under way" in page


def test_a_retry_and_its_first_run_lead_to_each_other(reader, bo):
    first = make(bo, "failed")
    again = make(bo, retry_of=first)
    assert url_of(again) in reader.get(url_of(first)).content.decode().partition('id="job-page"')[2]
    assert url_of(first) in reader.get(url_of(again)).content.decode().partition('id="job-page"')[2]


@pytest.mark.parametrize("state", STATES)
def test_each_state_has_its_words_and_its_acts(reader, bo, state):
    job = make(bo, state, error="Because" if state in ("failed", "lost") else "")
    html = reader.get(url_of(job)).content.decode()
    offered = [act for act in ACTS if f'formaction="{url_of(job, act)}"' in html]
    expected = {"cancelling": "end_job_by_force", "failed": "retry_job", "cancelled": "retry_job", "lost": "retry_job"}
    active = {"queued": "cancel_job", "running": "cancel_job", "retrying": "cancel_job"}
    assert offered == [act for act in [(expected | active).get(state)] if act]
    assert str(STATES[state]) in html
    assert ("<progress" in html) == (state not in ENDED)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.2, "0:00"), (14, "0:14"), (725, "12:05"), (3659, "1:00:59"), (-3, "0:00")]
)
def test_a_span_is_shown_as_on_a_stopwatch(seconds, shown):
    start = clock.now()
    assert took(start, start + timedelta(seconds=seconds)) == f'<bdi class="took">{shown}</bdi>'


def test_a_page_can_do_without_scripts(reader, bo):
    refresh = '<noscript><meta http-equiv="refresh"'
    assert refresh in reader.get(url_of(make(bo))).content.decode()
    assert refresh not in reader.get(url_of(make(bo, "failed"))).content.decode()


def test_nothing_that_people_or_code_wrote_becomes_html(reader, bo):
    words = {"title": HOSTILE, "message": HOSTILE, "phase_title": HOSTILE}
    ended = {"title": HOSTILE, "error": HOSTILE, "result_label": HOSTILE}
    running, failed, done = make(bo, **words), make(bo, "failed", **ended), with_file(bo, HOSTILE, title="{x}")
    for job in (running, failed, done):
        JobLine.objects.create(job=job, number=1, attempt=1, at=job.queued_at, text=HOSTILE)
        JobAttempt.objects.create(job=job, number=1, started_at=job.queued_at, ending="failed", error=HOSTILE)
    for path in (JOBS, url_of(running), url_of(failed), url_of(done)):
        html = reader.get(path).content.decode()
        assert HOSTILE not in html
        assert "&lt;script&gt;" in html


def test_a_piece_holds_no_token_and_nothing_of_htmx(bo):
    jobs = [make(bo, state) for state in STATES]
    html = render_to_string("notifications/jobs/_rows.html", {"rows": jobs, "place": "tray"})
    html += "".join(render_to_string("notifications/jobs/_whole.html", {"job": job, "attempts": []}) for job in jobs)
    assert "csrf" not in html
    assert " hx-" not in html
    assert " style=" not in html


def test_only_ends_of_ones_own_are_marked_as_read(reader, watcher, bo):
    job = make(bo, "failed")
    read = reverse("notifications:mark_read", args=[job.item_key])
    assert f'data-read="{read}"' in reader.get(url_of(job)).content.decode()
    assert " data-own" in reader.get(url_of(job)).content.decode()
    assert " data-own" not in watcher.get(url_of(job)).content.decode()
    assert "data-read" not in reader.get(url_of(make(bo))).content.decode().partition('id="job-page"')[2]


def test_an_exact_time_is_given_to_those_without_scripts(settings):
    moment = clock.now().replace(hour=14, minute=3, second=20, microsecond=5)
    settings.TIME_ZONE = "UTC"
    with translation.override("en"):
        assert in_time(moment).endswith("data-countdown>at 2:03 p.m.</time>")


@pytest.mark.parametrize(("language", "words"), [("de", "Aufträge"), ("ar", "المهام")])
def test_pages_speak_the_language_of_their_reader(bo, language, words):
    type(bo).objects.filter(pk=bo.pk).update(language=language)
    client = signed_in(bo)
    for state in STATES:
        job = make(bo, state)
        assert words in client.get(url_of(job)).content.decode()
        assert str(STATES[state]) not in text_of(client, job)
    assert page_of(client, JOBS).text("#jobs-title") == words


def test_a_long_message_is_whole_on_its_page_and_short_in_lists(reader, bo):
    job = make(bo, message="long " * 50)
    assert ("long " * 50).strip() in text_of(reader, job)
    assert ("long " * 20).strip() not in page_of(reader, JOBS).text(f"#job-{job.pk}")


# Who may see it.


def test_staff_who_may_watch_jobs_see_whose_it_is(watcher, bo):
    html = watcher.get(url_of(make(bo))).content.decode()
    assert "a job of <bdi>Bo Lindqvist</bdi>" in squeeze(html)


def test_strangers_find_no_job(stranger, ada, bo):
    job = with_file(bo)
    for client in (stranger, signed_in(ada)):
        assert client.get(url_of(job)).status_code == 404
        assert client.get(url_of(job, "job_result")).status_code == 404


@pytest.mark.parametrize("act", ACTS)
def test_strangers_can_do_nothing(stranger, bo, act):
    job = make(bo, "failed")
    assert stranger.post(url_of(job, act)).status_code == 404
    assert Job.objects.count() == 1


def test_whoever_is_not_signed_in_is_led_to_the_door(bo, client):
    job = make(bo)
    for path in (JOBS, url_of(job), url_of(job, "job_result")):
        assert client.get(path).headers["Location"].startswith(reverse("accounts:login"))


# What can be done with it.


@pytest.mark.parametrize("act", ACTS)
def test_an_act_is_a_post(reader, bo, act):
    assert reader.get(url_of(make(bo), act)).status_code == 405


def test_cancelling_one_that_waits_ends_it_and_twice_does_no_harm(reader, bo):
    job = make(bo, "queued")
    for _ in range(2):
        assert reader.post(url_of(job, "cancel_job"), {"next": JOBS}).headers["Location"] == JOBS
    assert now(job).state == "cancelled"
    assert bo.inbox.notifications.count() == 1


def test_cancelling_one_that_runs_asks_it_to_stop(reader, bo):
    job = make(bo)
    assert reader.post(url_of(job, "cancel_job"), {"live": "on"}, headers=HTMX).status_code == 204
    assert now(job).state == "cancelling"
    assert "It stops at the next safe place" in text_of(reader, job)


def test_cancelling_one_that_has_ended_changes_nothing(reader, bo):
    job = make(bo, "succeeded")
    assert reader.post(url_of(job, "cancel_job")).status_code == 302
    assert now(job).state == "succeeded"


def test_force_is_refused_for_a_minute(reader, bo):
    job = make(bo, "cancelling")
    answer = reader.post(url_of(job, "end_job_by_force"), {"next": JOBS}, follow=True)
    assert "It has a minute to stop by itself" in answer.content.decode()
    assert "act-refused" in reader.post(url_of(job, "end_job_by_force"), headers=HTMX).content.decode()
    assert now(job).state == "cancelling"


def test_force_ends_it_then_and_twice_does_no_harm(reader, bo):
    job = make(bo, "cancelling", cancel_wished_at=clock.now() - FORCE_AFTER)
    for _ in range(2):
        assert reader.post(url_of(job, "end_job_by_force")).status_code == 302
    assert now(job).state == "cancelled"
    assert bo.inbox.notifications.count() == 1


def test_trying_again_leads_to_the_new_run_and_twice_to_the_same(reader, bo):
    job = make(bo, "failed")
    ways = [reader.post(url_of(job, "retry_job")).headers["Location"] for _ in range(2)]
    assert ways == [url_of(now(job).retried_by)] * 2
    live = reader.post(url_of(job, "retry_job"), headers=HTMX)
    assert (live.status_code, live.headers["HX-Redirect"]) == (204, ways[0])


def test_one_that_runs_is_not_tried_again(reader, bo):
    answer = reader.post(url_of(make(bo), "retry_job"), follow=True)
    assert "There is nothing to try again" in answer.content.decode()
    assert Job.objects.count() == 1


def test_staff_who_may_watch_jobs_can_cancel_them(watcher, bo):
    job = start_job(TASK, owner=bo)
    watcher.post(url_of(job, "cancel_job"))
    assert now(job).state == "cancelled"


# What it has made.


def test_a_result_is_downloaded_by_its_owner_and_never_shown_by_the_browser(reader, bo):
    job = with_file(bo, "Bericht für Bo.html", b"<script>alert(1)</script>")
    answer = reader.get(url_of(job, "job_result"))
    assert b"".join(answer.streaming_content) == b"<script>alert(1)</script>"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''Bericht%20f%C3%BCr")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer.headers["Cache-Control"]


def test_staff_who_may_watch_jobs_can_download_it_too(watcher, bo):
    assert b"".join(watcher.get(url_of(with_file(bo, "report.csv", b"1,2"), "job_result")).streaming_content) == b"1,2"


def test_a_name_in_several_lines_is_a_name(reader, bo):
    answer = reader.get(url_of(with_file(bo, 'a\r\nSet-Cookie: "x"'), "job_result"))
    assert answer.headers["Content-Disposition"] == r'attachment; filename="a Set-Cookie: \"x\""'


def test_the_page_says_how_large_it_is_and_how_long_it_is_kept(reader, bo):
    page = text_of(reader, with_file(bo, expires_at=clock.now().replace(year=2030, month=11, day=28)))
    assert "Download report.csv" in page
    assert "4 bytes" in page
    assert "kept until Nov. 28, 2030" in page


def test_a_file_that_is_kept_for_ever_has_no_date(reader, bo):
    assert "kept until" not in text_of(reader, with_file(bo))


def test_an_expired_result_says_so_on_the_page_and_where_it_was(reader, bo):
    job = make(bo, "succeeded", result_label="report.csv", result_size=4)
    assert "report.csv has expired" in text_of(reader, job)
    assert "has expired" in reader.get(url_of(job, "job_result"), follow=True).content.decode()


def test_a_file_that_is_missing_is_no_error(reader, bo):
    job = with_file(bo)
    private().delete(job.result_file)
    answer = reader.get(url_of(job, "job_result"), follow=True)
    assert answer.redirect_chain == [(url_of(job), 302)]
    assert "This file has expired" in answer.content.decode()


def test_one_that_has_made_no_file_has_none(reader, bo):
    assert reader.get(url_of(make(bo, "succeeded"), "job_result")).status_code == 404


def test_a_result_may_be_a_link(reader, bo):
    html = reader.get(url_of(make(bo, "succeeded", result_url="/inbox/", result_label="The rota"))).content.decode()
    assert '<a class="button" href="/inbox/"><span><bdi>The rota</bdi>' in html
