"""A reader with ever more notifications, on PostgreSQL: the inbox page as it is served, the number at the bell, a page
that catches up with five, and a search for a word that stands in every thousandth; milliseconds, queries, and the rows
that PostgreSQL reads for them by EXPLAIN (ANALYZE). Beside it the list and the count of unread ones of
django-notifications-hq, which are Python objects there, not pages. BENCH_LONG=1 goes up to ten million."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.contenders import valkey
from benchmarks.machine import ROOT
from benchmarks.report import Goal, Section, Table, number, verdict
from benchmarks.rivals.python import HQ, python_with

SIZES = [10_000, 100_000, 1_000_000]
OURS, THEIRS = ("page", "number", "catch-up", "search"), ("page", "number")

Costs = dict[str, Any]


def run(bench: Bench) -> Section:
    section = Section("Lists and numbers", " ".join((__doc__ or "").split()))
    sizes = [1_000] if bench.is_quick else [*SIZES, *([10_000_000] if os.environ.get("BENCH_LONG") == "1" else [])]
    with bench.postgresql() as grounds:
        directory = bench.place()
        grounds.copy(directory)
        command = [sys.executable, "-m", "benchmarks.inside.lists", *map(str, sizes)]
        with valkey(directory):
            ours = told(command, cwd=ROOT, env=grounds.environment(directory))
        theirs = [] if bench.is_quick else rival(bench, grounds.create("rival"), sizes)
    rows = [row("Belfry", what, ours) for what in OURS]
    rows += [row("django-notifications-hq", what, theirs) for what in THEIRS if theirs]
    if not theirs:
        section.not_run.append("django-notifications-hq: left out of a quick look")
    section.tables = [table(sizes, rows)]
    section.goals = goals(ours)
    return section


def told(command: list[str], **how: Any) -> list[Costs]:
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **how)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def rival(bench: Bench, url: str, sizes: list[int]) -> list[Costs]:
    python = python_with(bench.directory / "notifications-hq", HQ)
    script = ROOT / "benchmarks" / "rivals" / "notifications_hq.py"
    return told([python, str(script), "lists", url, *map(str, sizes)], cwd=Path(bench.directory))


def row(name: str, what: str, found: list[Costs]) -> list[str]:
    costs = [one[what] for one in found]
    figures = [(number(one["ms"]), f"{one['queries']:.0f}", f"{one['rows']:,.0f}") for one in costs]
    return [f"{name}, {what}", *(figure for each in figures for figure in each)]


def table(sizes: list[int], rows: list[list[str]]) -> Table:
    head = ["", *(f"{size:,}: {what}" for size in sizes for what in ("ms", "queries", "rows read"))]
    return Table("By the number of the reader's notifications", head, rows)


def goals(found: list[Costs]) -> list[Goal]:
    first, last = found[0], found[-1]
    is_flat = all(
        last[what]["queries"] <= first[what]["queries"] and last[what]["rows"] <= first[what]["rows"] * 1.5 + 50
        for what in ("page", "number", "catch-up")
    )
    is_fast = last["page"]["ms"] <= 20 and last["number"]["ms"] <= 1 and last["catch-up"]["queries"] <= 1
    figure = f"page {number(last['page']['ms'])} ms, number {number(last['number']['ms'])} ms"
    figure += f", catch-up {last['catch-up']['queries']:.0f} queries"
    must, aim = "flat in queries and in rows read", "20 ms, 1 ms, one query"
    return [Goal(f"A reader with {last['size']:,} notifications", must, aim, figure, verdict(is_flat, is_fast))]
