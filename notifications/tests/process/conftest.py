"""A worker and a tick: real processes on the test database and the test bus, killed for real."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import shorten
from typing import Any

import psutil
import pytest
from celery import current_app
from django.conf import settings

from config.tests.site import eventually
from notifications import job_task
from notifications.jobs import start_job
from notifications.management.commands.up import worker_command
from notifications.models import Job, Notification
from notifications.tests import children
from notifications.tests.faults.table import tell

CHILDREN = 2  # of the worker


class Process:
    """One that leads a group of its own, with its children in it. Every verb may be said twice."""

    def __init__(self, command: list[str], log: Path, **other: str) -> None:
        self.command, self.log, self.other = command, log, other
        self.process: psutil.Popen | None = None

    def start(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self.process = psutil.Popen(
                self.command,
                cwd=settings.BASE_DIR,
                env={**environment(), **self.other},
                stdout=self.log.open("ab"),
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        return self.process.wait(60)

    def kill(self) -> None:
        """It and its children, at once, as by kill -9."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    @property
    def said(self) -> str:
        return self.log.read_text()


class Worker(Process):
    def children(self) -> list[psutil.Process]:
        return self.process.children()


def environment() -> dict[str, str]:
    more = {"TESTS_BROKER_URL": settings.CELERY_BROKER_URL, "PYTHONUNBUFFERED": "1"}
    return children.environment("notifications.tests.process.settings", **more)


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory in which tasks leave their traces."""
    os.environ["TESTS_TRACES"] = str(tmp_path_factory.mktemp("traces"))
    yield Path(os.environ["TESTS_TRACES"])
    del os.environ["TESTS_TRACES"]


@pytest.fixture(scope="module")
def processes(
    traces: Path, django_db_setup: None, valkey_server: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Worker, Process]]:
    logs = tmp_path_factory.mktemp("logs")
    manage = [sys.executable, "manage.py"]
    worker = Worker([*worker_command(), "--loglevel=INFO"], logs / "worker")
    tick = Process([*manage, "tick", "--interval=0.2"], logs / "tick")
    yield worker, tick
    worker.kill()
    tick.kill()


@pytest.fixture
def tick(processes: tuple[Worker, Process], transactional_db: None) -> Process:
    """`manage.py tick`, running. A test may kill it; the next one has it back."""
    processes[1].start()
    return processes[1]


@pytest.fixture
def worker(processes: tuple[Worker, Process], tick: Process) -> Worker:
    """`celery worker` with two children, running. A test may kill it; the next one has it back."""
    processes[0].start()
    return processes[0]


class Watched:
    """A job, as its owner sees it, and the traces that its attempts have left."""

    def __init__(self, job: Job, traces: Path, log: Path) -> None:
        self.job, self.file, self.log = job, traces / str(job.pk), log
        self.waited: list[float] = []  # when it was waited for what becomes of it, and when it was so

    @property
    def now(self) -> Job:
        return Job.objects.get(pk=self.job.pk)

    @property
    def traces(self) -> list[tuple[str, int, int]]:
        """What, in which attempt, by which process."""
        lines = [line.split() for line in self.file.read_text().splitlines()] if self.file.exists() else []
        return [(what, int(attempt), int(pid)) for what, attempt, pid in lines]

    def did(self, what: str, attempt: int = 1) -> list[int]:
        """The processes that did this, each time that it was done."""
        return [pid for done, number, pid in self.traces if (done, number) == (what, attempt)]

    def has_begun(self, attempt: int = 1) -> psutil.Process:
        """Wait until somebody is at it: the process that is."""
        eventually(lambda: self.did("began", attempt), f"attempt {attempt} has begun\n{self}")
        return psutil.Process(self.did("began", attempt)[0])

    def moves(self) -> None:
        """Wait until its progress is written."""
        before = self.now
        eventually(lambda: self.now.current > before.current, f"it moves\n{self}")

    def may_end(self) -> None:
        self.file.with_suffix(".go").touch()

    def becomes(self, state: str) -> Job:
        self.waited.append(time.monotonic())
        eventually(lambda: self.now.state == state, f"it is {state}\n{self}", 90)
        self.waited.append(time.monotonic())
        return self.now

    def told(self) -> list[str]:
        """What its owner was told of it."""
        return list(Notification.objects.filter(key=self.job.item_key).values_list("verb", flat=True))

    def __str__(self) -> str:
        said = self.log.read_text()[-3000:] if self.log.exists() else ""
        return f"{self.now.state}, attempt {self.now.attempt}: {self.traces}\n{said}"


def tell_of(test: Any, jobs: list[Watched]) -> None:
    """A row in the table of faults: jobs without their end or without a word of it, and what was said or done twice."""
    missing = sum(not (job.now.ended_at and job.told()) for job in jobs)
    doubled = sum(len(job.told()) > 1 or [what for what, *_ in job.traces].count("did") > 1 for job in jobs)
    waited = [moment for job in jobs for moment in job.waited]
    seconds = f"{max(waited) - min(waited):.1f} s" if waited else "–"
    name = shorten(f"Jobs: {test.originalname.removeprefix('test_').replace('_', ' ')}", 64, placeholder=" …")
    way = f" ({test.callspec.id})" if hasattr(test, "callspec") else ""
    tell((name + way, str(len(jobs)), str(missing), str(doubled), seconds, "–", "–"))


@pytest.fixture
def start(request: pytest.FixtureRequest, traces: Path, bo: Any, processes: tuple[Worker, Process]) -> Iterator[Any]:
    """``start(task)``: a job of Bo's, that does this task."""
    started: list[Watched] = []

    def begin(task: Any, **options: Any) -> Watched:
        started.append(Watched(start_job(task, owner=bo, **options), traces, processes[0].log))
        return started[-1]

    yield begin
    tell_of(request.node, started)
    for watched in started:
        watched.may_end()
    assert job_task.sender().flush(20)
    with job_task.to_broker() as broker:  # those of the pool may have died in the test
        current_app.control.purge(connection=broker)
