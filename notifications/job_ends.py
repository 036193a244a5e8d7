"""The end of a job, inside of its change(): its state, what is kept of it, and a word to its owner."""

from functools import partial
from typing import Any

from django.db import transaction

from . import events
from .delivery import put
from .job_files import expiry, let_older_ones_go, remove
from .models import Draft, Job, JobLine
from .models.draft import BODY_LIMIT
from .models.job_states import CANCELLED, FAILED, LOST, SUCCEEDED

VERBS = {state: f"job.{state}" for state in (SUCCEEDED, FAILED, CANCELLED, LOST)}
LEVELS = {SUCCEEDED: "success", FAILED: "error", CANCELLED: "info", LOST: "error"}


def end_attempt(job: Job, state: str, error: str = "", params: dict[str, Any] | None = None) -> None:
    """Inside of change(): the job is over, and its owner is told."""
    job.end(state, error, params)
    if state == SUCCEEDED and job.upload_file:  # nobody does it once more
        transaction.on_commit(partial(remove, job.upload_file), robust=True)
        job.upload_file = ""
    job.expires_at = expiry() if job.result_file or job.upload_file else None
    if job.result_file or job.upload_file:
        transaction.on_commit(partial(let_older_ones_go, job.inbox_id), robust=True)
    if job.branch_of_id is None:
        put([job.inbox_id], job.item_key, draft_of(job, state))
    transaction.on_commit(partial(events.send, events.job_ended, Job, job=job), robust=True)


def draft_of(job: Job, state: str) -> Draft:
    """What its owner is told of such an end."""
    return Draft(
        verb=VERBS[state],
        params={"job": {"text": job.title, "params": job.title_params}},
        body=job.error_text[:BODY_LIMIT],
        url=job.get_absolute_url(),
        category="jobs",
        level=LEVELS[state],
    )


def take_down(job: Job, columns: dict[str, Any], lines: list[str]) -> None:
    for name, value in columns.items():
        setattr(job, name, value)
    job.line_count += len(lines)
    JobLine.add(job, lines, job.line_count)
