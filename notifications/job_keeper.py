"""The keeper of jobs: part of the tick. It sees to it that every job ends, whatever became of workers and messages."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError

from .job_branches import send, settle_all_branched
from .job_endings import lose_attempt
from .job_files import remove_files, remove_orphans
from .models import Job, clock

log = logging.getLogger(__name__)

SENT_AT_ONCE = 200
EXPIRED_AT_ONCE = 50
REMOVE_AGAIN = timedelta(hours=1)  # after a storage has refused it
ORPHANS_EVERY = 3600.0  # seconds
LOOKS = 4  # at least, before one is taken for lost: where one comes late, it is our own that were missed


class JobKeeper:
    """Sends jobs to workers that wait for it: again, when nobody has taken them, and when it is time for the next
    attempt. Finds the workers that have fallen silent, by its own clock: that of no other machine is asked."""

    def __init__(self) -> None:
        self._heard: dict[UUID, tuple[list[int], float]] = {}  # attempt and heartbeat, for how long they were the same
        self._looked_at = time.monotonic()
        self._swept_at = float("-inf")

    def step(self) -> None:
        self.send_due()
        self.find_lost()
        settle_all_branched()
        self.remove_expired()
        self.sweep_files()

    def forget(self) -> None:
        """While the database was away, nobody could write a heartbeat into it."""
        self._heard.clear()

    def send_due(self) -> None:
        due = list(Job.objects.due().order_by("send_at")[:SENT_AT_ONCE])
        for job in due:
            job.note_sending()
        if due:
            send(due)

    def find_lost(self) -> None:
        moment = time.monotonic()
        passed = min(moment - self._looked_at, settings.JOB_LOST_SECONDS / LOOKS)
        self._looked_at = moment
        heard = {}
        for job_id, *now in Job.objects.working().values_list("pk", "attempt", "heartbeat"):
            before, silent = self._heard.get(job_id, ([], 0.0))
            silent = silent + passed if before == now else 0.0
            heard[job_id] = (now, silent)
            if silent >= settings.JOB_LOST_SECONDS:
                log.warning("Attempt %d of job %s has fallen silent.", now[0], job_id)
                with unharmed(job_id, "could not be given up on"):
                    lose_attempt(Job.objects.get(pk=job_id), *now)
        self._heard = heard

    def remove_expired(self) -> None:
        for job in Job.objects.expired()[:EXPIRED_AT_ONCE]:
            with unharmed(job.pk, "has files that cannot be removed"):
                Job.objects.filter(pk=job.pk).update(expires_at=clock.now() + REMOVE_AGAIN)  # behind those that can be
                remove_files(job)

    def sweep_files(self) -> None:
        if time.monotonic() - self._swept_at < ORPHANS_EVERY:
            return
        self._swept_at = time.monotonic()
        try:
            count = remove_orphans()
        except OSError as error:
            log.error("The files of jobs could not be swept: %s", error)
        else:
            if count:
                log.info("Removed %d files that belonged to no job.", count)


@contextmanager
def unharmed(job_id: UUID, what: str) -> Iterator[None]:
    """The others, and whatever else the tick does, must not wait for one of which this cannot be done."""
    try:
        yield
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("Job %s %s; a later round tries again.", job_id, what)
