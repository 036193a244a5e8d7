"""The keeper of jobs: part of the tick. It sees to it that every job ends, whatever became of workers and messages."""

import logging
import time
from uuid import UUID

from django.conf import settings

from . import jobs
from .job_endings import lose_attempt
from .job_files import remove_expired
from .models import Job

log = logging.getLogger(__name__)

SENT_AT_ONCE = 200
EXPIRED_AT_ONCE = 50
GAP = 5.0  # seconds between two looks, after which it is ours that were missed, and not those of the workers


class JobKeeper:
    """Sends jobs to workers that wait for it: again, when nobody has taken them, and when it is time for the next
    attempt. Finds the workers that have fallen silent, by its own clock: that of no other machine is asked."""

    def __init__(self) -> None:
        self._heard: dict[UUID, tuple[int, int, float]] = {}  # attempt, heartbeat, and when it was first seen
        self._looked_at = time.monotonic()

    def step(self) -> None:
        self.send_due()
        self.find_lost()
        remove_expired(EXPIRED_AT_ONCE)

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
        if moment - self._looked_at > GAP:
            self.forget()
        self._looked_at = moment
        heard = {}
        for job in Job.objects.working().only("pk", "attempt", "heartbeat", "inbox"):
            attempt, heartbeat, since = self._heard.get(job.pk, (0, -1, moment))
            if (attempt, heartbeat) != (job.attempt, job.heartbeat):
                since = moment
            heard[job.pk] = (job.attempt, job.heartbeat, since)
            if moment - since >= settings.JOB_LOST_SECONDS:
                log.warning("Attempt %d of job %s has fallen silent.", job.attempt, job.pk)
                lose_attempt(job, job.attempt, job.heartbeat)
        self._heard = heard
