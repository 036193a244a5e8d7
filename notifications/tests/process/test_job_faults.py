"""Whatever becomes of worker, tick, Valkey and messages: each job ends, its owner is told once, and what is to happen
once has happened once."""

import json
import signal
from types import SimpleNamespace

import psutil
import pytest
from celery import current_app
from django.db.models import F

from config.tests.site import eventually
from notifications import job_task
from notifications.jobs import cancel_job, end_job_by_force, retry_job
from notifications.management import supervisor
from notifications.management.commands.up import worker_command
from notifications.management.supervisor import Supervisor
from notifications.models import Inbox, Job, clock
from notifications.models.job import FORCE_AFTER

from . import tasks
from .conftest import CHILDREN, Watched, environment

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("jobs"), pytest.mark.usefixtures("worker")]


def is_sent_again() -> None:
    """Those that wait are due now, as they are after a minute."""
    Job.objects.filter(send_at__isnull=False).update(send_at=clock.now())


def lost_seconds_pass(owner) -> None:
    """Wait until the tick has taken another one for lost, whose worker never was."""
    silent = Job(inbox=Inbox.objects.of(owner), title="Silent", queued_at=clock.now(), changed_at=clock.now())
    silent.save(force_insert=True)
    silent.claim(1)
    eventually(lambda: Job.objects.get(pk=silent.pk).state == "lost", "the tick has given up on it")


def assert_done_once(job, attempt=1) -> None:
    """By this attempt, whatever others have begun."""
    ended = job.becomes("succeeded")
    assert (ended.attempt, ended.percent, job.told()) == (attempt, 100, ["job.succeeded"])
    assert [number for what, number, _ in job.traces if what == "did"] == [attempt]


# What its own code does.


def test_one_that_succeeds_is_done_once_and_only_ever_goes_forward(start):
    job = start(tasks.count_once)
    seen = []
    for _ in range(3):
        job.moves()
        seen.append(job.now)
    job.may_end()
    assert_done_once(job)
    seen.append(job.now)
    assert [row.current for row in seen] == sorted(row.current for row in seen)
    assert [row.version for row in seen] == sorted(row.version for row in seen)
    assert job.now.lines.count() == job.now.line_count > 0


def test_one_that_raises_fails(start):
    job = start(tasks.fail)
    assert "on our side" in job.becomes("failed").error_text
    assert job.told() == ["job.failed"]


def test_one_that_raises_what_may_pass_is_tried_again_and_its_owner_hears_of_the_end_only(start):
    job = start(tasks.fail_twice)
    assert_done_once(job, attempt=3)
    assert [one.ending for one in job.now.attempts.all()] == ["failed", "failed", "succeeded"]


@pytest.mark.parametrize("task", [tasks.take_too_long, tasks.ignore_the_limit], ids=["soft", "hard"])
def test_one_that_takes_too_long_fails_and_says_so(start, task):
    job = start(task)
    child = job.has_begun()
    assert "longer than 1 minute" in job.becomes("failed").error_text
    assert (job.told(), job.did("did")) == (["job.failed"], [])
    if task is tasks.ignore_the_limit:
        eventually(lambda: is_over(child), "its process is gone")


# What people want of it.


def test_cancelling_is_said_at_once_and_done_at_the_next_checkpoint(start):
    job = start(tasks.count_once)
    job.moves()
    assert cancel_job(job.now)
    assert job.now.state in ("cancelling", "cancelled")
    job.becomes("cancelled")
    assert (job.told(), job.did("did")) == (["job.cancelled"], [])


def end_by_force(job) -> None:
    assert cancel_job(job.now)
    assert not end_job_by_force(job.now)
    Job.objects.filter(pk=job.job.pk).update(cancel_wished_at=F("cancel_wished_at") - FORCE_AFTER)
    assert end_job_by_force(job.now)


def is_over(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_one_that_never_checks_in_is_ended_by_force_and_its_process_goes(start):
    job = start(tasks.never_check_in)
    child = job.has_begun()
    end_by_force(job)
    assert job.now.state == "cancelled"
    eventually(lambda: is_over(child), "its process is gone")
    after = start(tasks.count_once)
    after.may_end()
    assert_done_once(after)
    assert (job.told(), job.did("did")) == (["job.cancelled"], [])


def test_the_process_goes_also_where_the_message_came_twice(start):
    job = start(tasks.never_check_in)
    child = job.has_begun()
    send_once_more(job)
    end_by_force(job)
    eventually(lambda: is_over(child), "its process is gone")


def send_once_more(job) -> None:
    """The same message, and wait until a worker has seen and dropped it."""
    job_task.send_now(str(job.job.pk), 1, job.job.task)
    eventually(lambda: f"Attempt 1 of job {job.job.pk} is not to be done" in job.log.read_text(), "it was dropped")


def test_the_process_goes_also_after_an_outage_of_the_broker(start, valkey):
    job = start(tasks.never_check_in)
    child = job.has_begun()
    assert current_app.control.inspect(timeout=30, limit=1).ping()
    valkey.kill()
    valkey.start()
    eventually(the_worker_answers, f"the worker is back\n{job}")
    end_by_force(job)
    eventually(lambda: is_over(child), "its process is gone")


def the_worker_answers() -> bool:
    with job_task.to_broker() as broker:
        return bool(current_app.control.ping(timeout=5, limit=1, connection=broker))


def test_one_that_was_lost_can_be_done_once_more_and_knows_its_first_run(start):
    job = start(tasks.count_once)
    job.has_begun().kill()
    job.becomes("lost")
    again = retry_job(job.now)
    (job.file.parent / f"{again.pk}.go").touch()
    eventually(lambda: Job.objects.get(pk=again.pk).state == "succeeded", f"it is done\n{job}")
    assert Job.objects.get(pk=again.pk).retry_of == job.job


# Taken back behind our back.


def messages_of(job, valkey_server) -> list[str]:
    """The ids of its messages that wait for a worker."""
    ids = [json.loads(one)["headers"]["id"] for one in valkey_server.client.lrange("celery", 0, -1)]
    return [one for one in ids if one.startswith(str(job.job.pk))]


def test_one_that_is_revoked_before_it_begins_is_cancelled(start, valkey_server):
    busy = [start(tasks.count_once) for _ in range(CHILDREN)]
    for one in busy:
        one.has_begun()
    job = start(tasks.count_once)
    eventually(lambda: messages_of(job, valkey_server), "it waits")
    revoke(messages_of(job, valkey_server))
    for one in busy:
        one.may_end()
    job.becomes("cancelled")
    assert (job.told(), job.traces) == (["job.cancelled"], [])


def revoke_what_runs(number) -> None:
    with job_task.to_broker() as broker:
        (running,) = current_app.control.inspect(timeout=30, limit=1, connection=broker).active().values()
        revoke([one["id"] for one in running], terminate=True, signal=number)


def revoke(ids: list[str], **options) -> None:
    with job_task.to_broker() as broker:
        current_app.control.revoke(ids, connection=broker, **options)


@pytest.mark.parametrize("number", ["SIGTERM", "SIGKILL"])
@pytest.mark.parametrize("task", [tasks.count_once, tasks.count_again])
def test_one_that_is_revoked_while_it_runs_is_cancelled(start, task, number):
    job = start(task)
    child = job.has_begun()
    revoke_what_runs(number)
    job.becomes("cancelled")
    eventually(lambda: is_over(child), "its process is gone")
    lost_seconds_pass(job.job.inbox.user)
    assert (job.now.state, job.told(), job.did("did")) == ("cancelled", ["job.cancelled"], [])


def test_one_that_is_revoked_is_found_also_where_its_message_came_twice(start):
    job = start(tasks.never_check_in)
    child = job.has_begun()
    send_once_more(job)
    revoke_what_runs("SIGKILL")
    job.becomes("cancelled")
    eventually(lambda: is_over(child), "its process is gone")


# Killed.


def test_branches_are_done_side_by_side_and_one_of_which_the_process_was_killed_begins_anew(start, traces):
    whole = start(tasks.branch_out, args=[CHILDREN + 1])
    eventually(lambda: whole.job.branches.count() == CHILDREN + 1, "its own code is through")
    branches = [Watched(branch, traces, whole.log) for branch in whole.job.branches.order_by("queued_at")]
    eventually(lambda: sum(bool(branch.did("began")) for branch in branches) == CHILDREN, "two have begun")
    killed = next(branch for branch in branches if branch.did("began"))
    killed.has_begun().kill()
    for branch in branches:
        branch.may_end()
    ended = whole.becomes("succeeded")
    assert (ended.count_text, ended.percent, whole.told()) == ("3 of 3", 100, ["job.succeeded"])
    assert [len(branch.did("did", 2 if branch is killed else 1)) for branch in branches] == [1, 1, 1]
    assert [branch.told() for branch in branches] == [[], [], []]


def test_its_process_is_killed(start):
    once, again = start(tasks.count_once), start(tasks.count_again)
    for job in (once, again):
        job.moves()
        job.has_begun().kill()
    again.may_end()
    once.becomes("lost")
    assert_done_once(again, attempt=2)
    assert (once.told(), once.did("did")) == (["job.lost"], [])
    assert [one.ending for one in again.now.attempts.all()] == ["lost", "succeeded"]


def test_its_process_is_asked_to_end(start):
    once, again = start(tasks.count_once), start(tasks.count_again)
    for job in (once, again):
        job.has_begun().terminate()
    again.may_end()
    once.becomes("lost")
    assert_done_once(again, attempt=2)
    assert (once.told(), once.did("did")) == (["job.lost"], [])


def test_the_whole_worker_is_killed(start, worker):
    once, again = start(tasks.count_once), start(tasks.count_again)
    for job in (once, again):
        job.moves()
    worker.kill()
    once.becomes("lost")
    again.becomes("retrying")
    worker.start()
    again.may_end()
    assert_done_once(again, attempt=2)
    assert once.told() == ["job.lost"]


def test_the_workers_main_process_is_killed_and_its_children_go_with_it(start, worker):
    job = start(tasks.count_once)
    child = job.has_begun()
    worker.process.kill()
    job.becomes("lost")
    assert is_over(child)
    assert (job.told(), job.did("did")) == (["job.lost"], [])


def test_the_tick_is_killed_and_the_next_one_finds_what_was_lost(start, tick):
    job = start(tasks.count_once)
    job.has_begun().kill()
    tick.kill()
    tick.start()
    job.becomes("lost")
    assert job.told() == ["job.lost"]


def test_a_process_that_comes_back_from_the_dead_changes_nothing_of_its_successor(start):
    job = start(tasks.count_again)
    job.moves()
    zombie = job.has_begun()
    zombie.suspend()
    job.has_begun(attempt=2)
    job.moves()
    zombie.resume()
    eventually(lambda: "this attempt ends without effect" in job.log.read_text(), f"the zombie has heard of it\n{job}")
    assert (job.now.state, job.now.attempt) == ("running", 2)
    job.may_end()
    assert_done_once(job, attempt=2)
    assert zombie.is_running()


# Shut down for a deploy.


def test_a_worker_that_is_asked_to_end_finishes_first(start, worker):
    running, waiting = [start(tasks.count_once) for _ in range(CHILDREN)], start(tasks.count_once)
    for job in running:
        job.has_begun()
    worker.send(signal.SIGTERM)
    eventually(lambda: "Warm shutdown" in worker.said, "it has heard")
    for job in [*running, waiting]:
        job.may_end()
    for job in running:
        assert_done_once(job)
    assert worker.wait() == 0
    worker.start()
    is_sent_again()
    assert_done_once(waiting)


def test_a_worker_that_must_not_wait_gives_its_jobs_back(start, worker):
    once, again = start(tasks.count_once), start(tasks.count_again)
    for job in (once, again):
        job.has_begun()
    worker.send(signal.SIGQUIT)
    once.becomes("lost")
    again.becomes("retrying")
    worker.wait()
    worker.start()
    again.may_end()
    assert_done_once(again, attempt=2)
    assert (once.told(), once.did("did")) == (["job.lost"], [])


def test_the_supervisor_has_a_worker_give_its_jobs_back_before_it_kills_it(start, worker, monkeypatch):
    worker.kill()
    monkeypatch.setattr(supervisor, "PATIENCE", 1.0)
    boss = Supervisor(lambda line: None)
    with monkeypatch.context() as patch:
        for name, value in environment().items():
            patch.setenv(name, value)
        boss.start("worker", worker_command())
    try:
        job = start(tasks.count_again)
        child = job.has_begun()
    finally:
        boss._end(boss.children)
    assert is_over(child)
    assert job.now.state == "retrying"
    assert [one.ending for one in job.now.attempts.all()] == ["lost"]
    worker.start()
    job.may_end()
    assert_done_once(job, attempt=2)


# Messages and the broker.


def test_the_broker_is_killed_while_one_runs_and_another_waits(start, valkey):
    running = start(tasks.count_once)
    running.moves()
    valkey.kill()
    waiting = start(tasks.count_once)
    running.may_end()
    waiting.may_end()
    assert_done_once(running)
    valkey.start()
    is_sent_again()
    assert_done_once(waiting)


def test_the_broker_forgets_everything(start, valkey):
    running = [start(tasks.count_once) for _ in range(CHILDREN)]
    for job in running:
        job.has_begun()
    waiting = [start(tasks.count_once) for _ in range(3)]
    eventually(lambda: all(messages_of(job, valkey) for job in waiting), "they wait")
    valkey.client.flushall()
    for job in [*running, *waiting]:
        job.may_end()
    for job in running:
        assert_done_once(job)
    is_sent_again()
    for job in waiting:
        assert_done_once(job)


def test_a_message_that_comes_twice_has_it_done_once(start):
    job = start(tasks.count_once)
    job.has_begun()
    send_once_more(job)
    job.may_end()
    assert_done_once(job)
    assert len(job.did("began")) == 1


def test_one_that_outlasts_the_brokers_patience_is_done_once(start, worker):
    worker.kill()
    worker.other = {"TESTS_VISIBILITY_TIMEOUT": "1"}
    worker.start()
    try:
        job = start(tasks.count_once)
        eventually(lambda: "is not to be done" in job.log.read_text(), f"its message came again\n{job}")
        job.may_end()
        assert_done_once(job)
        assert len(job.did("began")) == 1
    finally:
        worker.kill()
        worker.other = {}


def test_nobody_is_lost_in_a_long_queue(start, bo):
    jobs = [start(tasks.count_once) for _ in range(CHILDREN + 20)]
    eventually(lambda: [job.now.state for job in jobs].count("running") == CHILDREN, "they have begun")
    lost_seconds_pass(bo)
    states = [job.now.state for job in jobs]
    assert (states.count("running"), states.count("queued")) == (CHILDREN, 20)
    for job in jobs:
        job.may_end()
    for job in jobs:
        assert_done_once(job)


def test_a_task_that_no_worker_knows_fails_when_it_was_sent_again(start):
    job = start(SimpleNamespace(name="nobody.knows"), title="Unknown")
    eventually(lambda: "nobody.knows" in job.log.read_text(), "the worker was asked")
    assert job.now.state == "queued"
    is_sent_again()
    job.becomes("failed")
    assert job.told() == ["job.failed"]
