"""Jobs: what telling of progress costs the task, and what showing it costs the server.

The first table: 10,000 steps of work that take about a second, done bare and as a job that tells of each step, by
turns; CPU of the whole process, so that the thread that writes is counted, too. Beside it celery-progress, in an
environment of its own: what its `set_progress()` costs for as many steps.

The second: a hundred running jobs, each moving all the time and watched on ten open pages of its owner.
"""

import asyncio
import hashlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from _site import ROOT, running_site, table
from _sockets import Socket
from bench_broadcast_sockets import allow_files, make_readers, open_all

STEPS = 10_000
ROUNDS = 5
JOBS, WATCHERS = 100, 10
SECONDS = 15.0  # of watching
RIVAL = "celery-progress==0.5", "celery==5.7.0", "redis==8.0.1", "Django==5.2.13"
MARKER = b'id="jobs-at" value="'
TASK = SimpleNamespace(name="benchmarks.none", title="Counting")


def main() -> None:
    allow_files(JOBS * WATCHERS + 500)
    with running_site() as site:
        costs()
        watch(site)


# What it costs the task.


def costs() -> None:
    from django.conf import settings
    from django.contrib.auth import get_user_model

    bo = get_user_model().objects.get(username="bo")
    data = payload()
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(cpu(lambda: steps(data)))
        ours.append(cpu_of_job(bo, data))
    added = statistics.median(ours) - statistics.median(bare)
    theirs = rival(settings.CELERY_BROKER_URL)
    share = 100 / statistics.median(bare)
    print(f"\n{STEPS:,} steps of a task, told one by one; CPU seconds, medians of {ROUNDS}:\n")
    rows = [
        ["bare", f"{statistics.median(bare):.3f}", "", ""],
        ["Belfry", f"{statistics.median(ours):.3f}", f"{added:.4f}", f"{added * share:.2f} %"],
        ["celery-progress", "", f"{theirs:.3f}", f"{theirs * share:.0f} %"],
    ]
    table(["", "all of it", "told", "of the task"], rows)


def payload() -> bytes:
    """As much to hash in each step as makes them a second together."""
    began = time.perf_counter()
    for _ in range(100):
        hashlib.sha256(bytes(20_000)).digest()
    return bytes(int(20_000 * 100 / STEPS / (time.perf_counter() - began)))


def steps(data: bytes, job: Any = None) -> None:
    for _ in range(STEPS):
        hashlib.sha256(data).digest()
        if job is not None:
            job.advance()


def cpu(work: Any) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def cpu_of_job(owner: Any, data: bytes) -> float:
    """Of what happens within the job; beginning and ending it is another matter."""
    from notifications.jobs import run_job

    with run_job(owner=owner, title="Counting") as job:
        job.expect(STEPS)
        return cpu(lambda: steps(data, job))


def rival(broker: str) -> float:
    with tempfile.TemporaryDirectory() as directory:
        venv.create(directory, with_pip=True)
        python = str(Path(directory) / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *RIVAL], check=True)
        command = [python, str(ROOT / "benchmarks" / "_celery_progress.py"), broker, str(STEPS)]
        return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=directory).stdout)


# What it costs the server.


def watch(site: Any) -> None:
    readers = make_readers(JOBS)
    jobs = make_jobs()
    pages = [(cookie, {**form, **shown(job)}) for (cookie, form), job in zip(readers, jobs, strict=True)]
    pages = [page for page in pages for _ in range(WATCHERS)]
    sockets, spent = asyncio.run(measure(site, pages, jobs))
    frames = [sum(map(len, socket.arrivals.values())) / SECONDS for socket in sockets]
    busiest = max(busiest_second(socket) for socket in sockets)
    print(f"\n{JOBS} running jobs, each on {WATCHERS} pages of one server process, for {SECONDS:.0f} s:\n")
    head = ["", "frames a second and page", "the busiest second", "frames a second", "of one core"]
    each = f"{statistics.median(frames):.2f}"
    table(head, [["Belfry", each, str(busiest), f"{sum(frames):,.0f}", f"{100 * spent / SECONDS:.0f} %"]])


def make_jobs() -> list[Any]:
    from django.contrib.auth import get_user_model

    from notifications.jobs import start_job
    from notifications.models import Job

    owners = get_user_model().objects.filter(username__startswith="reader").order_by("pk")
    jobs = [start_job(TASK, owner=owner) for owner in owners]
    for job in jobs:
        job.claim(1)
    return list(Job.objects.filter(pk__in=[job.pk for job in jobs]).order_by("inbox__user"))


def shown(job: Any) -> dict[str, str]:
    return {"view": "none", "tray": "?", "jobs": f"job:{job.pk}", "jobs_at": str(job.version), "line": "0"}


async def measure(site: Any, pages: Any, jobs: list[Any]) -> tuple[list[Socket], float]:
    """The sockets, and the seconds of CPU that the server has spent meanwhile."""
    sockets = await open_all(site.port, pages, MARKER)
    await asyncio.sleep(5)  # the resumes are answered
    server = next(one for one in site.process.children() if "serve" in one.cmdline())
    stop = threading.Event()
    moving = asyncio.create_task(asyncio.to_thread(keep_moving, jobs, stop))
    await asyncio.sleep(2)
    for socket in sockets:
        socket.arrivals.clear()
    before = server.cpu_times()
    await asyncio.sleep(SECONDS)
    after = server.cpu_times()
    counted = [dict(socket.arrivals) for socket in sockets]
    stop.set()
    await moving
    for socket, arrivals in zip(sockets, counted, strict=True):
        socket.arrivals = arrivals
    return sockets, after.user + after.system - before.user - before.system


def keep_moving(jobs: list[Any], stop: threading.Event) -> None:
    """What a hundred reporters write: each job once every quarter of a second."""
    from django.db import connection

    from notifications.progress import Progress

    current, late = 0, 0
    due = time.monotonic()
    while not stop.is_set():
        current += 1
        progress = Progress()
        progress.begin_part(10_000).current = current
        for job in jobs:
            job.report(progress.columns(), [])
        due += 0.25
        late += time.monotonic() > due
        stop.wait(max(0.0, due - time.monotonic()))
    connection.close()
    if late > current / 10:
        print(f"\nThe writer was late in {late} of {current} rounds: fewer changes were made than wanted.")


def busiest_second(socket: Socket) -> int:
    times = sorted(moment for moments in socket.arrivals.values() for moment in moments)
    return max((sum(1 for other in times if 0 <= other - one < 1.0) for one in times), default=0)


if __name__ == "__main__":
    sys.exit(main())
