"""Within a site: what telling of progress costs a task, and what showing it costs the server.

`python -m benchmarks.inside.progress cost ROUNDS`: CPU of so many steps bare and as a job that tells of each, by turns.
`python -m benchmarks.inside.progress watch PORT PID JOBS WATCHERS SECONDS PAGES`: running jobs that all move all the
time, each watched on so many open pages of its owner. Each prints a line of JSON.
"""

import asyncio
import hashlib
import json
import statistics
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import django
import psutil

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks.inside.sockets import Socket  # noqa: E402
from notifications.jobs import run_job, start_job  # noqa: E402
from notifications.models import Job  # noqa: E402
from notifications.progress import Progress  # noqa: E402

STEPS = 10_000
AT_ONCE = 100  # sockets that open together
PACE = 0.25  # seconds between two writings of a reporter
MARKER = b'id="jobs-at" value="'
TASK = SimpleNamespace(name="benchmarks.none", title="Counting")

User = get_user_model()


# What it costs the task.


def cost(rounds: int) -> dict[str, float]:
    """CPU seconds of the whole process, so that the thread that writes is counted, too."""
    bo = User.objects.get(username="reader000000")
    data = payload()
    bare, ours = [], []
    for _ in range(rounds):
        bare.append(cpu(lambda: steps(data)))
        ours.append(cpu_of_job(bo, data))
    return {"bare": statistics.median(bare), "job": statistics.median(ours), "steps": STEPS}


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
    with run_job(owner=owner, title="Counting") as job:
        job.expect(STEPS)
        return cpu(lambda: steps(data, job))


# What it costs the server.


def watch(port: int, pid: int, jobs: int, watchers: int, seconds: float, pages: str) -> dict[str, float]:
    running = make_jobs(jobs)
    readers = [line.split("\t") for line in Path(pages).read_text().splitlines()[:jobs]]
    forms = [(cookie, form(rest, job)) for (cookie, *rest), job in zip(readers, running, strict=True)]
    pages_of_all = [one for one in forms for _ in range(watchers)]
    sockets, spent = asyncio.run(measure(port, psutil.Process(pid), pages_of_all, running, seconds))
    frames = [sum(map(len, socket.arrivals.values())) / seconds for socket in sockets]
    return {
        "frames": sum(frames),
        "each": statistics.median(frames),
        "busiest": max(busiest_second(socket) for socket in sockets),
        "core": spent / seconds,
    }


def form(rest: list[str], job: Any) -> dict[str, str]:
    since, board, bottom, fields = rest
    shown = {"view": "none", "tray": "?", "jobs": f"job:{job.pk}", "jobs_at": str(job.version), "line": "0"}
    return {"since": since, "board": board, "bottom": bottom, "receipt": "", **json.loads(f"{{{fields}}}"), **shown}


def make_jobs(count: int) -> list[Any]:
    owners = User.objects.filter(username__startswith="reader").order_by("username")[:count]
    jobs = [start_job(TASK, owner=owner) for owner in owners]
    for job in jobs:
        job.claim(1)
    return list(Job.objects.filter(pk__in=[job.pk for job in jobs]).order_by("inbox__user__username"))


async def measure(
    port: int, server: Any, pages: list[tuple[str, dict[str, str]]], jobs: list[Any], seconds: float
) -> tuple[list[Socket], float]:
    """The sockets, and the seconds of CPU that the server has spent meanwhile."""
    sockets = await open_all(port, pages)
    await asyncio.sleep(5)  # the resumes are answered
    stop = threading.Event()
    moving = asyncio.create_task(asyncio.to_thread(keep_moving, jobs, stop))
    await asyncio.sleep(2)
    for socket in sockets:
        socket.arrivals.clear()
    before = server.cpu_times()
    await asyncio.sleep(seconds)
    after = server.cpu_times()
    for socket in sockets:
        socket.arrivals = dict(socket.arrivals)
    stop.set()
    await moving
    return sockets, after.user + after.system - before.user - before.system


async def open_all(port: int, pages: list[tuple[str, dict[str, str]]]) -> list[Socket]:
    loop, sockets = asyncio.get_running_loop(), []
    for start in range(0, len(pages), AT_ONCE):
        some = [Socket(port, cookie, form, MARKER) for cookie, form in pages[start : start + AT_ONCE]]
        for one in some:
            await loop.create_connection(lambda one=one: one, "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.gather(*(one.opened for one in some))
        sockets += some
    return sockets


def keep_moving(jobs: list[Any], stop: threading.Event) -> None:
    """What as many reporters write: each job once every quarter of a second."""
    current = late = 0
    due = time.monotonic()
    while not stop.is_set():
        current += 1
        progress = Progress()
        progress.begin_part(10_000).current = current
        for job in jobs:
            job.report(progress.columns(), [])
        due += PACE
        late += time.monotonic() > due
        stop.wait(max(0.0, due - time.monotonic()))
    connection.close()
    if late > current / 10:
        said = f"The writer was late in {late} of {current} rounds: fewer changes were made than wanted."
        print(said, file=sys.stderr)


def busiest_second(socket: Socket) -> int:
    times = sorted(moment for moments in socket.arrivals.values() for moment in moments)
    return max((sum(1 for other in times if 0 <= other - one < 1.0) for one in times), default=0)


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    if what == "cost":
        print(json.dumps(cost(int(words[0]))))
    else:
        port, pid, jobs, watchers, seconds, pages = words
        print(json.dumps(watch(int(port), int(pid), int(jobs), int(watchers), float(seconds), pages)))
