"""Callers at the same time, each with a database connection of its own."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction

PATIENCE = 30.0  # seconds until a test gives up waiting; never a pause


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Let the calls begin at the same moment; their results, or the first error."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            start.wait(PATIENCE)
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(run, call) for call in calls]]


@contextmanager
def open_transaction(work: Callable[[], Any]) -> Iterator[None]:
    """Somebody else's transaction, which has done this work and commits when the block ends."""
    is_done, may_commit = threading.Event(), threading.Event()

    def run() -> None:
        try:
            with transaction.atomic():
                work()
                is_done.set()
                assert may_commit.wait(PATIENCE)
        finally:
            is_done.set()
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run)
        try:
            assert is_done.wait(PATIENCE)
            yield
        finally:
            may_commit.set()
            future.result(PATIENCE)
