"""How an attempt ends: what its code returned or raised becomes a state, and a word to the owner.

State, result and notification are one transaction: who was told, and what is true, cannot drift apart.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connections,
)

from .job_branches import begin_branches
from .job_ends import end_attempt, take_down
from .job_files import FileKept, keep_result, remove
from .job_results import JobFailed, Result, RetryLater
from .models import Job
from .models.job_states import CANCELLED, CANCELLING, FAILED, LOST, SUCCEEDED
from .models.job_words import CUT_OFF, TOO_LONG, WENT_WRONG, plain
from .running_job import JobCancelled, RunningJob

T = TypeVar("T")

log = logging.getLogger(__name__)

INSIST = (0.2, 1.0, 3.0, 8.0, 15.0, 30.0)  # seconds between two tries to write an end


def conclude(running: RunningJob, error: BaseException | None = None) -> None:
    """End the attempt as its code has ended: with its result, or with what it raised.

    Where that cannot be written as it is, the database being there, it is a failure.
    """
    try:
        write_end(running, error)
    except Job.DoesNotExist:
        log.info("Job %s has gone with its owner.", running.id)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("The end of job %s cannot be written as it is.", running.id)
        insist(partial(finish, running.row, running.attempt, FAILED, error=WENT_WRONG, columns={}, lines=[]))


def write_end(running: RunningJob, error: BaseException | None) -> None:
    columns, lines = running.reporter.rest()
    job, attempt = running.row, running.attempt
    ending: dict[str, Any] = {"columns": columns, "lines": lines}
    if isinstance(error, JobCancelled):
        insist(partial(finish, job, attempt, CANCELLED, **ending))
    elif isinstance(error, RetryLater):
        insist(partial(put_off, job, attempt, error, **ending))
    elif isinstance(error, JobFailed):
        insist(partial(finish, job, attempt, FAILED, error=error.text, params=error.params, **ending))
    elif error is not None:
        log.error("Job %s (%s) failed.", job.pk, job.title, exc_info=error)
        insist(partial(finish, job, attempt, FAILED, error=WENT_WRONG, **ending))
    else:
        succeed(job, attempt, running.result, {**ending, "branches": running.branches})


def succeed(job: Job, attempt: int, result: Any, ending: dict[str, Any]) -> None:
    if result is not None and not isinstance(result, Result):
        log.error("Job %s (%s) returned %r; expected a Result or None.", job.pk, job.title, type(result).__name__)
        result = None
    try:
        kept = keep_result(job, result.file, result.label) if result and result.file else None
    except OSError as error:
        log.error("The result of job %s could not be kept.", job.pk, exc_info=error)
        insist(partial(finish, job, attempt, FAILED, error=WENT_WRONG, **ending))
        return
    try:
        is_mine = insist(partial(finish, job, attempt, SUCCEEDED, result=result, kept=kept, **ending))
    except (OperationalError, InterfaceError):  # it may have been written all the same
        raise
    except Exception:
        remove(kept.name if kept else "")
        raise
    if kept and not is_mine and job.result_file != kept.name:  # else the first try was written, and its answer was lost
        remove(kept.name)


def finish(
    job: Job,
    attempt: int,
    state: str,
    *,
    columns: dict[str, Any],
    lines: list[str],
    error: str = "",
    params: dict[str, Any] | None = None,
    result: Result | None = None,
    kept: FileKept | None = None,
    branches: Sequence[Job] = (),
) -> bool:
    """The end of this attempt, and of the job, unless it has branches. False when the attempt is no longer the one."""
    with job.change():
        if not job.holds(attempt):
            return False
        take_down(job, columns, lines)
        if state == SUCCEEDED and not branches:
            job.fraction = 1.0
        keep(job, result, kept)
        if state == SUCCEEDED and branches and job.state != CANCELLING:
            begin_branches(job, branches)
        else:
            end_attempt(job, CANCELLED if branches and job.state == CANCELLING else state, error, params)
    return True


def keep(job: Job, result: Result | None, kept: FileKept | None) -> None:
    if result:
        job.result_url, job.result_label = result.url, plain(result.label[:200])
    if kept:
        job.result_file, job.result_label, job.result_size = kept.name, kept.label, kept.size


def put_off(job: Job, attempt: int, wish: RetryLater, *, columns: dict[str, Any], lines: list[str]) -> bool:
    """Another attempt later, where one is left."""
    with job.change():
        if not job.holds(attempt):
            return False
        take_down(job, columns, lines)
        if job.state == CANCELLING:
            end_attempt(job, CANCELLED)
        elif attempt < job.max_attempts:
            job.wait_for_retry(wish.after, wish.text, wish.params, FAILED)
        else:
            end_attempt(job, FAILED, wish.text, wish.params)
    return True


def lose_attempt(job: Job, attempt: int, heartbeat: int) -> None:
    """Nobody has been at it for too long: it begins anew where the task may, and is lost otherwise."""
    with job.change():
        if job.holds(attempt) and job.heartbeat == heartbeat:
            give_up_attempt(job)


def leave_attempt(job_id: UUID, attempt: int) -> None:
    """Its process is told to end, and cannot go on with it."""
    for job in Job.objects.filter(pk=job_id):  # its owner may be gone
        with job.change():
            if job.holds(attempt):
                give_up_attempt(job)


def give_up_attempt(job: Job) -> None:
    """Inside of change()."""
    spent = job.time_spent
    if job.state == CANCELLING:
        end_attempt(job, CANCELLED)
    elif job.time_limit and spent.total_seconds() >= job.time_limit:
        end_attempt(job, FAILED, TOO_LONG, {"minutes": max(1, round(job.time_limit / 60))})
    elif job.restarts and job.attempt < job.max_attempts:
        job.wait_for_retry(0, CUT_OFF, {}, LOST)
    else:
        end_attempt(job, LOST, CUT_OFF)


def insist(write: Callable[[], T]) -> T:
    """An end must be written, though the database be away for a minute. After that the tick finds it missing."""
    for pause in INSIST:
        try:
            return write()
        except (DataError, IntegrityError, ProgrammingError):  # it never will be
            raise
        except (DatabaseError, InterfaceError) as error:
            log.warning("The end of a job could not be written; once more in %s s: %s", pause, error)
            connections.close_all()
            time.sleep(pause)
    return write()
