"""Branches: parts of a job that are done side by side add up, and the job ends when all of them have."""

from types import SimpleNamespace

import pytest

from notifications import events
from notifications.job_branches import settle_all_branched
from notifications.job_endings import lose_attempt
from notifications.job_keeper import JobKeeper
from notifications.job_lists import tray_of
from notifications.jobs import JobFailed, Result, cancel_job, carry_out, end_job_by_force, start_job
from notifications.models import Inbox, Job
from notifications.models.job import FORCE_AFTER

from .test_jobs import told

pytestmark = pytest.mark.django_db(transaction=True)

TASK = SimpleNamespace(name="tests.whole", title="Counting")
PART = SimpleNamespace(name="tests.part", title="A part of it")


@pytest.fixture(autouse=True)
def sent(monkeypatch):
    messages = []
    monkeypatch.setattr("notifications.job_task.Sender.put", lambda sender, *job: messages.append(job))
    return messages


def branch_out(running, count=3):
    for number in range(count):
        running.branch(PART, args=[number])
    return Result(url="/inbox/", label="All of it")


@pytest.fixture
def whole(bo):
    """A job whose own code is through, and whose three branches wait."""
    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, branch_out)
    return job


def now(job):
    return Job.objects.get(pk=job.pk)


def branches(job):
    return list(job.branches.order_by("queued_at", "args"))


def test_it_goes_on_until_the_last_one_has_ended_and_then_says_so_once(bo, whole, sent):
    assert [job_id for job_id, *_ in sent] == [str(whole.pk), *(str(one.pk) for one in branches(whole))]
    assert (now(whole).state, now(whole).count_text, now(whole).percent) == ("running", "0 of 3", 0)
    first, second, third = branches(whole)
    carry_out(first.pk, 1, lambda running: None)
    carry_out(second.pk, 1, lambda running: None)
    assert (now(whole).state, now(whole).count_text, now(whole).percent) == ("running", "2 of 3", 66)
    assert told(bo) == []
    carry_out(third.pk, 1, lambda running: None)
    assert (now(whole).state, now(whole).percent, now(whole).result_url) == ("succeeded", 100, "/inbox/")
    assert told(bo) == [("job.succeeded", "Counting is done")]


def test_branches_stand_in_no_list(bo, whole, client):
    client.force_login(bo)
    assert tray_of(Inbox.objects.of(bo)) == [whole]
    assert "A part of it" not in client.get("/jobs/").content.decode()


def test_the_tick_adds_up_what_they_have_done_so_far(whole):
    first, second, _ = branches(whole)
    first.claim(1)
    Job.objects.filter(pk=first.pk).update(fraction=0.5)
    carry_out(second.pk, 1, lambda running: None)
    JobKeeper().step()
    assert (now(whole).current, now(whole).fraction) == (1, 0.5)


def test_one_that_fails_is_told_of_when_all_have_ended(bo, whole):
    def fail(running):
        raise JobFailed("Line {line} has no date", line=4)

    first, second, third = branches(whole)
    carry_out(first.pk, 1, fail)
    carry_out(second.pk, 1, lambda running: None)
    assert now(whole).is_active
    carry_out(third.pk, 1, lambda running: None)
    assert (now(whole).state, now(whole).error_text) == ("failed", "Line 4 has no date")
    assert told(bo) == [("job.failed", "Counting failed")]


def test_one_whose_worker_is_lost_ends_the_job_as_failed(bo, whole):
    first, *others = branches(whole)
    first.claim(1)
    for other in others:
        carry_out(other.pk, 1, lambda running: None)
    lose_attempt(first, 1, now(first).heartbeat)
    assert now(whole).state == "failed"
    assert now(whole).error_text.startswith("It was cut off")
    assert len(told(bo)) == 1


def test_cancelling_it_cancels_those_that_wait_and_asks_those_that_run(bo, whole):
    first, second, _ = branches(whole)
    first.claim(1)
    carry_out(second.pk, 1, lambda running: None)
    assert cancel_job(now(whole))
    assert cancel_job(now(whole))
    assert [one.state for one in branches(whole)] == ["cancelling", "succeeded", "cancelled"]
    assert now(whole).state == "cancelling"
    lose_attempt(first, 1, now(first).heartbeat)
    assert now(whole).state == "cancelled"
    assert told(bo) == [("job.cancelled", "Counting was cancelled")]


def test_force_ends_all_of_it(bo, whole, hands):
    for one in branches(whole):
        one.claim(1)
    cancel_job(now(whole))
    hands.move(seconds=FORCE_AFTER.total_seconds())
    assert end_job_by_force(now(whole))
    assert {one.state for one in branches(whole)} == {"cancelled"}
    assert len(told(bo)) == 1


def test_where_the_process_died_after_the_last_end_the_tick_finds_it(bo, whole, monkeypatch):
    real = events.send
    monkeypatch.setattr(events, "send", lambda signal, *a, **k: signal is events.job_ended or real(signal, *a, **k))
    for one in branches(whole):
        carry_out(one.pk, 1, lambda running: None)
    assert now(whole).is_active
    settle_all_branched()
    settle_all_branched()
    assert now(whole).state == "succeeded"
    assert len(told(bo)) == 1


def test_a_silent_one_that_waits_for_its_branches_is_not_lost(whole):
    assert not Job.objects.working().filter(pk=whole.pk).exists()


def test_code_that_fails_begins_no_branches(bo):
    def fail(running):
        branch_out(running)
        raise JobFailed("No")

    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, fail)
    assert (now(job).state, job.branches.count()) == ("failed", 0)


def test_nor_does_an_attempt_that_was_given_up_on(bo, sent):
    def work(running):
        lose_attempt(job, 1, now(job).heartbeat)
        return branch_out(running)

    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, work)
    assert (now(job).state, job.branches.count(), len(sent)) == ("lost", 0, 1)


def test_a_bar_that_the_code_has_moved_itself_does_not_go_back(bo):
    def work(running):
        for _ in running.track(range(5)):
            pass
        return branch_out(running)

    job = start_job(TASK, owner=bo)
    carry_out(job.pk, 1, work)
    assert (now(job).fraction, now(job).count_text) == (None, "0 of 3")
