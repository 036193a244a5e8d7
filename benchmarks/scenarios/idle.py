"""Open pages on which nothing happens: what each of them holds of the server's memory, which is the growth of its
process divided by their number; and what it takes of its core: heartbeats, pings, and the sweep for lost nudges."""

import time
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.contenders import Contender
from benchmarks.contenders.belfry import Belfry
from benchmarks.contenders.nchan import Nchan
from benchmarks.contenders.socketio import SocketIO
from benchmarks.contenders.tutorial import Tutorial
from benchmarks.report import UNKNOWN, Goal, Section, Table, number, verdict
from benchmarks.run import Stage

SECONDS = 25.0  # one heartbeat of ours, and one of Socket.IO's
WARM_UP = 20  # sockets that come and go first, so that everything is loaded


@dataclass(frozen=True)
class Figures:
    kilobytes: float  # a socket
    microseconds: float  # of CPU a socket and second


Results = dict[tuple[str, int], Figures]


def run(bench: Bench) -> Section:
    section = Section("Idle pages", " ".join((__doc__ or "").split()))
    contenders = [Belfry(bench.grounds), Belfry(bench.grounds, "uvicorn"), Tutorial(bench.grounds), SocketIO(), Nchan()]
    present = bench.here(contenders, section.not_run)
    results: Results = {}
    for sockets in bench.sizes(1_000, 5_000):
        for contender in present:
            with bench.staged(contender, sockets) as stage:
                results[contender.name, sockets] = found = measure(bench, stage, sockets)
            said = f"{number(found.kilobytes)} KB, {number(found.microseconds)} µs/s"
            bench.say(f"{contender.name}, {sockets:,} sockets: {said} each")
    section.tables = [table(present, results)]
    section.goals = goals(results)
    return section


def measure(bench: Bench, stage: Stage, sockets: int) -> Figures:
    server = stage.house.server
    warm_up(stage)
    before = server.memory()
    with stage.client(sockets) as client:
        client.wait_until(client.is_live, "all sockets are live", patience=180.0)
        time.sleep(bench.seconds(5.0))  # what opening them has left behind
        memory, spent, began = server.memory(), server.cpu(), time.monotonic()
        time.sleep(bench.seconds(SECONDS))
        cpu, seconds = server.cpu() - spent, time.monotonic() - began
        if stage.table.header.live != sockets:
            raise RuntimeError(f"{stage.contender.name} has closed sockets that were idle.")
    return Figures((memory - before) / sockets / 1000, cpu / seconds / sockets * 1e6)


def warm_up(stage: Stage) -> None:
    with stage.client(WARM_UP) as client:
        client.wait_until(client.is_live, "the first sockets are live")
        time.sleep(1.0)
    time.sleep(1.0)


def table(contenders: list[Contender], results: Results) -> Table:
    sizes = sorted({sockets for _, sockets in results})
    head = ["", *(f"{sockets:,}: {what}" for sockets in sizes for what in ("KB each", "µs/s each"))]
    rows = []
    for contender in contenders:
        found = [results[contender.name, sockets] for sockets in sizes]
        rows.append([contender.name, *(number(one) for each in found for one in (each.kilobytes, each.microseconds))])
    return Table("By the number of sockets", head, rows)


def goals(results: Results) -> list[Goal]:
    def worst(name: str, what: str) -> float | None:
        return max((getattr(one, what) for (other, _), one in results.items() if name in other), default=None)

    found = []
    for what, unit, aim in (("kilobytes", "KB", 30.0), ("microseconds", "µs a second", 10.0)):
        ours, theirs = worst("Belfry on Daphne", what), worst("tutorial", what)
        figure = f"{number(ours)}; the tutorial: {number(theirs)}" if ours is not None and theirs is not None else "-"
        reached = verdict(ours < theirs, ours <= aim) if ours is not None and theirs is not None else UNKNOWN
        found.append(Goal(f"An idle page, {unit}", "below the tutorial", f"{aim:.0f}", figure, reached))
    return found
