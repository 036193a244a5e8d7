"""Jobs in a browser: the tray, what is said of them, the seconds that are left, and ends that are read once seen."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import expect

from config.tests.site import eventually
from notifications.jobs import cancel_job
from notifications.models import Job, JobAttempt, JobLine, clock
from notifications.models.job_states import STATES
from notifications.tests.test_job_pages import make, url_of, with_file

from .test_axe import NARROW, WIDE, violations
from .test_narrow import LONG, assert_fits

LISTS = ["/jobs/", "/jobs/?view=active", "/jobs/?view=failed"]


def fill(user, words=""):
    """One job in each state, and what is known of them at its longest."""
    moment = clock.now()
    progress = {"current": 1204, "total": 2600, "fraction": 0.4631, "message": f"Writing rows {words}"}
    phase = {"phase": 2, "phase_count": 3, "phase_title": f"Writing {words}"}
    special = {
        "running": {**progress, **phase},
        "retrying": {"max_attempts": 3, "send_at": moment + timedelta(hours=1), "error": f"It was busy {words}"},
        "cancelling": {"cancel_wished_at": moment - timedelta(hours=1)},
        "failed": {"error": f"There is no column {words}", "attempt": 2, "max_attempts": 2},
    }
    jobs = [make(user, state, title=f"Counting {words}", **special.get(state, {})) for state in STATES]
    jobs.append(with_file(user, f"report {words}"[:100], title="Reporting", expires_at=moment + timedelta(days=7)))
    for job in jobs:
        JobAttempt.objects.create(job=job, number=1, started_at=moment, ended_at=moment, ending="lost", error="Cut off")
        JobLine.objects.bulk_create(
            [JobLine(job=job, number=n, attempt=1, at=moment, text=f"Line {n} {words}") for n in range(1, 40)]
        )
    make(user, "succeeded", title="Counting once more", retry_of=jobs[-2])
    return jobs


def tray_of(page):
    page.locator("#tray-button").click()
    expect(page.locator("#tray")).to_be_visible()
    return page.locator("#tray")


def ended(user):
    """One that has ended, and its owner was told."""
    job = make(user, "queued")
    cancel_job(job)
    return job


def is_read(job):
    return job.inbox.notifications.get(key=job.item_key).read_at is not None


def posts_of(page):
    posts = []
    page.on("request", lambda request: request.method == "POST" and posts.append(request.url))
    return posts


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture(params=[WIDE, NARROW], ids=["wide", "narrow"])
def viewport(request):
    return request.param


@pytest.fixture(params=["bo", "dana"])
def reader(request):
    return request.getfixturevalue(request.param)


# What everybody can use.


def test_every_page_of_jobs_passes_axe(window, reader, scheme, viewport):
    jobs = fill(reader)
    page = window(reader, viewport=viewport, color_scheme=scheme, reduced_motion="reduce").open("/jobs/")
    found = violations(page)
    tray_of(page)
    found += violations(page)
    for job in jobs:
        page.goto(window.url + url_of(job))
        found += violations(page)
    assert found == [], "\n".join(found)


def test_empty_ones_pass_axe(window, bo, scheme):
    page = window(bo, color_scheme=scheme, reduced_motion="reduce").open("/jobs/")
    tray = tray_of(page)
    expect(tray.get_by_text("The clockwork rests")).to_be_visible()
    assert violations(page) == []


def test_every_page_of_jobs_fits_a_narrow_window_whatever_stands_in_it(window, reader):
    jobs = fill(reader, LONG[:80])
    page = window(reader, viewport=NARROW).open()
    for path in LISTS + [url_of(job) for job in jobs]:
        page.goto(window.url + path)
        assert_fits(page)
    box = tray_of(page).bounding_box()
    assert 0 <= box["x"] <= box["x"] + box["width"] <= NARROW["width"]
    assert_fits(page)


def test_the_tray_opens_and_closes_by_keyboard(window, bo):
    make(bo)
    page = window(bo).open()
    page.locator("#tray-button").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#tray")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#tray").get_by_role("link", name="Counting")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#tray")).to_be_hidden()
    expect(page.locator("#tray-button")).to_be_focused()


def test_the_trays_button_counts_those_under_way_and_shows_no_zero(window, bo):
    page = window(bo).open()
    expect(page.locator("#tray-count")).to_be_hidden()
    make(bo)
    page.reload()
    expect(page.get_by_role("button", name="Jobs 1 under way")).to_be_visible()


def test_without_scripts_the_tray_opens_and_its_buttons_work(window, bo):
    job = make(bo, "queued")
    page = window(bo, java_script_enabled=False).open(live=False)
    tray = tray_of(page)
    tray.get_by_role("button", name="Cancel: Counting").click()
    eventually(lambda: Job.objects.get(pk=job.pk).state == "cancelled", "it is cancelled")
    page.goto(window.url + url_of(job))
    page.locator("#job-page").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("link", name="See the run before it")).to_be_visible()


def test_trying_again_leads_to_the_new_run(window, bo):
    job = make(bo, "failed")
    page = window(bo).open(url_of(job))
    page.locator("#job-page").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("link", name="See the run before it")).to_have_attribute("href", url_of(job))


def test_when_its_button_goes_the_focus_stays_with_the_job(window, bo):
    job = make(bo, "queued")
    page = window(bo).open()
    tray_of(page).get_by_role("button", name="Cancel: Counting").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#tray-{job.pk}")).to_have_attribute("data-state", "cancelled")
    expect(page.locator("#tray").get_by_role("link", name="Counting", exact=True)).to_be_focused()


# What is said.


def test_begin_half_and_end_are_said_once_each(window, bo):
    job = make(bo, "queued")
    bos = window(bo)
    bos.context.clock.install()
    page = bos.open(url_of(job))
    line = page.locator("#bell-status")
    row = page.locator(f"#tray-{job.pk}")
    said = []

    def show(script):
        row.evaluate(script)
        page.clock.run_for(2_500)
        said.append(line.text_content())

    show("row => { row.dataset.state = 'running'; }")
    show("row => { row.querySelector('progress').value = 0.3; }")
    show("row => { row.querySelector('progress').value = 0.5; }")
    show("row => { row.querySelector('progress').value = 0.7; }")
    show("row => { row.dataset.state = 'succeeded'; row.querySelector('progress').remove(); }")
    page.locator("#job-page progress").evaluate("bar => bar.remove()")
    page.clock.run_for(2_500)
    begun, half = "Counting has begun.", "Counting is half done."
    assert said == [begun, begun, half, half, "Counting is done."]
    expect(line).to_have_text("Counting is done.")


def test_what_a_page_shows_when_it_is_opened_is_not_said(window, bo):
    fill(bo)
    bos = window(bo)
    bos.context.clock.install()
    page = bos.open("/jobs/")
    page.clock.run_for(5_000)
    expect(page.locator("#bell-status")).to_have_text("")


def test_the_seconds_until_the_next_attempt_are_counted(window, bo):
    make(bo, "retrying", max_attempts=3, send_at=clock.now() + timedelta(seconds=80))
    page = window(bo).open("/jobs/")
    expect(page.locator("#jobs .job-said")).to_have_text(re.compile(r"attempt 2 of 3, in [1-8]?\ds$"))


def test_force_is_offered_when_it_is_possible(window, bo):
    now = make(bo, "cancelling", cancel_wished_at=clock.now() - timedelta(minutes=2))
    later = make(bo, "cancelling", cancel_wished_at=clock.now() + timedelta(minutes=2))
    page = window(bo).open("/jobs/")
    expect(page.locator(f"#job-force-{now.pk}")).to_be_visible()
    expect(page.locator(f"#job-force-{later.pk}")).to_be_hidden()
    expect(page.locator(f"#job-{later.pk} .job-hint")).to_contain_text("by force in 3 min.")


def test_the_log_is_read_from_its_end(window, bo):
    job = fill(bo)[1]
    page = window(bo).open(url_of(job))
    page.locator(".log-box").scroll_into_view_if_needed()
    expect(page.locator("#line-39")).to_be_in_viewport()


# An end that is seen is read.


def test_the_end_that_a_jobs_own_page_shows_is_read(window, bo):
    job = ended(bo)
    window(bo).open(url_of(job))
    eventually(lambda: is_read(job), "its item is read")


def test_an_end_is_read_when_the_tray_shows_it_and_once(window, bo):
    job = ended(bo)
    page = window(bo).open("/jobs/")
    posts = posts_of(page)
    assert not is_read(job)
    tray_of(page)
    eventually(lambda: is_read(job), "its item is read")
    page.reload()
    tray_of(page)
    page.locator("#tray").get_by_role("link", name="See all jobs").click()
    assert [url for url in posts if "read" in url] == [f"{window.url}/inbox/{job.item_key}/read/"]


def test_an_end_that_could_not_be_marked_is_no_alarm_and_is_marked_later(window, bo):
    job = ended(bo)
    page = window(bo).open()
    page.route("**/read/", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        tray_of(page)
    expect(page.locator("#alerts .toast")).to_have_count(0)
    page.unroute("**/read/")
    page.keyboard.press("Escape")
    tray_of(page)
    eventually(lambda: is_read(job), "its item is read")


def test_whoever_watches_somebody_elses_job_marks_nothing(window, ada, bo):
    ada.user_permissions.add(Permission.objects.get(codename="watch_jobs"))
    job = ended(bo)
    page = window(ada).open("/jobs/")
    posts = posts_of(page)
    page.goto(window.url + url_of(job))
    expect(page.get_by_text("This is a job of Bo Lindqvist")).to_be_visible()
    tray_of(page)
    page.goto(f"{window.url}/jobs/")
    assert posts == []
    assert not is_read(job)
