"""Nudges: the small messages that tell the hubs where to look. Ids and numbers, never HTML.

The request that caused one pays microseconds: it leaves the nudge with the sender, a thread of this process, which
calls ``group_send`` through ``async_to_sync`` for whatever waits, in one go. A bus that is slow, frozen or dead costs
the thread, never a request, and nothing is lost with a nudge: the sweep of every hub finds in the database what it was
about.
"""

import asyncio
import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer

from . import groups, metrics

log = logging.getLogger(__name__)

DEADLINE = 1.0  # seconds for one attempt to send all that waits
PAUSE = 2.0  # seconds for which a bus that failed twice is left alone
BULK = 64  # more inboxes than this travel as one message to all hubs
WAITING_LIMIT = 10_000  # inboxes; beyond it nudges are dropped and the sweep takes over

Message = tuple[str, dict[str, object]]


def nudge(revisions: dict[int, int]) -> None:
    """Tell the hubs that these inboxes are at these revisions. Call it after the commit."""
    sender().put(revisions)


def nudge_sessions(inbox_id: int, ended: str = "") -> None:
    """Tell the hubs to look at the sessions of this user's sockets; ``ended`` is the digest of one that signed out."""
    sender().put_message((groups.inbox(inbox_id), {"type": groups.SESSIONS, "inbox": inbox_id, "ended": ended}))


def nudge_board(revision: int) -> None:
    """Tell the hubs that the board is at this revision: one message, however many readers there are."""
    sender().put_message((groups.BROADCASTS, {"type": groups.BOARD, "revision": revision}))


def nudge_job(job_id: str, inbox_id: int, version: int) -> None:
    """Tell the hubs of its owner, and of those who watch it, that this job is at this version, after the commit."""
    sender().put_job(job_id, inbox_id, version)


def nudge_thread(thread_id: int, revision: int) -> None:
    """Tell the hubs where somebody has this thread open that it is at this revision, after the commit."""
    sender().put_thread(thread_id, revision)


def flush(timeout: float = 3.0) -> bool:
    """Wait until what waits has left, or the bus was given up on. For commands that are about to end."""
    return sender().flush(timeout)


class Sender:
    """What waits to be sent, and the thread that sends it. One per process, made after the fork."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.paused_until = 0.0
        self._revisions: dict[int, int] = {}
        self._messages: list[Message] = []
        self._jobs: dict[str, tuple[int, int]] = {}
        self._threads: dict[int, int] = {}
        self._changed = threading.Condition()
        self._is_sending = False
        self._thread: threading.Thread | None = None

    def put(self, revisions: dict[int, int]) -> None:
        with self._changed:
            for inbox_id, revision in revisions.items():
                if len(self._revisions) < WAITING_LIMIT or inbox_id in self._revisions:
                    self._revisions[inbox_id] = max(revision, self._revisions.get(inbox_id, 0))
            self._wake()
        time.sleep(0)  # the sender's turn: it would wait for the interpreter until we wait for the database

    def put_message(self, message: Message) -> None:
        with self._changed:
            if len(self._messages) < WAITING_LIMIT:
                self._messages.append(message)
            self._wake()

    def put_job(self, job_id: str, inbox_id: int, version: int) -> None:
        with self._changed:
            if len(self._jobs) < WAITING_LIMIT or job_id in self._jobs:
                _, known = self._jobs.get(job_id, (inbox_id, 0))
                self._jobs[job_id] = (inbox_id, max(version, known))
            self._wake()

    def put_thread(self, thread_id: int, revision: int) -> None:
        with self._changed:
            if len(self._threads) < WAITING_LIMIT or thread_id in self._threads:
                self._threads[thread_id] = max(revision, self._threads.get(thread_id, 0))
            self._wake()

    def flush(self, timeout: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not (self._has_work() or self._is_sending), timeout)

    def _has_work(self) -> bool:
        return bool(self._revisions or self._messages or self._jobs or self._threads)

    def _wake(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=asyncio.run, args=[self._host()], name="belfry-nudges", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    async def _host(self) -> None:
        """An event loop for good, below which the sender runs: ``async_to_sync`` finds it there and uses it.

        Without one it would make a loop, a thread and a connection to the bus for every call.
        """
        executor: Any = DaemonThread()
        await sync_to_async(self._run, thread_sensitive=False, executor=executor)()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._is_sending = False
                self._changed.notify_all()
                self._changed.wait_for(self._has_work)
                revisions, self._revisions = self._revisions, {}
                messages, self._messages = self._messages, []
                jobs, self._jobs = self._jobs, {}
                threads, self._threads = self._threads, {}
                self._is_sending = True
            self._send([*messages_for(revisions), *messages_for_jobs(jobs), *messages_for_threads(threads), *messages])

    def _send(self, messages: list[Message]) -> None:
        if time.monotonic() < self.paused_until:
            metrics.NUDGES.labels("dropped").inc(len(messages))
            return
        for attempt in (1, 2):  # the first publish after a restart of Redis fails once
            try:
                async_to_sync(send_all)(messages)
                metrics.NUDGES.labels("sent").inc(len(messages))
                return
            except Exception as error:  # whatever the bus throws, the sweep delivers what this was about
                log.warning("Nudging failed (attempt %d of 2): %s", attempt, error or type(error).__name__)
        metrics.NUDGES.labels("failed").inc(len(messages))
        self.paused_until = time.monotonic() + PAUSE


class DaemonThread(Executor):
    """One thread for one piece of work, which no process waits for when it ends."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(work(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, name="belfry-sender", daemon=True).start()
        return future


def messages_for(revisions: dict[int, int]) -> list[Message]:
    if len(revisions) > BULK:
        return [(groups.HUBS, {"type": groups.CHANGED, "revisions": wire(revisions)})]
    return [
        (groups.inbox(inbox_id), {"type": groups.CHANGED, "revisions": wire({inbox_id: revision})})
        for inbox_id, revision in revisions.items()
    ]


def messages_for_jobs(jobs: dict[str, tuple[int, int]]) -> Iterator[Message]:
    """To the group of its owner's inbox, in which hubs are, too, where others watch a job of this owner."""
    for job_id, (inbox_id, version) in jobs.items():
        yield groups.inbox(inbox_id), {"type": groups.JOB, "job": job_id, "inbox": inbox_id, "version": version}


def messages_for_threads(threads: dict[int, int]) -> Iterator[Message]:
    for thread_id, revision in threads.items():
        yield groups.thread(thread_id), {"type": groups.THREAD_CHANGED, "thread": thread_id, "revision": revision}


def wire(revisions: dict[int, int]) -> dict[str, int]:
    return {str(inbox_id): revision for inbox_id, revision in revisions.items()}


async def send_all(messages: list[Message]) -> None:
    layer = get_channel_layer()
    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(*(layer.group_send(group, message) for group, message in messages))


_sender: Sender | None = None
_making = threading.Lock()


def sender() -> Sender:
    """This process's sender. A forked child gets one of its own: threads do not survive the fork."""
    global _sender
    if _sender is None or _sender.pid != os.getpid():
        with _making:
            if _sender is None or _sender.pid != os.getpid():
                _sender = Sender()
    return _sender


@atexit.register
def flush_at_exit() -> None:
    if _sender is not None and _sender.pid == os.getpid():
        _sender.flush(1.0)
