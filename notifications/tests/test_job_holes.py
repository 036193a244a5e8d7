"""What strikes in the middle of a job's end, and what cannot be written: it ends all the same."""

import logging
import os
import signal
import sqlite3
import threading
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import InterfaceError, OperationalError, connection, transaction

import celery_app
from config.tests.site import eventually
from notifications import events, job_endings, job_files, job_keeper, jobs, signals
from notifications.job_files import private
from notifications.job_keeper import JobKeeper
from notifications.job_task import JobTask, told_by
from notifications.job_task import task_id as new_task_id
from notifications.jobs import (
    InvalidJob,
    JobFailed,
    Result,
    carry_out,
    refuse_job,
    revoke_job,
    run_job,
    start_job,
)
from notifications.models import Job, clock
from notifications.models.job_history import LINE_LIMIT

pytestmark = pytest.mark.django_db(transaction=True)

TASK = SimpleNamespace(name="tests.count", title="Counting", max_attempts=1, restarts=False)
STUBBORN = SimpleNamespace(name="tests.count", title="Counting", max_attempts=3, restarts=True)


@pytest.fixture(autouse=True)
def _no_workers():
    events.job_due.disconnect(signals.send_due_jobs)
    yield
    events.job_due.connect(signals.send_due_jobs)


def now(job):
    return Job.objects.get(pk=job.pk)


def told(user):
    return list(user.inbox.notifications.filter(key__startswith="job-").values_list("verb", flat=True))


def reporters():
    return [thread for thread in threading.enumerate() if thread.name == "belfry-reporter"]


# Signals. Celery's own handlers raise, wherever the main thread is.


@pytest.fixture
def task():
    """A task as a worker's child runs it, in its main thread."""

    def too_long(number, frame):
        raise SoftTimeLimitExceeded

    def leave(number, frame):
        raise SystemExit

    kept = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGTERM)}
    signal.signal(signal.SIGUSR1, too_long)
    signal.signal(signal.SIGTERM, leave)
    task = JobTask()
    task.name = "tests.count"
    task.limits = lambda: (60, 60)
    yield task
    for number, handler in kept.items():
        signal.signal(number, handler)


def strike(number):
    os.kill(os.getpid(), number)


@contextmanager
def striking(monkeypatch, place, name, number):
    """While this runs, the signal comes as that function begins."""
    original = getattr(place, name)

    def struck(*args, **options):
        strike(number)
        return original(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(place, name, struck)
        yield


@pytest.mark.parametrize(
    ("place", "name"), [(job_endings, "finish"), (jobs.RunningJob, "__init__"), (jobs.Job, "claim")]
)
def test_a_time_limit_that_strikes_beside_the_work_ends_nothing(bo, monkeypatch, task, place, name):
    job = start_job(TASK, owner=bo)
    task.run = lambda job: Result(url="/inbox/")
    with striking(monkeypatch, place, name, signal.SIGUSR1):
        task(str(job.pk), 1)
    assert now(job).state == ("succeeded" if name == "finish" else "failed")
    assert (len(told(bo)), reporters()) == (1, [])


def test_a_time_limit_that_strikes_the_work_says_so(bo, task):
    job = start_job(TASK, owner=bo)
    task.run = lambda job: strike(signal.SIGUSR1)
    task(str(job.pk), 1)
    assert "longer than 1 minute" in now(job).error_text


def test_a_process_that_is_asked_to_end_writes_the_end_first(bo, monkeypatch, task):
    job = start_job(STUBBORN, owner=bo)
    task.run = lambda job: None
    with striking(monkeypatch, job_endings, "finish", signal.SIGTERM), pytest.raises(SystemExit):
        task(str(job.pk), 1)
    assert now(job).state == "succeeded"


def test_a_second_signal_does_not_disturb_what_the_first_has_begun(bo, monkeypatch, task):
    job = start_job(STUBBORN, owner=bo)
    task.run = lambda job: strike(signal.SIGTERM)
    with striking(monkeypatch, jobs, "leave_attempt", signal.SIGTERM), pytest.raises(SystemExit):
        task(str(job.pk), 1)
    assert (now(job).state, reporters()) == ("retrying", [])


def test_a_reporter_falls_silent_whatever_strikes(bo, monkeypatch):
    def interrupted(reporter):
        raise KeyboardInterrupt

    monkeypatch.setattr("notifications.job_reporter.Reporter.stop", interrupted)
    with pytest.raises(KeyboardInterrupt), run_job(owner=bo, title="Rebuilding"):
        pass
    eventually(lambda: not reporters(), "its reporter has ended")


# What cannot be written.


@pytest.mark.parametrize("params", [{"name": object()}, {"name": "\x00\ud800"}, {"name": "x" * 5_000}])
def test_an_error_that_no_database_takes_is_told_all_the_same(bo, params):
    def refuse(running):
        raise JobFailed("There is no column {name}\x00", **params)

    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, refuse)
    assert (now(job).state, told(bo)) == ("failed", ["job.failed"])
    assert now(job).error_text.startswith("There is no column")


def test_its_owner_is_told_although_the_process_died_right_after_it_had_written_the_end(bo, monkeypatch):
    job = start_job(TASK, owner=bo)
    with monkeypatch.context() as patch:
        patch.setattr(connection, "run_and_clear_commit_hooks", lambda: connection.run_on_commit.clear())
        carry_out(job.pk, 1, lambda running: None)
    assert (now(job).state, bo.inbox.notifications.stamped().count()) == ("succeeded", 0)
    call_command("tick", once=True)
    assert told(bo) == ["job.succeeded"]
    assert bo.inbox.notifications.stamped().count() == 1


def test_a_result_that_cannot_be_written_is_a_failure(bo):
    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, lambda running: Result(url="/inbox/", label=5))
    assert (now(job).state, told(bo)) == ("failed", ["job.failed"])


def test_a_result_stays_when_the_answer_to_its_writing_is_lost(bo, monkeypatch, tmp_path):
    finish, tries = job_endings.finish, []

    def lost(*args, **options):
        tries.append(finish(*args, **options))
        if len(tries) == 1:
            raise OperationalError("The connection is gone, and this is meant.")
        return tries[-1]

    def work(running):
        (path := tmp_path / "result").write_text("made")
        return Result(file=path)

    job = start_job(TASK, owner=bo)
    monkeypatch.setattr(job_endings, "finish", lost)
    carry_out(job.pk, 1, work)
    assert (now(job).state, tries) == ("succeeded", [True, False])
    assert private().open(now(job).result_file).read() == b"made"


def test_the_upload_of_who_was_second_is_not_kept(bo, monkeypatch):
    def keep(upload):
        monkeypatch.undo()
        name = keep_upload(upload)
        start_job(TASK, owner=bo, key="one")
        kept.append(name)
        return name

    keep_upload, kept = job_files.keep_upload, []
    monkeypatch.setattr(jobs, "keep_upload", keep)
    assert start_job(TASK, owner=bo, key="one", upload=ContentFile(b"second", "upload")).upload_file == ""
    assert not private().exists(kept[0])


def test_progress_that_cannot_be_written_does_not_look_like_silence(bo):
    def work(running):
        running.message("At \x00 {what}", what=object())
        running.advance(2**70)
        heard = now(job).heartbeat
        eventually(lambda: now(job).heartbeat > heard, "a heartbeat")
        running.progress.parts[-1].current = 7

    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, work)
    assert (now(job).state, now(job).current) == ("succeeded", 7)


@pytest.mark.parametrize("name", [float("nan"), "C:\\u0000", "\\\x00", {"text": "{a}", "params": [1]}])
def test_a_message_may_hold_what_people_or_sums_have_made(bo, name):
    def work(running):
        running.message("At {name}", name=name)
        eventually(lambda: now(job).message, "its message")

    job = start_job(TASK, owner=bo, title="{name}", params={"name": "C:\\u0000"})
    carry_out(job.pk, 1, work)
    assert (now(job).state, now(job).title_text) == ("succeeded", "C:\\u0000")
    assert now(job).message_text.startswith("At ")


def test_a_phase_may_be_called_as_a_file_is(bo):
    def work(running):
        running.phase("report-\udc80\x00.csv")
        eventually(lambda: now(job).phase_title, "its phase")

    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, work)
    assert (now(job).state, now(job).phase_title) == ("succeeded", "report-?.csv")


@pytest.mark.parametrize("current", [float("nan"), float("inf"), "seven"])
def test_whatever_cannot_be_written_its_reporter_goes_on(bo, current):
    def work(running):
        running.progress.parts[-1].current = current
        heard = now(job).heartbeat
        eventually(lambda: now(job).heartbeat > heard, "a heartbeat")
        running.progress.parts[-1].current = 7

    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, work)
    assert (now(job).state, now(job).current) == ("succeeded", 7)


def test_a_line_is_cut_before_it_waits_to_be_written(bo):
    with run_job(owner=bo, title="Rebuilding") as running:
        running.reporter.let_go()
        running.log("x" * 5_000_000)
        assert [len(line) for line in running.reporter._lines] == [LINE_LIMIT]


def test_what_its_owner_could_not_be_told_is_refused_at_the_start(bo):
    with pytest.raises(InvalidJob, match="notification"):
        start_job(TASK, owner=bo, title="{name}", params={"name": "x" * 5_000})


def test_an_account_that_goes_takes_its_running_job_along(bo, caplog):
    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, lambda running: bo.delete() and None)
    assert not Job.objects.exists()
    assert "ERROR" not in [record.levelname for record in caplog.records]


def test_nobody_may_run_one_where_nobody_sees_it(bo):
    with transaction.atomic(), pytest.raises(RuntimeError), run_job(owner=bo, title="Rebuilding"):
        pass


# Those who were given up on.


def test_whatever_its_code_does_to_the_row_its_reporter_writes_for_its_own_attempt(bo):
    def work(running):
        job_endings.leave_attempt(job.pk, 1)
        now(job).claim(2)
        running.row.refresh_from_db()
        running.advance(5)
        eventually(lambda: running.reporter.verdict == "superseded", "it has heard of it")
        raise SystemExit

    job = start_job(STUBBORN, owner=bo)
    with pytest.raises(SystemExit):
        carry_out(job.pk, 1, work)
    assert (now(job).state, now(job).attempt, now(job).current) == ("running", 2, 0)


def test_one_that_was_revoked_does_not_begin_anew(bo):
    job = start_job(STUBBORN, owner=bo)
    job.claim(1)
    revoke_job(job.pk, 1)
    job_endings.leave_attempt(job.pk, 1)
    assert now(job).state == "cancelled"


def test_an_unknown_task_is_waited_for_once(bo):
    job = start_job(TASK, owner=bo)
    refuse_job(job.pk, 1)
    assert now(job).state == "queued"
    job.note_sending()
    refuse_job(job.pk, 1)
    assert (now(job).state, told(bo)) == ("failed", ["job.failed"])


def test_a_message_names_its_job_and_attempt():
    one, other = new_task_id("a-b", 3), new_task_id("a-b", 3)
    assert told_by(one) == told_by(other) == ("a-b", 3)
    assert one != other
    assert told_by("f1879504-2e6e-48ac-9497-c76241ced52a") is None


# The keeper.


@pytest.fixture
def silent(bo):
    """One that runs, and of which nobody hears."""
    job = start_job(TASK, owner=bo)
    job.claim(1)
    return job


@pytest.fixture
def seconds(monkeypatch):
    """Moves the keeper's clock."""
    clock = SimpleNamespace(moment=0.0)
    monkeypatch.setattr(job_keeper, "time", SimpleNamespace(monotonic=lambda: clock.moment))

    def look_after(keeper, *pauses):
        for pause in pauses:
            clock.moment += pause
            keeper.find_lost()

    return look_after


def test_a_tick_that_is_always_slow_finds_the_lost_as_well(silent, seconds):
    seconds(JobKeeper(), *[10] * 6)
    assert now(silent).state == "running"
    seconds(keeper := JobKeeper(), 10)
    seconds(keeper, *[10] * 6)
    assert now(silent).state == "lost"


def test_one_long_pause_of_the_tick_loses_nobody(silent, seconds):
    seconds(JobKeeper(), 1, 3600, 1, 1)
    assert now(silent).state == "running"


def test_one_that_cannot_be_given_up_on_holds_up_nobody(silent, bo, seconds, monkeypatch, caplog):
    other = start_job(TASK, owner=bo)
    other.claim(1)
    lose = job_keeper.lose_attempt

    def fail(job, *args):
        if job.pk == silent.pk:
            raise ValueError("This is meant.")
        lose(job, *args)

    monkeypatch.setattr(job_keeper, "lose_attempt", fail)
    seconds(JobKeeper(), *[5] * 20)
    assert (now(silent).state, now(other).state) == ("running", "lost")
    assert "could not be given up on" in caplog.text


def test_one_that_has_waited_for_days_is_sent_every_hour(bo):
    job = start_job(TASK, owner=bo)
    Job.objects.filter(pk=job.pk).update(sent=100, send_at=clock.now())
    JobKeeper().send_due()
    assert now(job).sent == 101
    assert timedelta(minutes=55) < now(job).send_at - clock.now() <= timedelta(hours=1)


@pytest.fixture
def expired(bo):
    """Makes jobs whose files are kept no more."""

    def make(upload):
        job = start_job(TASK, owner=bo, upload=ContentFile(upload, "upload"))
        jobs.cancel_job(job)
        Job.objects.filter(pk=job.pk).update(expires_at=clock.now())
        return now(job)

    return make


def test_files_that_are_old_enough_go_and_the_pages_are_told(expired):
    job = expired(b"old")
    JobKeeper().step()
    assert not private().exists(job.upload_file)
    assert (now(job).upload_file, now(job).version) == ("", job.version + 1)


def test_a_file_that_cannot_be_removed_holds_up_nobody_and_is_tried_later(expired, monkeypatch, caplog):
    stuck, other = expired(b"stuck"), expired(b"other")
    remove = job_files.remove

    def refuse(name):
        if name == stuck.upload_file:
            raise RuntimeError("This is meant.")
        remove(name)

    monkeypatch.setattr(job_files, "remove", refuse)
    JobKeeper().step()
    assert (now(stuck).upload_file, now(other).upload_file) == (stuck.upload_file, "")
    assert "cannot be removed" in caplog.text
    assert list(Job.objects.expired()) == []


def test_what_is_done_once_more_keeps_its_upload(expired):
    job = expired(b"still wanted")
    again = jobs.retry_job(job)
    job_files.remove_files(job)
    assert job_files.open_upload(now(again)).read() == b"still wanted"


def test_the_tick_outlives_a_connection_that_was_closed(monkeypatch, caplog):
    def closed(keeper):
        monkeypatch.undo()
        signal.raise_signal(signal.SIGTERM)
        raise InterfaceError("the connection is closed")

    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(JobKeeper, "step", closed)
    try:
        call_command("tick", interval=0.01)
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert "the connection is closed" in caplog.text


# The database.


def test_the_worker_leaves_its_pool_of_connections_behind_before_it_forks(monkeypatch):
    done = []
    pooled = SimpleNamespace(
        settings_dict={"OPTIONS": {"pool": {"max_size": 20}, "connect_timeout": 5}},
        close=lambda: done.append("closed"),
        close_pool=lambda: done.append("pool closed"),
    )
    monkeypatch.setattr("django.db.connections", SimpleNamespace(all=lambda: [pooled]))
    celery_app.do_without_pool()
    assert done[-2:] == ["closed", "pool closed"]
    assert pooled.settings_dict["OPTIONS"] == {"connect_timeout": 5}


def test_one_that_could_not_be_claimed_waits_and_is_claimed_by_the_next_message(bo, monkeypatch):
    job = start_job(TASK, owner=bo)
    with monkeypatch.context() as patch:
        patch.setattr(Job, "save", lambda *_, **__: (_ for _ in ()).throw(OperationalError("away")))
        with pytest.raises(OperationalError):
            carry_out(job.pk, 1, lambda running: None)
    assert (now(job).state, now(job).attempts.count()) == ("queued", 0)
    carry_out(job.pk, 1, lambda running: None)
    assert now(job).state == "succeeded"


@pytest.mark.skipif("sqlite" not in settings.DATABASES["default"]["ENGINE"], reason="PostgreSQL locks rows only")
def test_a_database_that_is_locked_delays_progress_and_the_end(bo, caplog):
    def work(running):
        running.log("before")
        running.advance()
        with locked():
            running.advance()
            eventually(lambda: "could not be written" in caplog.text, "the reporter has met the lock")
        running.log("after")
        eventually(lambda: now(job).current == 2, "it writes again")

    job = start_job(TASK, owner=bo)
    with caplog.at_level(logging.WARNING):
        carry_out(job.pk, 1, work)
    assert (now(job).state, list(job.lines.values_list("text", flat=True))) == ("succeeded", ["before", "after"])


@contextmanager
def locked():
    """Somebody else holds the write lock of SQLite."""
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()
