"""Jobs: the API for everyone's own code. It knows no Celery: see ``job_task`` for tasks.

A job is started with :func:`start_job`, and a worker carries it out; or it is done on the spot with :func:`run_job`.
Code that does one gets a :class:`RunningJob`, to say how far it has come. Whatever happens, a job ends, and its owner
is told once.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser
from django.core.files import File
from django.db import IntegrityError, transaction

from . import events
from .job_branches import send
from .job_endings import conclude, insist, leave_attempt
from .job_ends import draft_of, end_attempt
from .job_files import keep_upload, remove, take_over_upload
from .job_results import JobFailed, Result, RetryLater
from .models import Inbox, InvalidNotification, Job, clock
from .models.draft import KEY
from .models.job import SEND_AGAIN
from .models.job_states import CANCELLED, CANCELLING, FAILED, RUNNING, SUCCEEDED
from .models.job_words import ENDED_BY_FORCE, REVOKED, WENT_WRONG
from .running_job import JobCancelled, RunningJob, Superseded

__all__ = [
    "InvalidJob",
    "JobCancelled",
    "JobFailed",
    "Result",
    "RetryLater",
    "RunningJob",
    "Superseded",
    "cancel_job",
    "carry_out",
    "end_job_by_force",
    "retry_job",
    "run_job",
    "start_job",
]

log = logging.getLogger(__name__)

TITLE_LIMIT = 200


class InvalidJob(ValueError):
    """Something about a job cannot be. The message says what was expected."""


def start_job(
    task: Any,
    *,
    owner: AbstractBaseUser,
    title: str = "",
    params: Mapping[str, Any] | None = None,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    key: str = "",
    upload: "File[Any] | None" = None,
) -> Job:
    """Have a task (see ``JobTask``) done for its owner, once this transaction has committed.

    ``title`` (at most 200 characters, the task's own when empty) is looked up in the reader's language when it is
    shown, and filled with ``params``. ``args`` and ``kwargs`` are JSON. While a job with the same ``key`` of the same
    owner is active, that one is returned. ``upload`` is a file that the job works on, kept privately and removed some
    days after its end. Raises InvalidJob.
    """
    job = Job(
        inbox=Inbox.objects.of(owner),
        task=str(task.name),
        args=list(args),
        kwargs=dict(kwargs or {}),
        title=title or str(getattr(task, "title", "")) or str(task.name),
        title_params=dict(params or {}),
        key=key,
        max_attempts=getattr(task, "max_attempts", 1),
        restarts=getattr(task, "restarts", False),
    )
    check(job)
    return begin(job, upload)


def check(job: Job) -> None:
    if not job.title or len(job.title) > TITLE_LIMIT:
        raise InvalidJob(f"A job's title has 1 to {TITLE_LIMIT} characters; got {len(job.title)}.")
    if job.key and not KEY.fullmatch(job.key):
        raise InvalidJob(f"A job's key is 1 to 100 of A-Z, a-z, 0-9, - and _; got {job.key!r:.120}.")
    try:
        draft_of(job, SUCCEEDED)  # its owner must be told of its end, whatever it is called
    except InvalidNotification as error:
        raise InvalidJob(f"A job's title and its params go into a notification: {error}") from None


def begin(job: Job, upload: "File[Any] | None" = None) -> Job:
    """Save it as waiting, and have it sent after the commit; or the one with its key that is active already."""
    job.queued_at = job.changed_at = clock.now()
    job.send_at = job.queued_at + SEND_AGAIN
    while True:
        found = Job.objects.active().filter(inbox=job.inbox_id, key=job.key).first() if job.key else None
        if found:
            remove(job.upload_file)  # somebody else was first
            return found
        if upload is not None and not job.upload_file:
            job.upload_file = keep_upload(upload)
        try:
            with transaction.atomic():
                job.save(force_insert=True)
            break
        except IntegrityError:
            if job.retry_of_id and (other := Job.objects.filter(retry_of=job.retry_of_id).first()):
                return other
            if not job.key:
                remove(job.upload_file)
                raise
    job.nudge_after_commit()
    transaction.on_commit(partial(send, [job]), robust=True)
    return job


def carry_out(
    job_id: UUID | str,
    attempt: int,
    work: Callable[[RunningJob], Result | None],
    *,
    time_limit: float | None = None,
) -> None:
    """Do this attempt of a job, unless it is somebody else's by now. For workers."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None or not job.claim(attempt, time_limit):
        log.info("Attempt %d of job %s is not to be done (any more).", attempt, job_id)
        return
    with attempting(job) as running:
        running.result = work(running)


@contextmanager
def run_job(*, owner: AbstractBaseUser, title: str, params: Mapping[str, Any] | None = None) -> Iterator[RunningJob]:
    """Do a job on the spot, in a command or a thread: the block's end is the job's end.

    What the block raises ends the job as failed, and is raised on. When the owner cancels it, the block ends at its
    next checkpoint, and the code after it goes on. Raises RuntimeError inside of a transaction, before whose end nobody
    could see the job.
    """
    job = Job(inbox=Inbox.objects.of(owner), title=title, title_params=dict(params or {}))
    check(job)
    job.queued_at = job.changed_at = clock.now()
    with transaction.atomic(durable=True):  # killed in between, it would wait for ever
        job.save(force_insert=True)
        job.claim(1)
    with attempting(job, raises=True) as running:
        yield running


@contextmanager
def attempting(job: Job, *, raises: bool = False) -> Iterator[RunningJob]:
    """The attempt that the job is in: reported while the block runs, and ended as the block ends."""
    running = RunningJob(job)
    try:
        running.reporter.start()
        yield running
    except Superseded:
        running.reporter.stop()
        log.warning("Job %s was given up on while it ran; this attempt ends without effect on it.", job.pk)
    except (Exception, JobCancelled) as error:
        running.reporter.stop()
        conclude(running, error)
        if raises and not isinstance(error, JobCancelled):
            raise
    except BaseException:  # the process is told to end
        running.reporter.stop()
        insist(partial(leave_attempt, job.pk, running.attempt))
        raise
    else:
        running.reporter.stop()
        conclude(running)
    finally:
        running.reporter.let_go()  # whatever has struck above: a job that nobody is at must fall silent


# What people want of it.


def cancel_job(job: Job) -> bool:
    """Ask it to end. One that waits is cancelled at once, one that runs at its next checkpoint. False when it had
    ended already."""
    with job.change():
        if job.is_waiting:
            end_attempt(job, CANCELLED)
        elif job.state == RUNNING:
            job.state, job.cancel_wished_at = CANCELLING, clock.now()
            transaction.on_commit(partial(each_branch, job, cancel_job), robust=True)
    return job.state in (CANCELLED, CANCELLING)


def end_job_by_force(job: Job) -> bool:
    """End one that was asked to, and has not within a minute. What its worker still does has no effect on it."""
    with job.change():
        if not job.can_be_forced:
            return False
        end_attempt(job, CANCELLED, ENDED_BY_FORCE)
        transaction.on_commit(partial(events.send, events.job_forced, Job, job=job), robust=True)
        transaction.on_commit(partial(each_branch, job, end_job_by_force), robust=True)
    return True


def each_branch(job: Job, act: Callable[[Job], object]) -> None:
    for branch in job.branches.filter(ended_at=None).order_by("pk"):
        act(branch)


def revoke_job(job_id: UUID | str, attempt: int) -> None:
    """Somebody has taken the task back behind our back."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        return
    with job.change():
        if job.holds(attempt) or awaits(job, attempt):
            end_attempt(job, CANCELLED, REVOKED)


def refuse_job(job_id: UUID | str, attempt: int) -> None:
    """A worker does not know its task. During a deploy that passes; when it was sent once more, it is the end."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        return
    log.error("There is no task %s in this worker, for job %s.", job.task, job.pk)
    with job.change():
        if awaits(job, attempt) and job.sent:
            end_attempt(job, FAILED, WENT_WRONG)


def awaits(job: Job, attempt: int) -> bool:
    return job.is_waiting and job.attempt == attempt - 1


def retry_job(job: Job) -> Job:
    """Do one that failed, was lost or cancelled once more, as a job of its own that knows its first run. A second time
    returns the same; so does a job with the same key that is active."""
    with transaction.atomic():
        job = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
        if hasattr(job, "retried_by"):
            return job.retried_by
        if not job.can_be_retried:
            raise InvalidJob(f"A job that is {job.state} cannot be tried again.")
        again = Job(
            inbox=job.inbox,
            task=job.task,
            args=job.args,
            kwargs=job.kwargs,
            title=job.title,
            title_params=job.title_params,
            key=job.key,
            max_attempts=job.max_attempts,
            restarts=job.restarts,
            retry_of=job,
        )
        begun = begin(again)
        if begun is again:
            take_over_upload(again, job)
            job.touch()
        return begun
