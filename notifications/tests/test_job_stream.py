"""The stream of jobs: every page that shows one ends up with how it is, whatever was lost in between."""

from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, Permission
from django.db import OperationalError
from django.test import Client

from notifications.job_endings import finish
from notifications.job_lists import LINES_SHOWN, LIST_LENGTH, TRAY_LENGTH, active_of_inboxes
from notifications.jobs import cancel_job, retry_job, start_job
from notifications.live import job_frames, push
from notifications.live.job_moves import moves_for
from notifications.live.job_positions import JobPosition
from notifications.live.job_watch import RETRY_SECONDS, JobWatch, is_behind
from notifications.live.outlet import Outlet
from notifications.models import Job
from notifications.progress import Progress
from notifications.testing import LivePage
from notifications.testing.dom import Document

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live")]

TASK = SimpleNamespace(name="tests.none", title="Counting")


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr("notifications.job_task.send_now", lambda *job: None)


@sync_to_async
def start(user, title="Counting"):
    return start_job(TASK, owner=user, title=title)


@sync_to_async
def begin(job):
    assert job.claim(1)


@sync_to_async
def move(job, current, total=10, lines=(), **said):
    progress = Progress()
    progress.begin_part(total).current = current
    progress.message = said.get("message", "")
    assert job.report(progress.columns(), list(lines))


@sync_to_async
def end(job, state="succeeded"):
    assert finish(job, 1, state, columns=Progress().columns(), lines=[])


async def fresh(page):
    return (await LivePage(page.user, page.path, client=page.client).load()).shown()


async def equals_a_reload(page, *names):
    """In the end: a frame is no snapshot, and what it has read a moment too early comes with the next one."""
    expected = await fresh(page)
    await page.until(lambda: all(page.shown()[name] == expected[name] for name in names or expected))


def progress_of(page):
    """All of its bars. They may stand at different versions for a moment: what is read is no snapshot."""
    return [bar.get("value") for bar in page.document.root.iter("progress")]


async def test_a_job_is_seen_from_its_start_to_its_end_on_every_page_of_its_owner(bo):
    async with LivePage(bo) as inbox, LivePage(bo, "/jobs/?view=active") as jobs:
        job = await start(bo)
        await begin(job)
        async with LivePage(bo, f"/jobs/{job.pk}/") as own:
            pages = [inbox, jobs, own]
            await move(job, 3, message="Writing", lines=["the first line"])
            for page in pages:
                await page.until(lambda page=page: set(progress_of(page)) == {"0.3000"})
            await own.until(lambda: "the first line" in own.text("#log"))
            for page in pages:
                await equals_a_reload(page)
            await end(job)
            await inbox.until(lambda: "Done" in inbox.text("#tray-list"))
            await inbox.until(lambda: "Counting is done" in inbox.text("#feed"))
            await jobs.until(lambda: "Counting" not in jobs.text("#jobs"))
            await own.until(lambda: "Done" in own.text("#job-page"))
            for page in pages:
                await equals_a_reload(page)


async def test_a_page_that_was_away_finds_the_last_state(bo):
    job = await start(bo)
    await begin(job)
    pages = [await LivePage(bo, path).load() for path in ("/inbox/", "/jobs/", f"/jobs/{job.pk}/")]
    await move(job, 3, lines=["one", "two"])
    await move(job, 7, lines=["three"])
    await end(job, "failed")
    other = await start(bo, "Another one")
    for page in pages:
        await page.connect()
        await page.until(lambda page=page: "Another one" in page.text("#tray-list"))
        await page.until(lambda page=page: "Counting failed" in page.text("#feed") or page.path != "/inbox/")
        await equals_a_reload(page)
        await page.cut()
    assert other


async def test_a_page_that_lacks_nothing_is_told_nothing(bo):
    job = await start(bo)
    async with LivePage(bo, f"/jobs/{job.pk}/") as page:
        await begin(job)
        await page.until(lambda: "Running" in page.text("#job-page"))
        assert len(page.frames) == 1


async def test_what_lost_nudges_have_left_behind_the_sweep_finds(bo, monkeypatch):
    monkeypatch.setattr(push.Sender, "_send", lambda sender, messages: None)
    job = await start(bo)
    async with LivePage(bo) as inbox, LivePage(bo, f"/jobs/{job.pk}/") as own, LivePage(bo, "/jobs/") as jobs:
        await begin(job)
        await move(job, 5)
        for page in (inbox, own, jobs):
            await page.until(lambda page=page: set(progress_of(page)) == {"0.5000"})
        await end(job)
        for page in (inbox, own, jobs):
            await page.until(lambda page=page: "Done" in page.text("#tray-list"))
            await equals_a_reload(page, "tray")
        await own.until(lambda: "Done" in own.text("#job-page"))
        await jobs.until(lambda: "Done" in jobs.text("#jobs"))


@pytest.mark.parametrize(("view", "expected"), [("all", True), ("active", True), ("failed", False)])
def test_the_sweep_finds_also_what_the_tray_has_no_place_for(bo, view, expected):
    for _ in range(TRAY_LENGTH):
        start_job(TASK, owner=bo).claim(1)
    standing = active_of_inboxes([bo.inbox.pk])[bo.inbox.pk]
    tray = tuple((job_id, version, "running.1.0") for job_id, version in standing)
    position = JobPosition(tray=tray, view=f"list:{view}", shown=tray if view != "failed" else ())
    assert not is_behind(position, standing, {})
    start_job(TASK, owner=bo, title="One that waits")
    assert is_behind(position, active_of_inboxes([bo.inbox.pk])[bo.inbox.pk], {}) is expected


def test_a_move_of_what_a_page_shows_no_more_is_looked_at(bo):
    job = start_job(TASK, owner=bo)
    job.claim(1)
    position = JobPosition(inbox_id=job.inbox_id, user_id=bo.pk, tray=(), language="en", zone="UTC")
    assert moves_for({position: {str(job.pk)}}) == {}
    assert "Counting" in job_frames.job_frames_for({position})[position].html


async def test_a_job_that_cannot_be_rendered_stops_no_other_page(bo, chi, monkeypatch):
    real = job_frames.row_html

    def row_html(position, place, job, *args, **options):
        if job.title == "Broken":
            raise ValueError("This is meant.")
        return real(position, place, job, *args, **options)

    monkeypatch.setattr(job_frames, "row_html", row_html)
    async with LivePage(bo), LivePage(chi) as page:
        await start(bo, "Broken")
        await start(chi, "Whole")
        await page.until(lambda: "Whole" in page.text("#tray-list"))


@pytest.fixture
def watch():
    """The hub's part for jobs, with one page. ``later`` holds what is put off."""
    page, later = Page(), []
    hub = SimpleNamespace(wake=lambda: None, later=lambda *one: later.append(one), outlets={1: {page}})
    watch = JobWatch(hub)
    watch.mark([page])
    return SimpleNamespace(watch=watch, page=page, later=later, outlets=hub.outlets)


class Page:
    inbox_id, jobs, closed = 1, JobPosition(inbox_id=1), False
    pause = 0.0

    def wait_for_jobs(self):
        return self.pause

    def push_jobs(self, frame):
        raise AssertionError("It has left.")


async def test_a_database_that_is_away_is_asked_again_after_a_pause(watch, monkeypatch):
    async def fail(*args):
        raise OperationalError("away")

    monkeypatch.setattr("notifications.live.database.job_frames", fail)
    with pytest.raises(OperationalError):
        await watch.watch.flush()
    assert not watch.watch.has_work
    [(seconds, work)] = watch.later
    assert seconds == RETRY_SECONDS
    work()
    assert watch.watch.has_work


async def test_who_has_left_gets_nothing_more(watch, monkeypatch):
    async def leave_meanwhile(moved, wanted):
        watch.outlets.clear()
        return {position: job_frames.JobFrame("told", position) for position in wanted}

    watch.page.pause = 1.0
    await watch.watch.flush()
    watch.page.pause = 0.0
    watch.watch.mark([watch.page])
    monkeypatch.setattr("notifications.live.database.job_frames", leave_meanwhile)
    await watch.watch.flush()
    [(_, work)] = watch.later
    work()
    assert not watch.watch.has_work


async def test_a_stranger_learns_nothing_of_a_guessed_job(bo, chi):
    job = await start(bo, "A secret")
    page = await LivePage(chi).load()
    form = page.document.inputs("#resume") | {"jobs": f"job:{job.pk}", "jobs_at": "0"}
    await page.connect(form=form)
    await page.until(lambda: page.frames)
    await begin(job)
    await move(job, 5, lines=["secret, too"])
    await start(chi, "My own")
    await page.until(lambda: "My own" in page.text("#tray-list"))
    assert "secret" not in "".join(page.frames).lower().replace("a_secret", "")
    await page.cut()


async def test_staff_with_the_permission_watch_live_until_they_lose_it(bo, ada):
    watch = await Permission.objects.aget(codename="watch_jobs")
    await ada.user_permissions.aadd(watch)
    job = await start(bo)
    await begin(job)
    async with LivePage(ada, f"/jobs/{job.pk}/") as page:
        await move(job, 5)
        await page.until(lambda: "0.5000" in progress_of(page))
        await ada.user_permissions.aremove(watch)
        job_frames._trusted.clear()
        await move(job, 6)
        await page.until(lambda: "yours to see" in page.text("#job-page"))
        assert progress_of(page) == []


@pytest.mark.parametrize("taken", ["permission", "staff", "group"])
async def test_whoever_may_not_watch_any_more_sees_so_though_the_job_does_not_move(bo, ada, taken):
    watch, group = await Permission.objects.aget(codename="watch_jobs"), await Group.objects.acreate(name="Watchers")
    if taken == "group":
        await group.permissions.aadd(watch)
        await ada.groups.aadd(group)
    else:
        await ada.user_permissions.aadd(watch)
    job = await start(bo, "For Ada's eyes")
    async with LivePage(ada, f"/jobs/{job.pk}/") as page:
        await begin(job)
        await move(job, 5)
        await page.until(lambda: "0.5000" in progress_of(page))
        if taken == "staff":
            ada.is_staff = False
            await ada.asave()
        else:
            await (ada.groups.aclear() if taken == "group" else ada.user_permissions.aclear())
        await page.until(lambda: "yours to see" in page.text("#job-page"))


async def test_the_order_of_the_tray_and_its_length_are_kept_live(bo):
    async with LivePage(bo) as page:
        jobs = [await start(bo, f"Job {number}") for number in range(TRAY_LENGTH + 2)]
        await page.until(lambda: f"Job {TRAY_LENGTH + 1}" in page.text("#tray-list"))
        await equals_a_reload(page)
        await sync_to_async(cancel_job)(jobs[-1])
        await page.until(lambda: "Job 1" in page.text("#tray-list"))
        await equals_a_reload(page, "tray")


async def test_a_retry_shows_on_the_page_of_the_first_run(bo):
    job = await start(bo)
    await begin(job)
    await end(job, "failed")
    async with LivePage(bo, f"/jobs/{job.pk}/") as page:
        await sync_to_async(retry_job)(await Job.objects.aget(pk=job.pk))
        await page.until(lambda: "tried again" in page.text("#job-page"))
        await equals_a_reload(page, "job")


async def test_more_lines_than_a_page_shows_arrive_as_a_fresh_log(bo):
    job = await start(bo)
    await begin(job)
    page = await LivePage(bo, f"/jobs/{job.pk}/").load()
    for _ in range(2):
        await move(job, 1, lines=[f"line {number}" for number in range(LINES_SHOWN)])
    await page.connect()
    await page.until(lambda: "line 199" in page.text("#log"))
    await equals_a_reload(page, "job")
    await page.cut()


async def test_many_changes_are_few_frames_and_the_last_one_arrives(bo):
    job = await start(bo)
    await begin(job)
    async with LivePage(bo, f"/jobs/{job.pk}/") as page:
        for number in range(1, 101):
            await move(job, number, total=100)
        await page.until(lambda: "100 of 100" in page.text("#job-page"))
        assert len(page.frames) < 50


def test_a_page_gets_at_most_four_frames_of_jobs_a_second(monkeypatch):
    moment = [100.0]
    monkeypatch.setattr("notifications.live.outlet.time.monotonic", lambda: moment[0])
    outlet = Outlet.__new__(Outlet)
    outlet._sending = outlet._full_since = None
    outlet._jobs_at, outlet.jobs = [], JobPosition(inbox_id=1)
    sent = []
    while moment[0] < 110.0:
        if outlet.wait_for_jobs() == 0.0:
            outlet._note_jobs()
            sent.append(moment[0])
        moment[0] += 0.01
    assert max(sum(1 for other in sent if one <= other < one + 0.999) for one in sent) == 4
    assert len(sent) >= 38


@pytest.mark.parametrize("path", ["/inbox/", "/jobs/", "/jobs/?view=active", "job"])
def test_a_page_without_a_socket_is_told_the_same_by_polling(bo, path):
    job = start_job(TASK, owner=bo)
    client = Client()
    client.force_login(bo)
    path = f"/jobs/{job.pk}/" if path == "job" else path
    document = Document(client.get(path).content.decode())
    job.claim(1)
    job.report(Progress().columns(), ["a line"])
    start_job(TASK, owner=bo, title="Another")
    document.apply(client.get("/inbox/changes/", document.inputs("#resume")).content.decode())
    assert document.shown() == Document(client.get(path).content.decode()).shown()
    again = client.get("/inbox/changes/", document.inputs("#resume")).content.decode()
    assert "tray-list" not in again
    assert "job-page" not in again


@pytest.mark.parametrize(
    "strange",
    [
        {"jobs": "job:1"},
        {"jobs": "list:none"},
        {"jobs": "job:"},
        {"tray": "\x00"},
        {"line": "-1"},
        {"jobs_at": "é" * 500},
    ],
)
def test_what_is_strange_in_a_form_gets_the_full_answer_or_nothing(bo, strange):
    start_job(TASK, owner=bo, title="A job")
    client = Client()
    client.force_login(bo)
    form = Document(client.get("/jobs/").content.decode()).inputs("#resume") | {"tray": "?"} | strange
    answer = client.get("/inbox/changes/", form)
    assert answer.status_code == 200
    assert "A job" in answer.content.decode()


def test_the_list_has_pages(bo):
    for number in range(LIST_LENGTH + 1):
        start_job(TASK, owner=bo, title=f"Job {number}")
    client = Client()
    client.force_login(bo)
    first = Document(client.get("/jobs/").content.decode())
    assert len(first.find("#jobs")) == LIST_LENGTH
    link = next(one.get("href") for one in first.root.iter("a") if "before=" in (one.get("href") or ""))
    assert len(Document(client.get(link).content.decode()).find("#jobs")) == 1
