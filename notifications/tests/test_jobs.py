"""Jobs: each ends, once, and its owner is told once; whoever was given up on changes nothing."""

import time
from types import SimpleNamespace

import pytest
from django.db import transaction

from config.tests.site import eventually
from notifications import events
from notifications.job_endings import leave_attempt, lose_attempt
from notifications.job_reporter import INTERVAL
from notifications.jobs import (
    InvalidJob,
    JobFailed,
    Result,
    RetryLater,
    cancel_job,
    carry_out,
    end_job_by_force,
    retry_job,
    run_job,
    start_job,
)
from notifications.models import Job, clock
from notifications.models.job import FORCE_AFTER

pytestmark = pytest.mark.django_db(transaction=True)

TASK = SimpleNamespace(name="tests.count", title="Counting", max_attempts=1, restarts=False)
STUBBORN = SimpleNamespace(name="tests.count", title="Counting", max_attempts=3, restarts=True)


@pytest.fixture
def sent(monkeypatch):
    """The messages that would go to the workers."""
    messages = []
    monkeypatch.setattr(events, "send", remember(messages, events.send))
    return messages


def remember(messages, send):
    def sending(signal, sender, **arguments):
        if signal is events.job_due:
            messages.extend(arguments["jobs"])
        else:
            send(signal, sender, **arguments)

    return sending


def now(job):
    return Job.objects.get(pk=job.pk)


def told(user):
    """What the owner has been told of ends."""
    return [(row.verb, row.title_text) for row in user.inbox.notifications.filter(key__startswith="job-")]


def test_a_job_that_succeeds_says_so_in_its_row_and_in_the_inbox(bo, sent):
    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, lambda running: Result(url="/inbox/", label="The inbox"))
    job = now(job)
    assert (job.state, job.attempt, job.percent, job.result_url) == ("succeeded", 1, 100, "/inbox/")
    assert told(bo) == [("job.succeeded", "Counting is done")]
    assert sent == [(str(job.pk), 1, "tests.count")]


def test_nothing_is_sent_before_the_commit_and_nothing_remains_of_a_rollback(bo, sent):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        start_job(TASK, owner=bo)
        raise ZeroDivisionError
    assert (sent, Job.objects.count()) == ([], 0)
    with transaction.atomic():
        start_job(TASK, owner=bo)
        assert sent == []
    assert len(sent) == 1


@pytest.mark.usefixtures("sent")
def test_the_same_message_twice_does_it_once(bo):
    done = []
    job = start_job(TASK, owner=bo)
    for _ in range(2):
        carry_out(job.pk, 1, done.append)
    assert len(done) == 1
    assert len(told(bo)) == 1


@pytest.mark.usefixtures("sent")
def test_the_same_key_while_one_is_active_returns_that_one(bo, chi):
    first = start_job(TASK, owner=bo, key="export")
    assert start_job(TASK, owner=bo, key="export") == first
    assert start_job(TASK, owner=chi, key="export") != first
    carry_out(first.pk, 1, lambda running: None)
    assert start_job(TASK, owner=bo, key="export") != first


@pytest.mark.usefixtures("sent")
def test_an_error_for_its_reader_is_shown_and_any_other_is_not(bo, caplog):
    def refuse(running):
        raise JobFailed("The file has no column {name}", name="e-mail")

    def break_down(running):
        raise ValueError("secret")

    first, second = (start_job(TASK, owner=bo) for _ in range(2))
    carry_out(first.pk, 1, refuse)
    carry_out(second.pk, 1, break_down)
    assert now(first).error_text == "The file has no column e-mail"
    assert now(second).error_text.startswith("Something went wrong")
    assert "secret" in caplog.text
    assert [row.body for row in bo.inbox.notifications.order_by("pk")] == [
        now(first).error_text,
        now(second).error_text,
    ]


@pytest.mark.usefixtures("sent")
def test_an_attempt_that_fails_is_followed_by_the_next_and_the_last_one_is_the_end(bo):
    def fail(running):
        raise RetryLater("The mail server is away", after=20)

    job = start_job(STUBBORN, owner=bo)
    carry_out(job.pk, 1, fail)
    assert (now(job).state, now(job).attempt_text, now(job).is_active) == ("retrying", "attempt 2 of 3", True)
    assert told(bo) == []
    carry_out(job.pk, 2, fail)
    carry_out(job.pk, 3, fail)
    assert (now(job).state, now(job).error_text) == ("failed", "The mail server is away")
    assert [(one.number, one.ending) for one in job.attempts.all()] == [(1, "failed"), (2, "failed"), (3, "failed")]
    assert len(told(bo)) == 1


@pytest.mark.usefixtures("sent")
def test_a_job_that_waits_is_cancelled_at_once_and_twice_does_no_harm(bo):
    job = start_job(TASK, owner=bo)
    assert cancel_job(job)
    assert cancel_job(job)
    carry_out(job.pk, 1, lambda running: pytest.fail("It was cancelled."))
    assert now(job).state == "cancelled"
    assert told(bo) == [("job.cancelled", "Counting was cancelled")]


@pytest.mark.usefixtures("sent")
def test_a_job_that_runs_is_cancelled_at_its_next_checkpoint(bo):
    seen = []

    def work(running):
        for number in running.track(range(1_000_000), message="Counting"):
            if number == 10:
                cancel_job(running.row)
                seen.append(now(job).state)
                eventually(lambda: running.reporter.verdict, "the reporter has heard of it")
        pytest.fail("It was cancelled.")

    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, work)
    assert seen == ["cancelling"]
    assert (now(job).state, now(job).current) == ("cancelled", 11)
    assert len(told(bo)) == 1


@pytest.mark.usefixtures("sent")
def test_one_that_does_not_stop_can_be_ended_by_force_after_a_minute(bo, time_machine):
    def work(running):
        cancel_job(running.row)
        assert not end_job_by_force(now(job))
        time_machine.move_to(clock.now() + FORCE_AFTER)
        assert end_job_by_force(now(job))
        assert not end_job_by_force(now(job))
        return Result(url="/too/late/")

    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, work)
    assert (now(job).state, now(job).result_url) == ("cancelled", "")
    assert len(told(bo)) == 1


@pytest.mark.usefixtures("sent")
def test_a_zombie_changes_nothing_of_its_successor(bo):
    def work(running):
        lose_attempt(job, 1, now(job).heartbeat)
        assert now(job).state == "retrying"
        job.claim(2)
        running.advance(5)
        eventually(lambda: running.reporter.verdict == "superseded", "the zombie has heard of it")
        running.checkpoint()

    job = start_job(STUBBORN, owner=bo)
    carry_out(job.pk, 1, work)
    assert (now(job).state, now(job).attempt, now(job).current) == ("running", 2, 0)
    assert told(bo) == []


@pytest.mark.usefixtures("sent")
def test_a_zombie_does_not_write_while_the_next_attempt_waits_either(bo):
    job = start_job(STUBBORN, owner=bo)
    job.claim(1)
    lose_attempt(job, 1, now(job).heartbeat)
    before = now(job).version
    zombie = Job(pk=job.pk, attempt=1, inbox_id=job.inbox_id)
    assert (zombie.report({"current": 5}, ["a line"]), zombie.beat(), zombie.look()) == (None, None, None)
    assert (now(job).version, now(job).current, job.lines.count()) == (before, 0, 0)


@pytest.mark.usefixtures("sent")
def test_a_zombie_that_comes_to_its_end_has_no_effect_either(bo):
    def work(running):
        lose_attempt(job, 1, now(job).heartbeat)
        return Result(url="/zombie/")

    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, work)
    assert (now(job).state, now(job).result_url) == ("lost", "")
    assert told(bo) == [("job.lost", "Counting was cut off")]


@pytest.mark.usefixtures("sent")
def test_a_heartbeat_in_the_last_moment_keeps_it(bo):
    job = start_job(TASK, owner=bo)
    job.claim(1)
    heard = now(job).heartbeat
    job.beat()
    lose_attempt(job, 1, heard)
    assert now(job).state == "running"


@pytest.mark.usefixtures("sent")
def test_a_process_that_is_told_to_end_gives_its_attempt_back_at_once(bo):
    def work(running):
        raise SystemExit

    lost, anew = start_job(TASK, owner=bo), start_job(STUBBORN, owner=bo)
    for job in (lost, anew):
        with pytest.raises(SystemExit):
            carry_out(job.pk, 1, work)
    assert (now(lost).state, now(anew).state) == ("lost", "retrying")
    leave_attempt(anew.pk, 1)
    assert now(anew).attempt == 1


@pytest.mark.usefixtures("sent")
def test_one_that_failed_can_be_done_once_more_and_knows_its_first_run(bo):
    job = start_job(TASK, owner=bo, args=[1], kwargs={"two": 2})
    with pytest.raises(InvalidJob):
        retry_job(job)
    lose = job.claim(1)
    lose_attempt(job, 1, now(job).heartbeat)
    again = retry_job(now(job))
    assert lose
    assert retry_job(now(job)) == again
    assert (again.retry_of, again.args, again.kwargs) == (job, [1], {"two": 2})
    assert not now(job).can_be_retried


def test_however_often_it_moves_it_is_written_a_few_times_a_second_and_the_last_of_it_always(bo):
    began = time.monotonic()
    with run_job(owner=bo, title="Counting") as running:
        before = now(running.row).version
        running.expect(200_000)
        while time.monotonic() - began < 4 * INTERVAL:
            for _ in range(100):
                running.advance()
        count = running.progress.parts[-1].current
        writes = now(running.row).version - before
    assert writes <= (time.monotonic() - began) / INTERVAL
    assert INTERVAL >= 0.25
    assert now(running.row).current == count


def test_code_without_a_worker_reports_as_well(bo):
    with run_job(owner=bo, title="Rebuilding") as running:
        for _ in running.track("abc"):
            running.log("a line")
    job = bo.inbox.jobs.get()
    assert (job.state, job.current, job.total, job.lines.count()) == ("succeeded", 3, 3, 3)
    with pytest.raises(KeyError), run_job(owner=bo, title="Rebuilding"):
        raise KeyError
    assert sorted(bo.inbox.jobs.values_list("state", flat=True)) == ["failed", "succeeded"]


@pytest.mark.parametrize("wrong", [{"title": "x" * 201}, {"key": "two words"}])
def test_what_cannot_be_a_job_is_refused_and_says_what_was_expected(bo, wrong):
    with pytest.raises(InvalidJob, match="1 to"):
        start_job(TASK, owner=bo, **wrong)
