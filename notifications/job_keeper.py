"""The keeper of jobs: part of the tick. It sees to it that every job ends, whatever became of workers and messages."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError

from . import jobs
from .job_branches import settle_all_branched
from .job_endings import lose_attempt
from .job_files import remove_expired
from .models import Job

log = logging.getLogger(__name__)

SENT_AT_ONCE = 200
EXPIRED_AT_ONCE = 50
LOOKS = 4  # at least, before one is taken for lost: where one comes late, it is our own that were missed


class JobKeeper:
    """Sends jobs to workers that wait for it: again, when nobody has taken them, and when it is time for the next
    attempt. Finds the workers that have fallen silent, by its own clock: that of no other machine is asked."""

    def __init__(self) -> None:
        self._heard: dict[UUID, tuple[int, int, float]] = {}  # attempt, heartbeat, and for how long it was the same
        self._looked_at = time.monotonic()

    def step(self) -> None:
        self.send_due()
        self.find_lost()
        settle_all_branched()
        try:
            remove_expired(EXPIRED_AT_ONCE)
        except OSError as error:
            log.error("The files of old jobs cannot be removed: %s", error)

    def forget(self) -> None:
        """While the database was away, nobody could write a heartbeat into it."""
        self._heard.clear()

    def send_due(self) -> None:
        due = list(Job.objects.due().order_by("send_at")[:SENT_AT_ONCE])
        for job in due:
            job.note_sending()
        if due:
            jobs.send(due)

    def find_lost(self) -> None:
        moment = time.monotonic()
        passed = min(moment - self._looked_at, settings.JOB_LOST_SECONDS / LOOKS)
        self._looked_at = moment
        heard = {}
        for job in Job.objects.working().only("pk", "attempt", "heartbeat", "inbox"):
            attempt, heartbeat, silent = self._heard.get(job.pk, (0, -1, 0.0))
            silent = silent + passed if (attempt, heartbeat) == (job.attempt, job.heartbeat) else 0.0
            heard[job.pk] = (job.attempt, job.heartbeat, silent)
            if silent >= settings.JOB_LOST_SECONDS:
                log.warning("Attempt %d of job %s has fallen silent.", job.attempt, job.pk)
                with unharmed(job):
                    lose_attempt(job, job.attempt, job.heartbeat)
        self._heard = heard


@contextmanager
def unharmed(job: Job) -> Iterator[None]:
    """The others, and whatever else the tick does, must not wait for one that cannot be ended."""
    try:
        yield
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("Job %s could not be given up on; the next round tries again.", job.pk)
