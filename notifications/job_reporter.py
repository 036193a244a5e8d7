"""The reporter: a thread beside a running job, which writes down how far it has come.

The job itself moves numbers in memory and waits for nobody. Three times a second this thread looks at them, and
writes what has changed; else it says now and then that somebody is at it, and looks whether the job is to end.
"""

import copy
import logging
import threading
import time
from collections import deque
from typing import Any

from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connections

from .models import Job
from .models.job_history import LINE_LIMIT, LINES_KEPT
from .models.job_states import CANCELLING
from .models.job_words import plain
from .progress import Progress

log = logging.getLogger(__name__)

INTERVAL = 0.3  # seconds between two writes
LOOK_EVERY = 1.0  # seconds between two looks whether it is to end
BEATS = 12  # in the time after which a silent job is taken for lost


class Reporter:
    """``start()``, ``stop()``; in between ``verdict`` says "cancelled" or "superseded" when the job is to end."""

    def __init__(self, job: Job, progress: Progress) -> None:
        self.verdict = ""
        self._job, self._progress = copy.copy(job), progress  # whatever the job's code makes of its own
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._written: dict[str, Any] = {}
        self._beat_every = settings.JOB_LOST_SECONDS / BEATS
        self._wrote_at = self._looked_at = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="belfry-reporter", daemon=True)

    def start(self) -> None:
        self._written = self._progress.columns()
        self._thread.start()

    def stop(self) -> None:
        """Returns when nothing will be written any more. What has not been is in ``rest()``."""
        self.let_go()
        if self._thread.ident is not None:
            self._thread.join()

    def let_go(self) -> None:
        """No further step."""
        self._stopping.set()

    def note(self, line: str) -> None:
        self._lines.append(plain(str(line)[:LINE_LIMIT]))

    def rest(self) -> tuple[dict[str, Any], list[str]]:
        """How far it has come at last, and the lines that are still to be written."""
        return self._progress.columns(), self._take_lines()

    def _take_lines(self) -> list[str]:
        return [self._lines.popleft() for _ in range(len(self._lines))]

    def _run(self) -> None:
        try:
            while not self._stopping.wait(INTERVAL):
                self._step()
        finally:
            connections.close_all()

    def _step(self) -> None:
        """A database that does not answer now is asked again in the next step."""
        lines: list[str] = []
        try:
            state: str | None = "unknown"
            columns = self._progress.columns()
            moment = time.monotonic()
            if columns != self._written or self._lines:
                lines = self._take_lines()
                state = self._report(columns, lines)
                self._written, self._wrote_at, lines = columns, moment, []
            elif moment - self._wrote_at >= self._beat_every:
                state = self._job.beat()
                self._wrote_at = moment
            elif moment - self._looked_at >= LOOK_EVERY:
                state = self._job.look()
            else:
                return
            self._looked_at = moment
            self.verdict = {None: "superseded", CANCELLING: "cancelled"}.get(state, "")
        except (DatabaseError, InterfaceError) as error:
            self._lines.extendleft(reversed(lines))
            log.warning("The progress of job %s could not be written: %s", self._job.pk, error)
            connections.close_all()

    def _report(self, columns: dict[str, Any], lines: list[str]) -> str | None:
        """What the database does not take is left out: it must not look as if nobody were at the job."""
        try:
            return self._job.report(columns, lines)
        except (DataError, IntegrityError, OverflowError, TypeError, ValueError):
            log.exception("Some of the progress of job %s cannot be written.", self._job.pk)
            return self._job.beat()
