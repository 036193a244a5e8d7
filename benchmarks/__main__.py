"""`make bench`: all scenarios, or those that are named. BENCH_QUICK=1 only sees whether they run, and keeps nothing."""

import importlib
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from . import machine, report
from .bench import Bench

SCENARIOS = (
    *("ceiling", "broadcast", "steady", "personal", "dom", "connects", "idle"),
    *("servers", "publishing", "lists", "progress", "room"),
)
FILES = 20_000


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        sys.exit(f"There is no scenario {', '.join(unknown)}; there are: {', '.join(SCENARIOS)}.")
    is_quick = os.environ.get("BENCH_QUICK") == "1"
    machine.allow_files(1_000 if is_quick else FILES)
    os.sched_setaffinity(0, machine.OTHERS)
    with tempfile.TemporaryDirectory(prefix="belfry-bench-") as directory:
        bench = Bench(Path(directory), is_quick=is_quick)
        failures = [failure for name in names or SCENARIOS for failure in run(name, bench)]
    return 1 if failures else 0


def run(name: str, bench: Bench) -> list[str]:
    """What has failed."""
    began = time.monotonic()
    section: report.Section = importlib.import_module(f"benchmarks.scenarios.{name}").run(bench)
    minutes = f"{(time.monotonic() - began) / 60:.1f}"
    section.speeds = bench.take_speeds()
    section.measured = {"measured": date.today().isoformat(), "at commit": commit(), "minutes it took:": minutes}
    print(report.plain(section), flush=True)
    if not bench.is_quick:
        kept = report.keep(name, section, machine.description())
        report.PAGE.write_text(report.page(kept, SCENARIOS))
    return section.failures


def commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=machine.ROOT, capture_output=True, text=True, check=False).stdout.strip() or "?"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
