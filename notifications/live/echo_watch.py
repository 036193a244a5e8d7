"""The hub's part for echoes: when one was heard of here, handed to a page and acknowledged by it; then it is told.

Nobody says before that an echo is coming. So the hub remembers for some seconds of each inbox what woke its pages
last, and a frame with an echo in it finds that there.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError

from notifications.echo import ALONG, BUS, SWEEP, Trip, take_back
from notifications.models import clock

from . import database
from .echo_frames import echo_frame
from .frames import Frame
from .outlet import Outlet

if TYPE_CHECKING:
    from .hub import Hub

log = logging.getLogger(__name__)

UNDER_WAY_LIMIT = 1_000  # pages to which an echo is under way at once; of further ones nothing is told
PATIENCE = 10.0  # seconds for a page to acknowledge
STAY = 5.0  # seconds for which an echo stays in the inbox once it was told
RETRY_SECONDS = 0.05  # for a socket that is busy, and for times that are still being written
TRIES = 40


@dataclass(frozen=True)
class Waking:
    """What woke the pages of an inbox, and which revision it told of."""

    way: str
    revision: int
    at: int


@dataclass
class Course:
    """An echo on its way to one page and back."""

    key: str
    receipt: str
    way: str
    heard_at: int | None
    handed_at: int
    until: float
    acknowledged_at: int | None = None
    tries: int = 0

    def trip(self) -> Trip:
        """But for the times of whoever wrote it."""
        return Trip(None, self.way, self.heard_at, self.handed_at, self.acknowledged_at)


class EchoWatch:
    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._woken: dict[int, Waking] = {}  # by inbox, since the last sweep
        self._woken_before: dict[int, Waking] = {}  # and before that one
        self._under_way: dict[Outlet, Course] = {}
        self._ended: list[tuple[Outlet, Course]] = []  # and are to be told
        self._over: dict[tuple[Any, str], float] = {}  # (user, key): when they are to be taken back
        self._wake = asyncio.Event()

    # What the hub says.

    def heard(self, inbox_ids: Iterable[int], revisions: dict[int, int]) -> None:
        """The bus has told of these."""
        moment = clock.microseconds()
        for inbox_id in inbox_ids:
            self._note(inbox_id, Waking(BUS, revisions[inbox_id], moment))

    def found(self, inbox_id: int, revision: int) -> None:
        """The sweep has."""
        self._note(inbox_id, Waking(SWEEP, revision, clock.microseconds()))

    def _note(self, inbox_id: int, waking: Waking) -> None:
        """Whoever comes second with the same revision has told of nothing."""
        known = self._waking_of(inbox_id)
        if known is None or known.revision < waking.revision:
            self._woken[inbox_id] = waking

    def _waking_of(self, inbox_id: int) -> Waking | None:
        return self._woken.get(inbox_id) or self._woken_before.get(inbox_id)

    def handed(self, outlet: Outlet, frame: Frame) -> None:
        """A frame was given to a page, and is the last that was."""
        if frame.echo is None or len(self._under_way) >= UNDER_WAY_LIMIT:
            return
        waking = self._waking_of(outlet.inbox_id)
        has_woken = waking is not None and waking.revision >= frame.echo.revision
        self._under_way[outlet] = Course(
            key=frame.echo.key,
            receipt=outlet.last_receipt,
            way=waking.way if waking and has_woken else ALONG,
            heard_at=waking.at if waking and has_woken else None,
            handed_at=clock.microseconds(),
            until=time.monotonic() + PATIENCE,
        )

    def acknowledged(self, outlet: Outlet) -> None:
        """The page has sent its form, with whichever receipt."""
        course = self._under_way.get(outlet)
        if course and not outlet.awaits(course.receipt):
            course.acknowledged_at = clock.microseconds()
            self._end(outlet)

    def _end(self, outlet: Outlet) -> None:
        course = self._under_way.pop(outlet)
        self._over.setdefault((outlet.user_id, course.key), time.monotonic() + STAY)
        self._ended.append((outlet, course))
        self._wake.set()

    # What comes of it.

    async def tell_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self.tell()
            except DatabaseError as error:
                log.error("The database does not answer, and an echo is not told: %s", error)
            except Exception:
                log.exception("An echo could not be told.")

    async def tell(self) -> None:
        ended, self._ended = self._ended, []
        for outlet, course in ended:
            if not outlet.closed and not await self._is_told(outlet, course):
                course.tries += 1
                self._ended.append((outlet, course))
                self._hub.later(RETRY_SECONDS, self._wake.set)

    async def _is_told(self, outlet: Outlet, course: Course) -> bool:
        is_last_try = course.tries >= TRIES
        html = await database.ask(echo_frame, outlet.inbox_id, course.key, course.trip(), outlet.position, is_last_try)
        if html and not outlet.is_busy:
            outlet.tell(html)
            return True
        return is_last_try

    async def look(self) -> None:
        """With each sweep: who has not answered, and what is told and may go."""
        self._woken, self._woken_before = {}, self._woken
        moment = time.monotonic()
        for outlet in [one for one, course in self._under_way.items() if one.closed or course.until < moment]:
            self._end(outlet)
        if over := {echo for echo, until in self._over.items() if until < moment}:
            await database.ask(take_back, over)
            for echo in over:
                del self._over[echo]
