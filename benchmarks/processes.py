"""Processes of a run, each on the core that it belongs to."""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from notifications.management.supervisor import end_with

from .machine import OTHERS, ROOT, SERVER

PATIENCE = 60.0


class Process:
    """``with Process(...)``: it runs in the block, and is gone after it."""

    def __init__(
        self,
        name: str,
        command: list[str],
        directory: Path,
        *,
        is_server: bool = False,
        environment: dict[str, str] | None = None,
    ) -> None:
        """``environment`` is all that it gets of one; None is that of this process."""
        self.name, self.command, self.environment = name, command, environment
        self.cores = SERVER if is_server else OTHERS
        self.log = directory / f"{name}.log"
        self.process: psutil.Popen | None = None

    def start(self, **how: object) -> "Process":
        die_with_us = end_with(os.getpid())

        def prepare() -> None:
            die_with_us()
            os.sched_setaffinity(0, self.cores)

        options = {"stdin": subprocess.DEVNULL, "stdout": self.log.open("ab"), **how}
        self.process = psutil.Popen(
            self.command,
            cwd=ROOT,
            env=self.environment,
            stderr=self.log.open("ab"),
            start_new_session=True,
            preexec_fn=prepare,
            **options,
        )
        return self

    def kill(self) -> None:
        """It and its children, at once."""
        if self.process is not None:
            with suppress(psutil.NoSuchProcess):
                for one in [*self.process.children(recursive=True), self.process]:
                    with suppress(psutil.NoSuchProcess):
                        one.kill()
            self.process.wait()

    def __enter__(self) -> "Process":
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.kill()

    @property
    def everyone(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def cpu(self) -> float:
        """Seconds that it and its children have spent."""
        return sum(times.user + times.system for times in (one.cpu_times() for one in self.everyone))

    def memory(self) -> int:
        """Bytes that it and its children hold."""
        return sum(one.memory_info().rss for one in self.everyone)

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def check(self) -> None:
        if not self.is_running:
            raise RuntimeError(f"{self.name} has ended:\n{self.said}")

    def wait_until(self, is_true: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
        """While it runs."""
        deadline = time.monotonic() + patience
        while not is_true():
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name}, not within {patience:.0f} s: {what}\n{self.said}")
            time.sleep(0.02)
