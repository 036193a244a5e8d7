"""One server with sockets at it: messages in blocks, what came of them, and what they cost the server."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .client import Client
from .contenders import Contender, House
from .machine import speed
from .processes import Process
from .table import Table


@dataclass(frozen=True)
class Block:
    """So many messages, one after another."""

    first: int
    count: int
    seconds: float  # from when the first was sent until the last had come to everybody
    deliveries: int
    lost: int
    last: tuple[float, ...]  # seconds from each message's sending to its last socket
    calls: tuple[float, ...]  # seconds that each sending took

    @property
    def rate(self) -> float:
        """Deliveries a second."""
        return self.deliveries / self.seconds


@dataclass(frozen=True)
class Result:
    """Blocks of the same kind, and what all of them cost."""

    blocks: list[Block]
    cpu: float  # seconds of the server
    frames: int
    bytes: int
    doubled: int
    full_lists: int
    closed: int

    @property
    def lost(self) -> int:
        return sum(block.lost for block in self.blocks)

    @property
    def deliveries(self) -> int:
        return sum(block.deliveries for block in self.blocks)

    @property
    def rates(self) -> list[float]:
        return [block.rate for block in self.blocks]

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def cpu_each(self) -> float:
        """Microseconds of the server for a delivery."""
        return self.cpu / self.deliveries * 1e6 if self.deliveries else float("nan")

    @property
    def complaint(self) -> str:
        """What is wrong with the counts, or ""."""
        counts = {"lost": self.lost, "doubled": self.doubled, "sockets closed": self.closed}
        return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)


class Publisher(Process):
    """The process that publishes, and a way to tell it what."""

    def __init__(self, module: str, house: House, table: Table, directory: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.publisher", module, house.address, str(table.path)]
        super().__init__("publisher", command, directory, environment=house.environment)

    def start(self, **how: object) -> "Publisher":
        super().start(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.hear()
        return self

    def hear(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"The publisher has ended:\n{self.said}")
        return json.loads(line)

    def order(self, what: str, **how: Any) -> None:
        """To be answered later."""
        self.process.stdin.write(json.dumps({"do": what, **how}) + "\n")
        self.process.stdin.flush()

    def tell(self, what: str, **how: Any) -> dict[str, Any]:
        self.order(what, **how)
        return self.hear()


@dataclass
class Stage:
    """A contender's server and whoever publishes, without any sockets yet."""

    contender: Contender
    house: House
    publisher: Publisher
    table: Table
    directory: Path
    programs: Path

    def client(self, sockets: int, come_back: bool = False) -> Client:
        return Client(self.programs, self.directory, self.house.door, sockets, self.table, come_back)

    def publish(self, first: int, **how: Any) -> int:
        """How many messages were sent."""
        return int(self.publisher.tell("publish", first=first, **how)["count"])


class Run:
    """A stage with live sockets, ready for messages."""

    def __init__(self, stage: Stage, client: Client) -> None:
        self.contender, self.house, self.client = stage.contender, stage.house, client
        self.publisher, self.table = stage.publisher, stage.table
        self.next = 0
        self.speeds: list[float] = []

    def measure(self, times: int, **how: Any) -> Result:
        """So many blocks, and after each of them an empty board. Their cost is told to the end of what follows from
        them: acknowledgements and all."""
        header, blocks, cpu = self.table.header, [], 0.0
        before = (header.frames, header.bytes, header.doubled, header.full_lists, header.closed)
        for _ in range(times):
            self.speeds.append(speed())
            spent = self.house.server.cpu()
            blocks.append(self.block(**how))
            time.sleep(self.contender.quiet)
            cpu += self.house.server.cpu() - spent
            self.publisher.tell("clear")
            self.settle()
        after = (header.frames, header.bytes, header.doubled, header.full_lists, header.closed)
        told = (now - then for now, then in zip(after, before, strict=True))
        return Result(blocks, cpu, *told)

    def block(self, **how: Any) -> Block:
        first = self.next
        options = {"least": 1, "most": self.contender.most, "seconds": 1.0, "fanout": self.client.sockets, **how}
        said = self.publisher.tell("publish", first=first, **options)
        self.client.check()
        self.house.server.check()
        end = self.next = first + said["count"]
        messages = self.table.messages[first:end]
        seconds = max(one.last for one in messages) - messages[0].sent
        last = tuple(one.last - one.sent for one in messages)
        deliveries = sum(one.count for one in messages)
        return Block(first, end - first, seconds, deliveries, self.table.lost(first, end), last, tuple(said["calls"]))

    def settle(self, seconds: float = 0.4) -> None:
        """Until nothing has come for so long."""
        header, seen = self.table.header, -1
        while header.bytes != seen:
            seen = header.bytes
            time.sleep(seconds)


@contextmanager
def staged(contender: Contender, directory: Path, programs: Path, sockets: int, messages: int = 0) -> Iterator[Stage]:
    """Server and publisher run in the block; so many sockets are expected."""
    directory.mkdir(parents=True)
    table = Table(directory / "table", messages or 64 * contender.most)
    with (
        contender.running(directory, sockets) as house,
        Publisher(contender.module, house, table, directory) as publisher,
    ):
        yield Stage(contender, house, publisher, table, directory, programs)


@contextmanager
def running(contender: Contender, directory: Path, programs: Path, sockets: int, messages: int = 0) -> Iterator[Run]:
    """All sockets are live in the block, and are proven to be by a first message."""
    with staged(contender, directory, programs, sockets, messages) as stage, stage.client(sockets) as client:
        client.wait_until(client.is_live, "all sockets are live", patience=180.0)
        run = Run(stage, client)
        run.block(least=1, most=1)
        time.sleep(contender.quiet)
        run.publisher.tell("clear")
        run.settle()
        yield run
