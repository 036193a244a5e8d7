"""Pages that come: how many a second are open, signed in and caught up, fifty at a time, each lacking a broadcast; and
how long it takes until 5,000 pages are all back and caught up after the server was killed and started again at once.
Pages try again as `live.js` has it (after about a second, then two, give or take 90 %), those of the rivals, too. The
rivals catch nobody up: there a page is back when its socket is open. One that has not all of them back after four
minutes is waited for no longer."""

import time

from benchmarks.bench import Bench
from benchmarks.client import Client
from benchmarks.contenders import Contender
from benchmarks.contenders.belfry import Belfry
from benchmarks.contenders.socketio import SocketIO
from benchmarks.contenders.tutorial import Tutorial
from benchmarks.report import UNKNOWN, Goal, Section, Table, number, ratio, spread, verdict
from benchmarks.run import Stage

PATIENCE = 240.0


def run(bench: Bench) -> Section:
    section = Section("Connecting", " ".join((__doc__ or "").split()))
    ours = [Belfry(bench.grounds), Belfry(bench.grounds, "uvicorn")]
    present = bench.here([*ours, Tutorial(bench.grounds), SocketIO()], section.not_run)
    (some,), (many,) = bench.sizes(2_000), bench.sizes(5_000)
    rates: dict[str, list[float]] = {}
    returns: dict[str, float] = {}
    for contender in present:
        rates[contender.name] = [connects(bench, contender, some) for _ in range(bench.times)]
        bench.say(f"{contender.name}: {spread(rates[contender.name])} connects/s")
    for contender in present:
        returns[contender.name] = comes_back(bench, contender, many, section.failures)
        bench.say(f"{contender.name}: {many:,} are back after {seconds(returns[contender.name])} s")
    section.tables = [table(some, many, rates, returns)]
    section.goals = goals(rates, returns)
    return section


def connects(bench: Bench, contender: Contender, sockets: int) -> float:
    """A second, at a server that has just started."""
    with bench.staged(contender, sockets) as stage:
        if not contender.catches_up:
            return opening(stage, sockets)
        announce(stage, 0, sockets)
        client = stage.client(sockets)
        began = time.monotonic()
        with client:
            message = stage.table.messages[0]
            client.wait_until(lambda: message.count == sockets, "all pages have caught up", PATIENCE)
            return sockets / (message.last - began)


def opening(stage: Stage, sockets: int) -> float:
    client = stage.client(sockets)
    began = time.monotonic()
    with client:
        client.wait_until(client.is_live, "all sockets are live", PATIENCE)
        return sockets / (stage.table.header.went_live_at - began)


def announce(stage: Stage, number: int, sockets: int) -> None:
    """While nobody hears it."""
    stage.publish(number, least=1, most=1, seconds=0.0, fanout=sockets, patience=0.0)


def comes_back(bench: Bench, contender: Contender, sockets: int, failures: list[str]) -> float:
    """Seconds from the server's death until all pages are back."""
    with bench.staged(contender, sockets) as stage, stage.client(sockets, come_back=True) as client:
        client.wait_until(client.is_live, "all sockets are live", PATIENCE)
        stage.publish(0, least=1, most=1, seconds=0.0, fanout=sockets)
        time.sleep(contender.quiet)
        died = time.monotonic()
        stage.house.server.kill()
        client.wait_until(lambda: stage.table.header.open == 0, "all pages have noticed")
        announce(stage, 1, sockets)
        stage.house.server.start()
        if not all_come_back(client, contender):
            return float("inf")
        back = stage.table.header.went_live_at
        if contender.catches_up:
            message = stage.table.messages[1]
            client.wait_until(lambda: message.count == sockets, "all pages have caught up", PATIENCE)
            back = message.last
        check(stage, sockets, failures)
        return back - died


def all_come_back(client: Client, contender: Contender) -> bool:
    """Ours must; of a rival it is a figure, too, that they do not."""
    try:
        client.wait_until(client.is_live, "all sockets are live again", PATIENCE)
    except TimeoutError:
        if contender.catches_up:
            raise
        return False
    return True


def check(stage: Stage, sockets: int, failures: list[str]) -> None:
    """Everybody hears the next one, and nobody has heard anything twice."""
    stage.publish(2, least=1, most=1, seconds=0.0, fanout=sockets)
    table, name = stage.table, stage.contender.name
    if stage.contender.catches_up and (lost := table.lost(0, 3)):
        failures.append(f"{name}: {lost:,} lost around a restart")
    if stage.contender.catches_up and table.header.doubled:
        failures.append(f"{name}: {table.header.doubled:,} doubled around a restart")


def table(some: int, many: int, rates: dict[str, list[float]], returns: dict[str, float]) -> Table:
    tutorial = next((found for name, found in rates.items() if "tutorial" in name), None)
    rows = [
        [name, spread(found), ratio(found, tutorial) if tutorial else "-", seconds(returns[name])]
        for name, found in rates.items()
    ]
    return Table(
        f"{some:,} that come, and {many:,} that come back",
        ["", "connects/s", "× tutorial", "s until all are back"],
        rows,
    )


def seconds(found: float) -> str:
    return number(found) if found < PATIENCE else f"more than {PATIENCE:.0f}"


def goals(rates: dict[str, list[float]], returns: dict[str, float]) -> list[Goal]:
    ours, theirs = Belfry.name_of("Daphne", 4), next((name for name in rates if "tutorial" in name), "")
    if not theirs:
        return [Goal("Connects", "twice the tutorial", "800 a second", "-", UNKNOWN)]
    times = min(rates[ours]) / max(rates[theirs])
    figure = f"{spread(rates[ours])} a second, {ratio(rates[ours], rates[theirs])} × the tutorial"
    back = returns[ours]
    return [
        Goal(
            "Connects, signed in and caught up",
            "twice the tutorial",
            "800 a second",
            figure,
            verdict(times >= 2, min(rates[ours]) >= 800),
        ),
        Goal(
            "5,000 pages back after a restart",
            "15 s",
            "10 s",
            f"{number(back)} s; the tutorial: {seconds(returns[theirs])} s",
            verdict(back <= 15, back <= 10),
        ),
    ]
