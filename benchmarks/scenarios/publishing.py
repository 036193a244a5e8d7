"""What publishing a broadcast costs its sender, on one and the same site that grows to a million users. Beside it two
ways of sending to everybody: a row of our own table for each user by `bulk_create()`, and django-notifications-hq's
`notify.send()`. What would take minutes is not run."""

import statistics
import sys

from benchmarks.bench import Bench
from benchmarks.contenders import valkey
from benchmarks.contenders.grounds import Grounds
from benchmarks.machine import ROOT
from benchmarks.report import Goal, Section, Table, number, spread, verdict
from benchmarks.rivals.python import HQ, python_with

from .lists import Costs, told

SIZES = [10, 1_000, 100_000, 1_000_000]
RIVAL_SIZES = [10, 1_000, 10_000]
FLAT = 3.0  # times what it costs with ten users


def run(bench: Bench) -> Section:
    section = Section("Publishing", " ".join((__doc__ or "").split()))
    sizes = [10, 100] if bench.is_quick else SIZES
    grounds, directory = Grounds(bench.place(), readers=2), bench.place()
    grounds.copy(directory)
    with valkey(directory):
        command = [sys.executable, "-m", "benchmarks.inside.publishing", *map(str, sizes)]
        ours = told(command, cwd=ROOT, env=grounds.environment(directory))
    theirs = {} if bench.is_quick else rival(bench)
    if not theirs:
        section.not_run.append("django-notifications-hq: left out of a quick look")
    section.tables = [table(ours, theirs)]
    section.goals = [goal(ours)]
    return section


def rival(bench: Bench) -> dict[int, float]:
    python = python_with(bench.directory / "notifications-hq", HQ)
    script = ROOT / "benchmarks" / "rivals" / "notifications_hq.py"
    found = told([python, str(script), "send", *map(str, RIVAL_SIZES)], cwd=bench.directory)
    return {one["size"]: one["ms"] for one in found}


def table(ours: list[Costs], theirs: dict[int, float]) -> Table:
    head = ["users", "rows", "messages", "Belfry, ms", "a row each, ms", "×", "notifications-hq, ms", "×"]
    rows = []
    found = {one["size"]: one for one in ours}
    for size in sorted({*found, *theirs}):
        one, rival = found.get(size), theirs.get(size)
        mine = statistics.median(one["ms"]) if one else None
        bulk = one["bulk"] if one else None
        cells = [f"{one['rows']:.0f}", f"{one['messages']:.0f}", spread(one["ms"])] if one else ["-", "-", "-"]
        rows.append([f"{size:,}", *cells, *beside(bulk, mine), *beside(rival, mine)])
    return Table("By the number of users", head, rows)


def beside(other: float | None, mine: float | None) -> list[str]:
    """Its milliseconds, and how many times ours."""
    return ["-" if other is None else number(other), "-" if other is None or mine is None else number(other / mine)]


def goal(ours: list[Costs]) -> Goal:
    medians = [statistics.median(one["ms"]) for one in ours]
    is_flat = max(medians) <= FLAT * medians[0] and len({(one["rows"], one["messages"]) for one in ours}) == 1
    figure = f"{number(medians[0])} ms for {ours[0]['size']:,} users, {number(medians[-1])} ms for {ours[-1]['size']:,}"
    return Goal("Publishing a broadcast", "flat", "at most 20 ms", figure, verdict(is_flat, max(medians) <= 20))
