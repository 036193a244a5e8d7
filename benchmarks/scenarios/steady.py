"""Broadcasts at a steady rate to 1,000 open pages: how long after the publishing call the last page has each of them.
Who cannot keep up is ever later. With the frame limit, a page gets at most four frames a second, and what comes
meanwhile is in the next one."""

from benchmarks.bench import Bench
from benchmarks.contenders.belfry import Belfry
from benchmarks.contenders.nchan import Nchan
from benchmarks.contenders.socketio import SocketIO
from benchmarks.contenders.tutorial import Tutorial
from benchmarks.report import UNKNOWN, Goal, Section, Table, number, percentile, verdict
from benchmarks.run import Result

RATES = {10.0: (2, 50), 2.0: (1, 20)}  # broadcasts a second: how many blocks of how many
KEEPS_UP = 1.0  # seconds, within which nine of ten broadcasts have come to everybody

Results = dict[tuple[str, float], Result]


def run(bench: Bench) -> Section:
    section = Section("Broadcast at a steady rate", " ".join((__doc__ or "").split()))
    ours = [Belfry(bench.grounds, server, limit) for limit in (0, 4) for server in ("Daphne", "uvicorn")]
    results: Results = {}
    present = bench.here([*ours, Tutorial(bench.grounds, "core"), SocketIO(), Nchan()], section.not_run)
    (sockets,) = bench.sizes(1_000)
    for contender in present:
        with bench.running(contender, sockets) as run:
            for rate, (times, count) in RATES.items():
                count = 5 if bench.is_quick else count
                result = run.measure(bench.many(times), rate=rate, least=count, most=count)
                results[contender.name, rate] = result
                bench.say(f"{contender.name}, {rate:.0f} a second: {' / '.join(times_of(result))} ms")
    section.failures = [
        f"{name}, {rate:.0f} a second: {result.complaint}"
        for (name, rate), result in results.items()
        if name.startswith("Belfry") and result.complaint
    ]
    section.tables = [table(sockets, results)]
    section.goals = goals(results)
    return section


def late(result: Result) -> list[float]:
    """Seconds until the last socket had it, of each message."""
    return [seconds for block in result.blocks for seconds in block.last]


def times_of(result: Result) -> list[str]:
    return [number(percentile(late(result), percent) * 1000) for percent in (50, 90, 99)]


def table(sockets: int, results: Results) -> Table:
    each = ("median", "90th %", "99th %", "µs CPU")
    head = ["ms to the last page", *(f"{rate:.0f}/s, {what}" for rate in RATES for what in each), "lost or doubled"]
    rows = []
    for name in dict.fromkeys(name for name, _ in results):
        mine = [results[name, rate] for rate in RATES]
        figures = [one for result in mine for one in (*times_of(result), number(result.cpu_each))]
        rows.append([name, *figures, "; ".join(filter(None, (one.complaint for one in mine))) or "none"])
    return Table(f"{sockets:,} sockets", head, rows)


def goals(results: Results) -> list[Goal]:
    slowest = {name: percentile(late(result), 90) for (name, rate), result in results.items() if rate == 10.0}
    last = {name: percentile(late(result), 99) for (name, rate), result in results.items() if rate == 10.0}
    ours = {name: seconds for name, seconds in last.items() if name.startswith("Belfry") and "no frame" in name}
    keeps_up = all(seconds < KEEPS_UP for name, seconds in slowest.items() if name.startswith("Belfry"))
    said = ", ".join(f"{name}: {number(seconds * 1000)}" for name, seconds in last.items() if "4 frames" not in name)
    socketio = last.get("Socket.IO, Redis adapter")
    return [
        Goal(
            "10 broadcasts a second to 1,000 pages, ms to the last one (99th percentile)",
            "keeps up",
            "below Socket.IO's",
            said,
            verdict(keeps_up, max(ours.values()) < socketio) if socketio else UNKNOWN,
        )
    ]
