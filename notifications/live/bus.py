"""The hub's end of the channel layer: one channel, in the groups of the inboxes that have sockets here.

Nothing waits for it. A bus that is dead or frozen delays nudges, and the sweep does without them; what could not be
subscribed meanwhile is subscribed when it is back.
"""

import asyncio
import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from channels.layers import get_channel_layer

from . import groups, metrics, push

log = logging.getLogger(__name__)

INBOX_ID = re.compile(r"[0-9]{1,19}", re.ASCII)

LINGER_SECONDS = 30.0  # in a group after its last socket has gone: every change of page is a leave and a join
RETRY_SECONDS = 2.0
RUBBISH_SECONDS = 0.01  # after an error that no message has caused
WAITING_LIMIT = 10_000  # messages that have come and were not looked at; beyond it the sweep takes over
NUMBERS_LIMIT = 2 * push.WAITING_LIMIT  # inboxes in one message; a sender of ours names half as many at most
DEAF_SECONDS = 7.0  # without a canary's return, after which the bus counts as down
RENEWAL_SECONDS = 10.0  # without one, after which new connections take the place of the old ones
ENDING_SECONDS = 3.0  # for the old ones to be closed


class Bus:
    def __init__(
        self,
        on_changed: Callable[[dict[int, int]], None],
        on_sessions: Callable[[int, str], None],
        on_subscribed: Callable[[str], None],
        on_board: Callable[[int], None],
        on_job: Callable[[str, int, int], None],
        on_thread: Callable[[int, int], None],
    ):
        self._on_changed, self._on_sessions, self._on_subscribed = on_changed, on_sessions, on_subscribed
        self._on_board, self._on_job, self._on_thread = on_board, on_job, on_thread
        self._layer = get_channel_layer()
        self._channel: str | None = None
        self._wanted: Counter[str] = Counter()  # by how many
        self._joined: set[str] = set()
        self._leaving: dict[str, float] = {}
        self._work = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._subscribing: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._heard_at = 0.0
        self._began_at = time.monotonic()

    @property
    def is_up(self) -> bool:
        """Whether our own messages have come back lately."""
        return time.monotonic() - self._heard_at < DEAF_SECONDS

    def hears(self, group: str) -> bool:
        """Whether its messages reach us."""
        return group in self._joined

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._listening = loop.create_task(self._listen_forever())
        self._subscribing = loop.create_task(self._subscribe_forever())

    async def stop(self) -> None:
        await end(self._renewing, self._listening, self._subscribing, self._probing)
        try:
            async with asyncio.timeout(1):
                await self._layer.flush()
        except Exception as error:  # it is going away anyway
            log.debug("The channel layer did not close in order: %r", error)

    def want(self, group: str) -> None:
        self._wanted[group] += 1
        self._leaving.pop(group, None)
        self._work.set()

    def unwant(self, group: str) -> None:
        self._wanted[group] -= 1
        if self._wanted[group] <= 0:
            del self._wanted[group]
            self._leaving[group] = time.monotonic() + LINGER_SECONDS

    def probe(self) -> None:
        """Send ourselves a message, for health to know whether it comes back; and try again what did not work."""
        self._work.set()
        loop = asyncio.get_running_loop()
        if self._is_to_be_renewed() and is_over(self._renewing):
            self._renewing = loop.create_task(self._begin_anew())
        elif self._channel and is_over(self._probing):
            self._probing = loop.create_task(self._send_canary(self._channel))

    def _is_to_be_renewed(self) -> bool:
        return time.monotonic() - max(self._heard_at, self._began_at) > RENEWAL_SECONDS

    async def _begin_anew(self) -> None:
        """A connection may be dead without anybody having said so, and we would listen to it for ever.

        Where the bus itself is away, new connections find nothing either, and do no harm.
        """
        self._began_at = time.monotonic()
        try:
            async with asyncio.timeout(ENDING_SECONDS):
                await self._layer.flush()
        except Exception as error:  # a dead one cannot be closed in order; it is ours no more
            log.debug("The old connections to the bus did not close in order: %r", error)
        # Not before: the layer would try to leave its channel by the dead connection.
        await end(self._listening, self._subscribing, self._probing)
        self._channel = None
        self._joined.clear()
        self._leaving.clear()
        self.start()

    async def _send_canary(self, channel: str) -> None:
        try:
            async with asyncio.timeout(RETRY_SECONDS):
                await self._layer.send(channel, {"type": groups.CANARY})
        except Exception as error:  # said once per outage by health, and by the sender of nudges
            log.debug("The canary could not be sent: %r", error)

    async def _listen_forever(self) -> None:
        while True:
            try:
                if self._channel is None:
                    channel = await self._layer.new_channel("hub")
                    await self._layer.group_add(groups.HUBS, channel)
                    await self._layer.group_add(groups.BROADCASTS, channel)
                    self._channel = channel
                    self._work.set()
                self._shed(self._channel)
                # No timeout around receive(): it would delete the channel, and what is sent until the next one is lost.
                self._heed(await self._layer.receive(self._channel))
            except Exception as error:  # the bus is away, or what came is no message
                log.debug("Nothing was heard: %r", error)
                await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        """After an error. A stream of rubbish must not keep us from what comes after it, nor take all of our time."""
        if self._channel is None:
            return RETRY_SECONDS
        return 0.0 if waiting_for(self._layer, self._channel) else RUBBISH_SECONDS

    def _shed(self, channel: str) -> None:
        """The layer keeps whatever comes, without a limit. What is dropped here, the sweep delivers."""
        waiting = waiting_for(self._layer, channel)
        if waiting and waiting.qsize() > WAITING_LIMIT:
            metrics.SHED.inc(waiting.qsize())
            while not waiting.empty():
                waiting.get_nowait()

    def _heed(self, message: Any) -> None:
        """Act on a message. Whoever can write to the bus could have sent it, so only its numbers are taken."""
        kind = message.get("type") if isinstance(message, dict) else None
        if kind == groups.CANARY:
            self._heard_at = time.monotonic()
        elif kind == groups.CHANGED:
            self._on_changed(numbers(message.get("revisions")))
        elif kind == groups.BOARD and isinstance(message.get("revision"), int):
            self._on_board(message["revision"])
        elif kind == groups.JOB and is_about_job(message):
            self._on_job(message["job"], message["inbox"], message["version"])
        elif kind == groups.THREAD_CHANGED and has_numbers(message, "thread", "revision"):
            self._on_thread(message["thread"], message["revision"])
        elif kind == groups.SESSIONS and isinstance(message.get("inbox"), int):
            self._on_sessions(message["inbox"], str(message.get("ended", "")))

    async def _subscribe_forever(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            if self._channel is None:
                continue
            try:
                await self._subscribe(self._channel)
            except Exception as error:
                log.debug("Could not subscribe: %r; the next sweep tries again.", error)

    async def _subscribe(self, channel: str) -> None:
        for group in self._wanted.keys() - self._joined:
            await self._layer.group_add(group, channel)
            self._joined.add(group)
            self._on_subscribed(group)
        moment = time.monotonic()
        for group in [group for group, due in self._leaving.items() if due < moment]:
            if self._leaving.pop(group, None) is None:
                continue  # somebody came back while we were waiting
            self._joined.discard(group)
            await self._layer.group_discard(group, channel)


async def end(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel them, and wait until they have ended."""
    while running := {task for task in tasks if task is not None and not task.done()}:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=0.2)  # a client that is connecting may swallow it: say it again


def is_over(task: asyncio.Task[None] | None) -> bool:
    return task is None or task.done()


def waiting_for(layer: Any, channel: str) -> "asyncio.Queue[bytes] | None":
    """What the layer has received for us and we have not looked at; None where there is nothing, or no telling."""
    waiting = getattr(layer, "channels", {}).get(channel)
    return waiting if isinstance(waiting, asyncio.Queue) and waiting.qsize() else None


def has_numbers(message: dict[str, Any], *names: str) -> bool:
    return all(isinstance(message.get(name), int) for name in names)


def is_about_job(message: dict[str, Any]) -> bool:
    return all(isinstance(message.get(name), kind) for name, kind in (("job", str), ("inbox", int), ("version", int)))


def numbers(revisions: object) -> dict[int, int]:
    """The well-formed part of {"7": 42}; of too many none."""
    if not isinstance(revisions, dict) or len(revisions) > NUMBERS_LIMIT:
        return {}
    return {
        int(inbox_id): revision
        for inbox_id, revision in revisions.items()
        if isinstance(inbox_id, str) and INBOX_ID.fullmatch(inbox_id) and isinstance(revision, int)
    }
