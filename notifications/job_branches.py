"""Branches: parts of a job that are done at the same time, each by whatever worker is free.

The job's code names them by ``job.branch(task, ...)``. They begin when it has ended well, and the job ends when all of
them have: no worker waits for them meanwhile. A branch is a job of its own, without a place in lists and without a
notification; what becomes of it, the first job tells.
"""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django.db import transaction

from . import events
from .job_ends import end_attempt
from .models import Job, clock
from .models.job import SEND_AGAIN
from .models.job_states import CANCELLED, CANCELLING, FAILED, SUCCEEDED
from .models.job_words import WENT_WRONG


def begin_branches(job: Job, branches: Sequence[Job]) -> None:
    """Inside of change(): the job's own code is through, and these begin after the commit."""
    job.is_branched = True
    job.current, job.total = 0, len(branches)
    job.fraction = None if job.fraction else 0.0  # where the code has moved the bar itself, it must not go back
    for branch in branches:
        branch.inbox, branch.branch_of = job.inbox, job
        branch.queued_at = branch.changed_at = clock.now()
        branch.send_at = branch.queued_at + SEND_AGAIN
        branch.save(force_insert=True)
    transaction.on_commit(partial(send, branches), robust=True)


def send(jobs: Sequence[Job]) -> None:
    """To the workers; by whoever listens to ``events.job_due``."""
    events.send(events.job_due, Job, jobs=[job.next_message for job in jobs])


def settle_branched(job_id: UUID) -> None:
    """How far its branches have come together; its end when all of them have ended. Safe to do twice, and by two."""
    job = Job.objects.get(pk=job_id)
    with job.change():
        if not (job.is_branched and job.is_active):
            return
        branches = list(job.branches.order_by("ended_at", "queued_at").defer("args", "kwargs"))
        ended = [branch for branch in branches if branch.ended_at]
        done = len(ended) + sum(branch.fraction or 0.0 for branch in branches if not branch.ended_at)
        job.current = len(ended)
        if job.fraction is not None:
            job.fraction = max(job.fraction, done / len(branches))
        if len(ended) == len(branches):
            end_branched(job, ended)


def end_branched(job: Job, branches: list[Job]) -> None:
    """Inside of change(). One that has failed is told of by what it said."""
    failed = next((branch for branch in branches if branch.state != SUCCEEDED), None)
    if failed is None:
        job.fraction = 1.0
        end_attempt(job, SUCCEEDED)
    elif job.state == CANCELLING:
        end_attempt(job, CANCELLED)
    else:
        end_attempt(job, FAILED, failed.error or WENT_WRONG, failed.error_params)


def settle_all_branched() -> None:
    """For the tick: they move on, and those end whose last branch was ended by a process that died after it."""
    for job_id in Job.objects.active().filter(is_branched=True).values_list("pk", flat=True):
        settle_branched(job_id)
