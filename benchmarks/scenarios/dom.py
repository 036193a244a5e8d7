"""From the commit to the row in Chromium's DOM, one notification at a time: at an idle server, and at one whose core is
half busy with others. Ours is loaded by notifications to 1,000 other readers; the tutorial, whose callers cannot send
that many, by broadcasts to 1,000 other sockets."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from benchmarks.bench import Bench
from benchmarks.ci import install
from benchmarks.contenders import Contender
from benchmarks.contenders.belfry import Belfry
from benchmarks.contenders.tutorial import Tutorial
from benchmarks.machine import ROOT
from benchmarks.report import Goal, Section, Table, number, percentile, verdict
from benchmarks.run import Run, Stage
from config.tests.chromium import chromium

SAMPLES = 150
HALF = 0.5
TRIAL_SECONDS = 3.0  # to see what a rate of messages takes of the core
SPACING, START = 0.27, 12.0  # seconds between two samples, and for the browser to start and end
MOST = 400  # messages a second that one caller can send
LOADS = {"belfry": ("/inbox/", "send_to", 100.0), "tutorial": ("/", "send", 2.0)}  # page, how, and the first rate

Results = dict[tuple[str, str], list[float]]


def run(bench: Bench) -> Section:
    section = Section("Commit to DOM", " ".join((__doc__ or "").split()))
    if chromium() is None:
        install("chromium")
    if chromium() is None:
        section.not_run.append("there is no Chromium: install one, or name it in CHROMIUM")
        return section
    results: Results = {}
    shares: dict[str, float] = {}
    others = min(1_000, bench.grounds.readers - 1)
    for contender in (Belfry(bench.grounds), Belfry(bench.grounds, "uvicorn"), Tutorial(bench.grounds, "core", "/ws/")):
        with bench.staged(contender, others, messages=100_000) as stage:
            results[contender.name, "idle"] = look(bench, stage, others)
            with half_load(bench, stage, others) as spent:
                results[contender.name, "half load"] = look(bench, stage, others)
                shares[contender.name] = spent()
        bench.say(f"{contender.name}: {', '.join(said(results, contender))}")
    section.tables = [table(results, shares)]
    section.goals = [goal(results)]
    return section


def samples(bench: Bench) -> int:
    return 10 if bench.is_quick else SAMPLES


def look(bench: Bench, stage: Stage, reader: int) -> list[float]:
    """Milliseconds of each."""
    page = LOADS[stage.contender.module][0]
    url = f"http://localhost:{stage.house.door.port}{page}"
    words = [stage.contender.module, stage.house.address, url, reader, samples(bench)]
    command = [sys.executable, "-m", "benchmarks.inside.dom", *map(str, words)]
    ran = subprocess.run(command, cwd=ROOT, env=stage.house.environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ran.stdout)


@contextmanager
def half_load(bench: Bench, stage: Stage, others: int) -> Iterator[object]:
    """Others keep the server's core half busy in the block; what is yielded tells how much of it was."""
    _, by, rate = LOADS[stage.contender.module]
    everyone = by == "send"
    if everyone:
        stage.house.door = replace(stage.house.door, path="/ws/everyone/")
    with stage.client(others) as client:
        client.wait_until(client.is_live, "the others are live", patience=180.0)
        run = Run(stage, client)
        run.publisher.tell("gather", count=others)
        fanout = others if everyone else 1
        rate = half_rate(run, by, rate, fanout)
        server, began = stage.house.server, time.monotonic()
        spent = server.cpu()
        count = int(rate * (samples(bench) * SPACING + START))
        run.publisher.order("publish", first=run.next, by=by, rate=rate, least=count, most=count, fanout=fanout)
        yield lambda: (server.cpu() - spent) / (time.monotonic() - began)
        run.publisher.hear()


def half_rate(run: Run, by: str, rate: float, fanout: int) -> float:
    """Messages a second that keep the server's core half busy."""
    server, count = run.house.server, int(rate * TRIAL_SECONDS)
    spent, began = server.cpu(), time.monotonic()
    run.block(by=by, rate=rate, least=count, most=count, fanout=fanout)
    share = (server.cpu() - spent) / (time.monotonic() - began)
    return min(rate * HALF / share, MOST)


def said(results: Results, contender: Contender) -> list[str]:
    found = [(load, one) for (name, load), one in results.items() if name == contender.name]
    return [f"{load} {number(percentile(one, 50))} / {number(percentile(one, 99))} ms" for load, one in found]


def table(results: Results, shares: dict[str, float]) -> Table:
    rows = []
    for (name, load), found in results.items():
        busy = f"{shares[name] * 100:.0f} %" if load == "half load" else "-"
        rows.append([name, load, *(number(percentile(found, percent)) for percent in (50, 95, 99)), busy])
    head = ["", "server", "median, ms", "95th %", "99th %", "core busy"]
    return Table(f"{SAMPLES} notifications each", head, rows)


def goal(results: Results) -> Goal:
    found = results[Belfry.name_of("Daphne", 4), "idle"]
    median, slow = percentile(found, 50), percentile(found, 99)
    figure = f"{number(median)} ms, {number(slow)} ms"
    reached = verdict(median <= 15 and slow <= 60, median <= 10 and slow <= 50)
    return Goal("Commit to DOM, idle: median and 99th percentile", "15 ms, 60 ms", "10 ms, 50 ms", figure, reached)
