"""A hundred people in a room, who have it open and speak in turn: from the call in another process to the last page.
Ours is committed, rendered as Markdown, caught up with by pages that were away, and read: who has seen it is written
down. The tutorial's group gets ready HTML, and keeps nothing. And what one who speaks waits for, with all of them
there, and with all of them elsewhere, where each gets a notification."""

from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.contenders import Contender
from benchmarks.contenders.room import Room
from benchmarks.contenders.tutorial import Tutorial
from benchmarks.report import Goal, Section, Table, number, percentile, ratio, spread, verdict
from benchmarks.run import Result

PEOPLE = 100
WINDOWS = {1: "one by one", 8: "backlog of 8"}
CALLS = 30


@dataclass(frozen=True)
class Waiting:
    """Seconds that those who speak have waited."""

    here: list[float]
    elsewhere: list[float]


def run(bench: Bench) -> Section:
    section = Section("A room", " ".join((__doc__ or "").split()))
    (people,) = bench.sizes(PEOPLE)
    ours = [Room(bench.grounds, "Daphne", 0), Room(bench.grounds, "uvicorn", 0), Room(bench.grounds, "Daphne", 4)]
    rivals: list[Contender] = [Tutorial(bench.grounds, "core"), Tutorial(bench.grounds, "pub/sub")]
    results: dict[tuple[str, int], Result] = {}
    contenders = [*ours, *rivals]
    for contender in contenders:
        results |= measure(bench, contender, people)
    waiting = wait(bench, ours[0], people)
    section.failures = [
        f"{name}, {WINDOWS[window]}: {result.complaint}"
        for (name, window), result in results.items()
        if name.startswith("A room") and result.complaint
    ]
    section.tables = [table([one.name for one in contenders], results), waiting_table(waiting)]
    section.goals = goals(results)
    return section


def measure(bench: Bench, contender: Contender, people: int) -> dict[tuple[str, int], Result]:
    results = {}
    with bench.running(contender, people) as run:
        for window, words in WINDOWS.items():
            results[contender.name, window] = result = run.measure(bench.times, window=window, least=2 * window)
            said = f"{number(result.rate)}/s, {number(result.cpu_each)} µs each; {result.complaint or 'exact'}"
            bench.say(f"{contender.name}, {words}: {said}")
    return results


def wait(bench: Bench, contender: Room, people: int) -> Waiting:
    with bench.running(contender, people) as run:
        here = run.publisher.tell("calls", times=CALLS)["done"]
    with bench.staged(contender, people) as stage:
        elsewhere = stage.publisher.tell("calls", times=CALLS)["done"]
    return Waiting(here, elsewhere)


def best_tutorial(results: dict[tuple[str, int], Result], window: int) -> Result:
    found = [result for (name, at), result in results.items() if "tutorial" in name and at == window]
    return max(found, key=lambda result: result.rate)


def table(names: list[str], results: dict[tuple[str, int], Result]) -> Table:
    kinds = ("deliveries/s,", "× tutorial,", "µs CPU,")
    head = ["", *(f"{kind} {what}" for what in WINDOWS.values() for kind in kinds), "lost or doubled"]
    rows = []
    for name in names:
        row = [name]
        for window in WINDOWS:
            result = results[name, window]
            row += [spread(result.rates), ratio(result.rates, best_tutorial(results, window).rates)]
            row.append(number(result.cpu_each))
        rows.append([*row, "; ".join(results[name, window].complaint for window in WINDOWS).strip("; ") or "none"])
    return Table(f"{PEOPLE} people", head, rows)


def waiting_table(waiting: Waiting) -> Table:
    rows = [
        [where, *(number(percentile(calls, percent) * 1000) for percent in (50, 99))]
        for where, calls in (("all are there", waiting.here), ("all are elsewhere", waiting.elsewhere))
    ]
    return Table("How long one who speaks waits", ["", "median, ms", "99th %, ms"], rows)


def goals(results: dict[tuple[str, int], Result]) -> list[Goal]:
    daphne = Room.name_of("Daphne", 0).replace("Belfry", "A room of Belfry's")
    ratios = [results[daphne, window].rate / best_tutorial(results, window).rate for window in WINDOWS]
    figure = f"{number(min(ratios))} to {number(max(ratios))}"
    return [Goal("A message in a room of 100, × the tutorial", "1", "-", figure, verdict(min(ratios) >= 1))]
