"""A broadcast to all open pages of one server process: one by one, where the next goes out when the last has come to
everybody; and with a backlog of eight. Time runs from the publishing call in another process to the last socket, so
that the commit and the way over the bus are inside."""

from benchmarks.bench import Bench
from benchmarks.contenders import Contender
from benchmarks.contenders.belfry import Belfry
from benchmarks.contenders.nchan import Nchan
from benchmarks.contenders.socketio import SocketIO
from benchmarks.contenders.tutorial import Tutorial
from benchmarks.report import UNKNOWN, Goal, Section, Table, number, ratio, spread, verdict
from benchmarks.run import Result

WINDOWS = {1: "one by one", 8: "backlog of 8"}
SECONDS = 1.2  # of one block, at least

Results = dict[tuple[str, int, int], Result]  # by contender, sockets and window


def run(bench: Bench) -> Section:
    section = Section("Broadcast", " ".join((__doc__ or "").split()))
    ours = [Belfry(bench.grounds, server, limit) for limit in (0, 4) for server in ("Daphne", "uvicorn")]
    rivals: list[Contender] = [Tutorial(bench.grounds, "core"), Tutorial(bench.grounds, "pub/sub"), SocketIO(), Nchan()]
    results: Results = {}
    present = bench.here([*ours, *rivals], section.not_run)
    for sockets in bench.sizes(200, 1_000, 5_000):
        for contender in present:
            results |= measure(bench, contender, sockets)
        section.tables.append(table(sockets, [one.name for one in present], results))
    section.failures = [
        f"{name}, {sockets:,} sockets, {WINDOWS[window]}: {said}"
        for (name, sockets, window), result in results.items()
        if name.startswith("Belfry") and (said := result.complaint)
    ]
    section.goals = goals(results)
    return section


def measure(bench: Bench, contender: Contender, sockets: int) -> Results:
    results = {}
    with bench.running(contender, sockets) as run:
        for window in WINDOWS:
            result = run.measure(bench.times, window=window, least=2 * window, seconds=SECONDS)
            results[contender.name, sockets, window] = result
            said = f"{number(result.rate)}/s, {number(result.cpu_each)} µs each; {result.complaint or 'exact'}"
            bench.say(f"{contender.name}, {sockets:,} sockets, {WINDOWS[window]}: {said}")
    return results


def table(sockets: int, names: list[str], results: Results) -> Table:
    head = [
        "",
        *(f"{kind} {what}" for what in WINDOWS.values() for kind in ("deliveries/s,", "× tutorial,", "µs CPU,")),
    ]
    rows = []
    for name in names:
        row = [name]
        for window in WINDOWS:
            result, tutorial = results[name, sockets, window], best_tutorial(results, sockets, window)
            times = ratio(result.rates, tutorial.rates) if tutorial else "-"
            row += [spread(result.rates), times, number(result.cpu_each)]
        complaints = [said for window in WINDOWS if (said := results[name, sockets, window].complaint)]
        rows.append([*row, "; ".join(complaints) or "none"])
    return Table(f"{sockets:,} sockets", [*head, "lost or doubled"], rows)


def best_tutorial(results: Results, sockets: int, window: int) -> Result | None:
    """With the layer that serves it better."""
    found = [result for (name, *at), result in results.items() if "tutorial" in name and at == [sockets, window]]
    return max(found, key=lambda result: result.rate, default=None)


def goals(results: Results) -> list[Goal]:
    """The least favourable of all sizes and windows decides, without the frame limit: that is there to slow us down."""
    daphne, uvicorn = "Belfry on Daphne, no frame limit", "Belfry on uvicorn, no frame limit"
    tutorial = worst(results, daphne, "tutorial")
    on_uvicorn, on_daphne = worst(results, uvicorn, "Socket.IO"), worst(results, daphne, "Socket.IO")
    nchan = worst(results, uvicorn, "nchan")
    return [
        goal("Broadcast on Daphne, × the tutorial", tutorial, 10, 25),
        goal("Broadcast on uvicorn, × Socket.IO", on_uvicorn, 1, 1),
        goal("Broadcast on Daphne, × Socket.IO", on_daphne, None, 1),
        goal("Broadcast on uvicorn, × nchan", nchan, None, 1),
    ]


def goal(what: str, figures: list[float], must: float | None, aim: float) -> Goal:
    """``must`` is None where there is only an aim."""
    wanted = "-" if must is None else f"{must}"
    if not figures:
        return Goal(what, wanted, f"{aim}", "-", UNKNOWN)
    least = min(figures)
    reached = verdict(must is None or least >= must, least >= aim)
    figure = f"{number(least)} to {number(max(figures))}"
    return Goal(what, wanted, f"{aim}", figure, reached if must is not None or least >= aim else "aim not reached")


def worst(results: Results, ours: str, theirs: str) -> list[float]:
    """The ratio for each size and window."""
    ratios = []
    for (name, sockets, window), result in results.items():
        rivals = [one.rate for (rival, *at), one in results.items() if theirs in rival and at == [sockets, window]]
        if name == ours and rivals:
            ratios.append(result.rate / max(rivals))
    return ratios
