"""What scenarios share: a directory, readers, and how large everything is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import ci
from .contenders import Contender
from .contenders.grounds import READERS, Grounds, PostgreSQLGrounds
from .machine import speed
from .run import Run, Stage, running, staged

QUICK_READERS = 50


class Bench:
    def __init__(self, directory: Path, *, is_quick: bool = False) -> None:
        self.directory, self.is_quick = directory, is_quick
        self.grounds = Grounds(directory / "grounds", QUICK_READERS if is_quick else READERS)
        self.times = 1 if is_quick else 3
        self._speeds: list[float] = []
        self._runs = 0

    def sizes(self, *sizes: int) -> tuple[int, ...]:
        """How many sockets; few of them in a quick look."""
        return (QUICK_READERS,) if self.is_quick else sizes

    def many(self, times: int) -> int:
        """So many times; once in a quick look."""
        return 1 if self.is_quick else times

    def seconds(self, seconds: float) -> float:
        return min(seconds, 1.0) if self.is_quick else seconds

    def say(self, line: str) -> None:
        print(f"  {line}", flush=True)

    def place(self) -> Path:
        """A new directory, for one run."""
        self._runs += 1
        return self.directory / f"run{self._runs}"

    @contextmanager
    def running(self, contender: Contender, sockets: int, **how: int) -> Iterator[Run]:
        with running(contender, self.place(), self.directory, sockets, **how) as run:
            yield run
        self._speeds += run.speeds

    @contextmanager
    def staged(self, contender: Contender, sockets: int, **how: int) -> Iterator[Stage]:
        self.note_speed(speed())
        with staged(contender, self.place(), self.directory, sockets, **how) as stage:
            yield stage

    def here(self, contenders: list[Contender], not_run: list[str]) -> list[Contender]:
        """Those that can take part on this machine. A quick look takes only those that come from PyPI."""
        present = []
        for contender in contenders:
            reason = "left out of a quick look" if self.is_quick and contender.is_foreign else contender.missing()
            if reason:
                not_run.append(f"{contender.name}: {reason}")
            else:
                present.append(contender)
        return present

    @contextmanager
    def postgresql(self) -> Iterator[PostgreSQLGrounds]:
        """Readers in a PostgreSQL, which is there in the block."""
        with ci.postgresql() as url:
            yield PostgreSQLGrounds(self.place(), url, self.grounds.readers)

    def note_speed(self, speed: float) -> None:
        self._speeds.append(speed)

    def take_speeds(self) -> list[float]:
        speeds, self._speeds = self._speeds, []
        return speeds
