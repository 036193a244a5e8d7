"""Tasks whose ends the tests decide: each waits until it may go on, and leaves its traces in files.

A trace is a line "what attempt pid": whatever happens twice is seen twice.
"""

import os
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from celery import shared_task

from notifications.job_task import JobTask

PAUSE = threading.Event()  # never set: to wait on it is to sleep


def directory() -> Path:
    return Path(os.environ["TESTS_TRACES"])


def leave(job: Any, what: str) -> None:
    with (directory() / str(job.id)).open("a") as file:
        file.write(f"{what} {job.attempt} {os.getpid()}\n")


def may_end(job: Any) -> bool:
    return (directory() / f"{job.id}.go").exists()


def until_told(job: Any) -> Iterator[int]:
    for number in count():
        if may_end(job):
            return
        yield number
        PAUSE.wait(0.01)


def work_until_told(job: Any) -> None:
    leave(job, "began")
    for number in job.track(until_told(job), message="Counting"):
        if not number % 50:
            job.log(f"line {number}")
    leave(job, "did")


@shared_task(base=JobTask, title="Counting")
def count_once(job: Any) -> None:
    work_until_told(job)


@shared_task(base=JobTask, title="Counting", restarts=True, max_attempts=3)
def count_again(job: Any) -> None:
    work_until_told(job)


@shared_task(base=JobTask, title="Whole")
def branch_out(job: Any, count: int) -> None:
    for _ in range(count):
        job.branch(count_again)


@shared_task(base=JobTask, title="Deaf")
def never_check_in(job: Any) -> None:
    leave(job, "began")
    for _ in until_told(job):
        job.advance()
    leave(job, "did")


@shared_task(base=JobTask, title="Failing")
def fail(job: Any) -> None:
    leave(job, "began")
    raise ValueError("This is meant.")


@shared_task(base=JobTask, title="Away", retry_for=(ConnectionError,), retry_after=0, max_attempts=3)
def fail_twice(job: Any) -> None:
    leave(job, "began")
    if job.attempt < 3:
        raise ConnectionError("This is meant.")
    leave(job, "did")


@shared_task(base=JobTask, title="Slow", soft_time_limit=1, time_limit=60)
def take_too_long(job: Any) -> None:
    work_until_told(job)


@shared_task(base=JobTask, title="Slow and stubborn", soft_time_limit=1, time_limit=2)
def ignore_the_limit(job: Any) -> None:
    leave(job, "began")
    has_ended = False
    while not has_ended:
        try:
            while not may_end(job):
                PAUSE.wait(0.01)
            has_ended = True
        except Exception:  # wherever in the loop it comes
            leave(job, "ignored")
    leave(job, "did")
