"""What a job's own code holds: it says how far it has come, and hears that it is to end."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from typing import Any, TypeVar

from django.core.files import File
from django.db.models import QuerySet

from .job_files import open_upload
from .job_reporter import Reporter
from .models import Job
from .models.job_words import plain, plain_params
from .progress import Part, Progress

T = TypeVar("T")


class Stopped(BaseException):
    """This attempt is to end here. No ``Exception``: code that carries on after any error must not swallow it."""


class JobCancelled(Stopped):
    """Its owner does not want it any more."""


class Superseded(Stopped):
    """This attempt was given up on; whatever it does has no effect on the job."""


class RunningJob:
    """One attempt of a job, under way. What it says is written at most four times a second, the last of it always."""

    def __init__(self, job: Job) -> None:
        self.row = job
        self.id = job.pk
        self.attempt = job.attempt
        self.args, self.kwargs = job.args, job.kwargs
        self.result: Any = None
        self.branches: list[Job] = []
        self.progress = Progress()
        self.reporter = Reporter(job, self.progress)

    @property
    def owner(self) -> Any:
        return self.row.inbox.user

    @property
    def inbox(self) -> Any:
        return self.row.inbox

    def track(self, rows: Iterable[T], *, total: int | None = None, message: str = "") -> Iterator[T]:
        """Go through these, and count them. Between two of them is a checkpoint. ``total`` is found out by itself for
        lists and querysets. Loops within loops add up."""
        if total is None:
            total = rows.count() if isinstance(rows, QuerySet) else len(rows) if isinstance(rows, Sized) else None
        if message:
            self.message(message)
        with self.part(total) as part:
            for row in rows:
                if self.reporter.verdict:
                    self.checkpoint()
                yield row
                part.current += 1

    @contextmanager
    def part(self, total: int | None = None) -> Iterator[Part]:
        """A loop that counts by :meth:`advance`."""
        part = self.progress.begin_part(total)
        try:
            yield part
        finally:
            self.progress.end_part(part)

    def branch(
        self,
        task: Any,
        *,
        title: str = "",
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        """A part that is done beside others by a task of its own, as soon as this code has ended well. The job ends
        when all of its branches have, and fails when one has failed."""
        self.branches.append(
            Job(
                task=str(task.name),
                args=list(args),
                kwargs=dict(kwargs or {}),
                title=(title or str(getattr(task, "title", "")) or str(task.name))[:200],
                max_attempts=getattr(task, "max_attempts", 1),
                restarts=getattr(task, "restarts", False),
            )
        )

    def advance(self, n: int = 1) -> None:
        """So many more are done."""
        if n < 0:
            raise ValueError(f"Progress goes forward: expected 0 or more, got {n}.")
        self.progress.parts[-1].current += n

    def expect(self, total: int | None) -> None:
        """So many they will be; None is not known (any more)."""
        self.progress.parts[-1].total = None if total is None else int(total)

    def message(self, text: str, **params: Any) -> None:
        """What it does now, in a few words; looked up in the reader's language when it is shown."""
        self.progress.message, self.progress.params = plain(text)[:500], plain_params(params)

    def plan(self, *phases: str) -> None:
        """The phases that it will go through, each an equal share: ``job.plan("Reading", "Writing")``."""
        self.progress.planned = phases

    def phase(self, title: str) -> None:
        """Begin one. It is a checkpoint."""
        self.checkpoint()
        self.progress.begin_phase(title)
        self.progress.phase_title = plain(title)

    def log(self, text: str) -> None:
        """A line for whoever wants to know more. The last 1,000 are kept, each of at most 500 characters."""
        self.reporter.note(text)

    def checkpoint(self) -> None:
        """A place where it may end: raises JobCancelled when its owner has cancelled it, Superseded when it was given
        up on."""
        if self.reporter.verdict == "cancelled":
            raise JobCancelled
        if self.reporter.verdict == "superseded":
            raise Superseded

    def open_upload(self) -> "File[Any]":
        """The file that the job was started with, for reading."""
        return open_upload(self.row)
