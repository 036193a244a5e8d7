"""The hub's part that nobody has to wake: what is looked at, sent and written down every so often.

The sweep compares what pages show with the database, and finds whatever a lost nudge has left behind. Heartbeats and
the look at all sessions have tasks of their own, so that a database that does not answer holds up neither.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError

from . import codes, database, metrics
from .outlet import Outlet

if TYPE_CHECKING:
    from .hub import Hub

log = logging.getLogger(__name__)

SWEEP_SECONDS = 2.0
HEARTBEAT_SECONDS = 25.0
RECHECK_SECONDS = 60.0
PRESENCE_SECONDS = 30.0  # between two renewals of who is here


class Sweeper:
    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._present: set[int] = set()  # inboxes whose presence is written down
        self._renewed_at = time.monotonic()
        self._ending: asyncio.TimerHandle | None = None

    def works(self) -> list[Coroutine[Any, Any, None]]:
        return [
            every(SWEEP_SECONDS, self.sweep_and_write_down, "A sweep"),
            every(HEARTBEAT_SECONDS, self.send_heartbeats, "Sending heartbeats"),
            every(RECHECK_SECONDS, self.check, "A look at all sessions"),
        ]

    def stop(self) -> None:
        if self._ending:
            self._ending.cancel()

    async def sweep_and_write_down(self) -> None:
        await self.sweep()
        if time.monotonic() - self._renewed_at >= PRESENCE_SECONDS:
            self._renewed_at = time.monotonic()
            self._present.clear()
        await self.write_down()
        await self._hub.echoes.look()

    async def sweep(self) -> None:
        """Compare every page's position with the database, and mark what a lost nudge has left behind."""
        hub = self._hub
        hub.bus.probe()
        metrics.BUS_UP.set(hub.bus.is_up)
        self._close_the_overdue()
        if not hub.outlets:
            return
        known = hub.board
        board, changed = await database.changed({inbox_id: shown_by(mine) for inbox_id, mine in hub.outlets.items()})
        hub.note_board(*board, known=known)
        suspects: list[Outlet] = []
        for inbox_id, now in changed.items():
            for outlet in hub.outlets.get(inbox_id, ()):
                if now and outlet.position.since != now[0]:
                    metrics.SWEPT.inc()
                    hub.echoes.found(inbox_id, now[0])
                    hub.mark_dirty([inbox_id])
                if now is None or outlet.access != now[1]:
                    suspects.append(outlet)
        if behind := sum(hub.lacks_board(outlet) for mine in hub.outlets.values() for outlet in mine):
            metrics.SWEPT.inc(behind)
            hub.broadcasts.look_again()
        await hub.sessions.check(suspects)
        await hub.jobs.sweep()
        await hub.threads.sweep()
        await hub.audiences.meet()
        await self._await_next_end()

    def _close_the_overdue(self) -> None:
        moment = time.monotonic()
        everyone = self._hub.outlets.values()
        overdue = [outlet for mine in everyone for outlet in mine if outlet.renew_at < moment or outlet.is_stuck()]
        for outlet in overdue:
            self._hub.close(outlet, codes.COME_BACK_LATER if outlet.is_stuck() else codes.COME_BACK)

    async def _await_next_end(self) -> None:
        """A broadcast ends by the clock: exactly then its readers' pages are looked at, however late the tick is."""
        seconds = await database.next_end((self._hub.epoch, self._hub.board))
        self.stop()
        if seconds is not None and seconds < SWEEP_SECONDS * 2:
            self._ending = self._hub.later(max(seconds, 0.0), self._hub.look_at_everybody)

    async def write_down(self) -> None:
        """Who is here, and what has reached whom."""
        hub = self._hub
        if new := hub.outlets.keys() - self._present:
            await database.renew_presence(list(new))
        self._present = set(hub.outlets)
        await hub.reach.write_down()
        await hub.here.write_down()

    async def send_heartbeats(self) -> None:
        """Whatever becomes of the database: a page that hears nothing takes its connection for dead."""
        heartbeat = json.dumps({"heartbeat": settings.BUILD_ID}).encode()
        for outlet in self._hub.all_outlets():
            if not outlet.is_busy:
                outlet.write(heartbeat)

    async def check(self) -> None:
        """What was changed behind everybody's back."""
        await self._hub.sessions.check(self._hub.all_outlets())
        await self._hub.audiences.compare()


def shown_by(mine: set[Outlet]) -> tuple[int, int]:
    """Revision and ``access`` of an inbox as all of its pages show it; where they differ, what no inbox ever has."""
    shown = {(outlet.position.since, outlet.access) for outlet in mine}
    revision, access = shown.pop()
    return (-1, -1) if shown or revision is None else (revision, access)


async def every(seconds: float, work: Callable[[], Awaitable[None]], what: str) -> None:
    """Again and again, whatever becomes of it."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except DatabaseError as error:
            log.error("The database does not answer: %s", error)
        except Exception:
            log.exception("%s failed; the next one comes in %s s.", what, seconds)
