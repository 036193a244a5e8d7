"""Notifications to 1,000 signed-in readers with an open page each, some 20,000 in all: by `notify()` for each of them,
and by `notify_many()` for all at once; from the call to the last page. Ours are committed, stamped and rendered. The
tutorial sends ready HTML by `async_to_sync(group_send)`, and keeps nothing."""

import statistics
from dataclasses import dataclass

from benchmarks.bench import Bench
from benchmarks.contenders import Contender
from benchmarks.contenders.belfry import Belfry
from benchmarks.contenders.tutorial import Tutorial
from benchmarks.report import UNKNOWN, Goal, Section, Table, number, percentile, ratio, spread, verdict
from benchmarks.run import Result, Run

EACH = 7_000  # notifications of one run
NUDGES = 2_000


@dataclass(frozen=True)
class Row:
    contender: str
    by: str
    result: Result
    recipients: int  # of one call

    @property
    def call(self) -> list[float]:
        """Milliseconds that the caller pays for a recipient, in each call."""
        return [call * 1000 / self.recipients for block in self.result.blocks for call in block.calls]


def run(bench: Bench) -> Section:
    section = Section("One notification each", " ".join((__doc__ or "").split()))
    (sockets,) = bench.sizes(1_000)
    rows: list[Row] = []
    nudges: list[float] = []
    with bench.postgresql() as postgresql:
        ours = [Belfry(bench.grounds), Belfry(bench.grounds, "uvicorn"), Belfry(postgresql)]
        for contender in [*ours, Tutorial(bench.grounds, "core", "/ws/"), Tutorial(bench.grounds, "pub/sub", "/ws/")]:
            with bench.running(contender, sockets, messages=5 * EACH) as run:
                run.publisher.tell("gather", count=sockets)
                rows += measure(bench, run, sockets, name_of(contender))
                if isinstance(contender, Belfry):
                    nudges += run.publisher.tell("nudge", times=NUDGES)["done"]
    section.failures = [
        f"{row.contender}, {row.by}: {row.result.complaint}"
        for row in rows
        if row.contender.startswith("Belfry") and row.result.complaint
    ]
    section.tables = [table(rows), nudge_table(nudges)]
    section.goals = goals(rows, nudges)
    return section


def name_of(contender: Contender) -> str:
    if not isinstance(contender, Belfry):
        return contender.name
    return f"Belfry on {contender.kind}, {contender.grounds.database}"


def measure(bench: Bench, run: Run, sockets: int, name: str) -> list[Row]:
    each = sockets if bench.is_quick else EACH
    alone = run.measure(bench.times, by="send_to", least=each, most=each, window=sockets, fanout=1)
    rows = [Row(name, "notify()" if name.startswith("Belfry") else "group_send()", alone, 1)]
    if run.contender.catches_up:
        calls = max(each // sockets, 1)
        together = run.measure(bench.times, by="send_many", least=calls, most=calls, window=calls, fanout=sockets)
        rows.append(Row(name, "notify_many()", together, sockets))
    for row in rows:
        bench.say(f"{name}, {row.by}: {number(row.result.rate)}/s, {number(statistics.median(row.call))} ms a call")
    return rows


def table(rows: list[Row]) -> Table:
    head = [
        "",
        "by",
        "delivered/s",
        "× tutorial",
        "ms of the caller",
        "99th %",
        "µs CPU of the server",
        "lost or doubled",
    ]
    tutorial = best_tutorial(rows)
    lines = []
    for row in rows:
        calls = [number(percentile(row.call, percent)) for percent in (50, 99)]
        times = ratio(row.result.rates, tutorial.rates) if tutorial else "-"
        cost = number(row.result.cpu_each)
        lines.append(
            [row.contender, row.by, spread(row.result.rates), times, *calls, cost, row.result.complaint or "none"]
        )
    return Table("By whom and how", head, lines)


def best_tutorial(rows: list[Row]) -> Result | None:
    found = [row.result for row in rows if "tutorial" in row.contender]
    return max(found, key=lambda result: result.rate, default=None)


def nudge_table(nudges: list[float]) -> Table:
    figures = [number(percentile(nudges, percent) * 1000) for percent in (50, 99)]
    return Table("What the nudge alone costs the caller", ["", "median, ms", "99th %, ms"], [["nudge", *figures]])


def goals(rows: list[Row], nudges: list[float]) -> list[Goal]:
    tutorial = best_tutorial(rows)
    slowest = min((row for row in rows if row.by == "notify()"), key=lambda row: row.result.rate)
    fastest = max((row for row in rows if row.by == "notify_many()"), key=lambda row: row.result.rate)
    nudge = percentile(nudges, 50) * 1000
    is_cheap = nudge <= 0.3
    figure = f"{number(slowest.result.rate)} by notify(), {number(fastest.result.rate)} by notify_many()"
    figure += f"; the tutorial: {number(tutorial.rate)}" if tutorial else ""
    ahead = verdict(slowest.result.rate > tutorial.rate, fastest.result.rate >= 5_000) if tutorial else UNKNOWN
    return [
        Goal("Durable deliveries a second", "ahead of the tutorial", "5,000", figure, ahead),
        Goal("What a nudge costs the caller", "0.3 ms", "-", f"{number(nudge)} ms", verdict(is_cheap, is_cheap)),
    ]
