"""Owner, worker, tick and those who were given up on, all at the same moment: one end, and its owner is told once."""

import random
import threading
from collections import Counter
from contextlib import suppress
from functools import partial
from types import SimpleNamespace

import pytest
from django.db import connections

from notifications import events, signals
from notifications.job_endings import finish, leave_attempt, lose_attempt, put_off
from notifications.job_results import RetryLater
from notifications.jobs import InvalidJob, cancel_job, end_job_by_force, refuse_job, retry_job, revoke_job, start_job
from notifications.models import Job, Notification
from notifications.models import job as job_module
from notifications.tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)

ENDED = {"succeeded", "failed", "cancelled", "lost"}
STUBBORN = SimpleNamespace(name="tests.count", title="Counting", max_attempts=4, restarts=True)


@pytest.fixture(autouse=True)
def _no_workers(monkeypatch):
    events.job_due.disconnect(signals.send_due_jobs)
    events.job_forced.disconnect(signals.stop_forced_job)
    monkeypatch.setattr(job_module, "FORCE_AFTER", job_module.FORCE_AFTER * 0)
    yield
    events.job_due.connect(signals.send_due_jobs)
    events.job_forced.connect(signals.stop_forced_job)


@pytest.fixture
def ends():
    """How often each job has ended."""
    counted = Counter()

    def count(sender, job, **kwargs):
        counted[job.pk] += 1

    events.job_ended.connect(count)
    yield counted
    events.job_ended.disconnect(count)


NOTHING = {"columns": {}, "lines": ["the last"]}


def retry(job, attempt):
    with suppress(InvalidJob):
        retry_job(job)


ACTS = [
    lambda job, attempt: job.claim(attempt + 1),
    lambda job, attempt: job.claim(attempt + 1),
    lambda job, attempt: job.claim(attempt + 1),
    lambda job, attempt: job.report({"current": 1}, ["a line"]),
    lambda job, attempt: job.beat(),
    lambda job, attempt: finish(job, attempt, "succeeded", **NOTHING),
    lambda job, attempt: finish(job, attempt, "failed", error="Broken", **NOTHING),
    lambda job, attempt: put_off(job, attempt, RetryLater("Away", after=0), **NOTHING),
    lambda job, attempt: lose_attempt(job, attempt, job.heartbeat),
    lambda job, attempt: leave_attempt(job.pk, attempt),
    lambda job, attempt: cancel_job(job),
    lambda job, attempt: end_job_by_force(job),
    lambda job, attempt: revoke_job(job.pk, attempt),
    lambda job, attempt: refuse_job(job.pk, attempt + 1),
    lambda job, attempt: job.note_sending(),
    retry,
]


def storm(jobs, seed):
    """Somebody who does this and that to them, whatever the others do."""
    chance = random.Random(seed)
    for _ in range(60):
        job = Job.objects.get(pk=chance.choice(jobs).pk)
        chance.choice(ACTS)(job, job.attempt)


def watch(jobs, seen, is_over):
    while not is_over.is_set():
        for pk, version in Job.objects.filter(pk__in=[job.pk for job in jobs]).values_list("pk", "version"):
            seen.setdefault(pk, []).append(version)
    connections.close_all()


@pytest.mark.parametrize("seed", range(3))
def test_in_a_storm_each_job_ends_once_and_its_owner_is_told_once(bo, ends, seed):
    jobs, seen, is_over = [start_job(STUBBORN, owner=bo) for _ in range(8)], {}, threading.Event()
    watcher = threading.Thread(target=watch, args=[jobs, seen, is_over])
    watcher.start()
    try:
        together(*[partial(storm, jobs, seed * 10 + number) for number in range(5)])
    finally:
        is_over.set()
        watcher.join()
    for job in Job.objects.active():
        cancel_job(job)
        end_job_by_force(job)
    everything = Job.objects.all()
    assert {job.state for job in everything} <= ENDED
    assert {ends[job.pk] for job in everything} == {1}
    told = Counter(Notification.objects.values_list("key", flat=True))
    assert told == {job.item_key: 1 for job in everything}
    for job in everything:
        assert [one.number for one in job.attempts.all()] == list(range(1, job.attempt + 1))
        assert all(one.ended_at for one in job.attempts.all())
        assert [line.number for line in job.lines.all()] == list(range(1, job.line_count + 1))
    assert all(versions == sorted(versions) for versions in seen.values())


def test_ten_workers_with_one_message_claim_it_once(bo):
    job = start_job(STUBBORN, owner=bo)
    claims = together(*[partial(Job.objects.get(pk=job.pk).claim, 1) for _ in range(10)])
    assert claims.count(True) == 1


def test_ten_clicks_on_try_again_make_one_job(bo):
    job = start_job(STUBBORN, owner=bo)
    cancel_job(job)
    again = together(*[partial(retry_job, Job.objects.get(pk=job.pk)) for _ in range(10)])
    assert len({one.pk for one in again}) == 1
    assert Job.objects.count() == 2
