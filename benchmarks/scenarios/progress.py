"""Jobs. What telling of progress costs a task of 10,000 steps that take about a second, told one by one, beside
celery-progress's `set_progress()`. And what it costs the server to show a hundred running jobs, each moving all the
time and watched on ten open pages."""

import subprocess
import sys

from benchmarks.bench import Bench
from benchmarks.contenders import valkey
from benchmarks.contenders.belfry import Belfry
from benchmarks.machine import ROOT
from benchmarks.report import Goal, Section, Table, number, verdict
from benchmarks.rivals.python import CELERY_PROGRESS, python_with

from .lists import Costs, told

STEPS = 10_000
ROUNDS = 5
JOBS, WATCHERS = 100, 10
SECONDS = 15.0  # of watching
FRAMES = 4  # of a job a second and page, at most
MODULE = [sys.executable, "-m", "benchmarks.inside.progress"]


def run(bench: Bench) -> Section:
    section = Section("Progress", " ".join((__doc__ or "").split()))
    cost, theirs = costs(bench)
    watched = watch(bench)
    if theirs is None:
        section.not_run.append("celery-progress: left out of a quick look")
    section.tables = [cost_table(cost, theirs), watch_table(watched)]
    section.goals = goals(cost, theirs, watched)
    return section


def costs(bench: Bench) -> tuple[Costs, float | None]:
    directory = bench.place()
    bench.grounds.copy(directory)
    own = bench.grounds.environment(directory)
    with valkey(directory) as bus:
        (cost,) = told([*MODULE, "cost", str(bench.many(ROUNDS))], cwd=ROOT, env=own)
        return cost, None if bench.is_quick else rival(bench, f"redis+socket://{bus}")


def rival(bench: Bench, broker: str) -> float:
    """CPU seconds of as many steps told by celery-progress."""
    python = python_with(bench.directory / "celery-progress", CELERY_PROGRESS)
    script = ROOT / "benchmarks" / "rivals" / "celery_progress_cost.py"
    ran = subprocess.run(
        [python, str(script), broker, str(STEPS)], stdout=subprocess.PIPE, text=True, check=True, cwd=bench.directory
    )
    return float(ran.stdout)


def watch(bench: Bench) -> Costs:
    jobs, watchers = (5, 2) if bench.is_quick else (JOBS, WATCHERS)
    with bench.staged(Belfry(bench.grounds), jobs * watchers) as stage:
        door, server = stage.house.door, stage.house.server
        words = (door.port, server.process.pid, jobs, watchers, bench.seconds(SECONDS), door.pages)
        (found,) = told([*MODULE, "watch", *map(str, words)], cwd=ROOT, env=stage.house.environment)
    return found


def cost_table(cost: Costs, theirs: float | None) -> Table:
    told_of, share = cost["job"] - cost["bare"], 100 / cost["bare"]
    rows = [
        ["bare", number(cost["bare"]), "-", "-"],
        ["Belfry", number(cost["job"]), f"{told_of:.4f}", f"{told_of * share:.2f} %"],
    ]
    if theirs is not None:
        rows.append(["celery-progress", "-", number(theirs), f"{theirs * share:.0f} %"])
    return Table(f"{STEPS:,} steps, CPU seconds", ["", "all of it", "told", "of the task"], rows)


def watch_table(found: Costs) -> Table:
    head = ["", "frames a second and page", "the busiest second", "frames a second", "of one core"]
    each = [number(found["each"]), number(found["busiest"]), number(found["frames"]), f"{100 * found['core']:.0f} %"]
    return Table(f"{JOBS} running jobs, each on {WATCHERS} pages", head, [["Belfry", *each]])


def goals(cost: Costs, theirs: float | None, found: Costs) -> list[Goal]:
    share = (cost["job"] - cost["bare"]) / cost["bare"] * 100
    figure = f"{share:.2f} %" + ("" if theirs is None else f"; celery-progress: {theirs / cost['bare'] * 100:.0f} %")
    watched = f"{number(found['busiest'])}, {100 * found['core']:.0f} % of a core"
    return [
        Goal("What 10,000 advance() add to a second's work", "1 %", "-", figure, verdict(share <= 1, True)),
        Goal(
            "100 jobs with 10 watchers: frames in a page's busiest second",
            f"at most {FRAMES}",
            "below half a core",
            watched,
            verdict(found["busiest"] <= FRAMES, found["core"] < 0.5),
        ),
    ]
