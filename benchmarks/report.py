"""What came out, as a page: docs/benchmarks.md, written from docs/benchmarks.json, in which each scenario keeps its
last figures. Nothing on the page is written by hand but limits.md, which says what stands in the way."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .machine import ROOT

PAGE, FIGURES = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks.json"
LIMITS = ROOT / "benchmarks" / "limits.md"
AIM, MUST, MISSED, UNKNOWN = "aim reached", "must reached", "**missed**", "not measured"

INTRODUCTION = """# Benchmarks

Written by `make bench` from its own run; `make bench ARGS="broadcast idle"` measures these scenarios anew and leaves
the others' figures as they were, each with its date. Beside Belfry run its rivals, from PyPI, npm and Debian, on the
same machine in the same run.

**How.** The server has one core to itself; the load client, the publisher and the bus share the other. The client is
written in C and is shown first against a bare C server, so that its own limit is known. Counts come before times: every
message must have come to every socket exactly once, or the run fails. Rates and ratios are medians of several runs with
their smallest and largest in brackets. A fixed Python loop is timed on the server's core before each run, so that a
slow moment of the machine shows. Ratios travel to other machines; times do not.

**Belfry is measured whole**: pages with real sessions, through the real ASGI stack, with origin check, resume form, hub
and acknowledgements; real rows in the real database, published through the domain's own verbs in another process,
rendered by the real templates. The rivals send about 600 bytes of ready HTML, keep nothing, and catch nobody up.
"""


@dataclass
class Goal:
    what: str
    must: str
    aim: str
    figure: str
    verdict: str


@dataclass
class Table:
    title: str
    head: Sequence[str]
    rows: list[Sequence[str]]


@dataclass
class Section:
    """Of one scenario."""

    title: str
    about: str
    goals: list[Goal] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)  # deliveries of ours that were lost or doubled
    speeds: list[float] = field(default_factory=list)
    measured: dict[str, str] = field(default_factory=dict)  # when, at which commit, in how many minutes


def verdict(must: bool | None, aim: bool | None = None) -> str:
    if must is None:
        return UNKNOWN
    return AIM if must and aim else MUST if must else MISSED


# Numbers as text.


def number(value: float) -> str:
    """Three figures of it."""
    if value != value:  # not a number: nothing was counted
        return "-"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def spread(values: Iterable[float]) -> str:
    """The median, and in brackets the smallest and the largest."""
    found = list(values)
    if not found:
        return "-"
    middle = number(statistics.median(found))
    return middle if len(found) == 1 else f"{middle} ({number(min(found))}–{number(max(found))})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Of the medians, and in brackets the least and the most that the runs allow."""
    middle = number(statistics.median(ours) / statistics.median(theirs))
    return f"{middle} ({number(min(ours) / max(theirs))}–{number(max(ours) / min(theirs))})"


def percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else float("nan")


# The page.


def keep(name: str, section: Section, machine: dict[str, str], path: Path = FIGURES) -> dict[str, Any]:
    """Put a scenario's figures in the place of its last ones."""
    kept = json.loads(path.read_text()) if path.exists() else {"scenarios": {}}
    kept["machine"] = machine
    kept["scenarios"][name] = asdict(section)
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return kept


def page(kept: dict[str, Any], order: Sequence[str]) -> str:
    sections = [kept["scenarios"][name] for name in order if name in kept["scenarios"]]
    goals = [goal for section in sections for goal in section["goals"]]
    parts = [INTRODUCTION, "## Goals", goals_table(goals), LIMITS.read_text()]
    parts += [text for section in sections for text in section_text(section)]
    missing = [name for name in order if name not in kept["scenarios"]]
    not_run = [*(f"{name}: not measured yet" for name in missing)]
    not_run += [f"{section['title']}: {one}" for section in sections for one in section["not_run"]]
    if not_run:
        parts += ["## What was not run", "\n".join(f"- {one}" for one in not_run)]
    parts += ["## The machine", "\n".join(f"- {name}: {said}" for name, said in kept["machine"].items())]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def goals_table(goals: list[dict[str, str]]) -> str:
    rows = [[goal[name] for name in ("what", "must", "aim", "figure", "verdict")] for goal in goals]
    return markdown(["what", "must", "aim", "figure", "verdict"], rows)


def section_text(section: dict[str, Any]) -> list[str]:
    when = ", ".join(f"{name} {said}" for name, said in section["measured"].items())
    speeds = f"The fixed loop: {spread(section['speeds'])} million turns a second." if section["speeds"] else ""
    parts = [f"## {section['title']}", section["about"]]
    for table in section["tables"]:
        parts += [f"**{table['title']}**", markdown(table["head"], table["rows"])]
    failed = [f"**Failed:** {one}" for one in section["failures"]]
    return [*parts, *failed, f"*{when.capitalize()}. {speeds}*"]


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(section: Section) -> str:
    """For the terminal."""
    parts = [f"\n{section.title}"]
    for table in section.tables:
        rows = [list(table.head), *map(list, table.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        parts.append(f"\n{table.title}")
        parts += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
    parts += [f"{goal.what}: {goal.figure} (must: {goal.must}): {goal.verdict}" for goal in section.goals]
    return "\n".join([*parts, *(f"FAILED: {one}" for one in section.failures)])
