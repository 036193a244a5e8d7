"""The hub's part for threads: which pages lack something of the one that they show, and when they get it.

A nudge, the sweep and each new connection mark pages; the flush looks how their threads are. A page's thread has a
position of its own beside that of its inbox, and shares its bucket of frames.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from django.db import DatabaseError

from . import database, groups
from .outlet import Outlet
from .thread_frames import Seat, ThreadFrame, gone
from .thread_positions import ThreadPosition

if TYPE_CHECKING:
    from .hub import Hub

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0  # after the database has not answered


class ThreadWatch:
    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._dirty: set[Outlet] = set()
        self._pages: dict[int, set[Outlet]] = {}  # by thread

    @property
    def has_work(self) -> bool:
        return bool(self._dirty)

    def join(self, outlet: Outlet) -> None:
        thread_id = outlet.thread.thread_id
        if not thread_id:
            return
        if thread_id not in self._pages:
            self._pages[thread_id] = set()
            self._hub.bus.want(groups.thread(thread_id))
        self._pages[thread_id].add(outlet)
        self.mark([outlet])

    def leave(self, outlet: Outlet) -> None:
        self._dirty.discard(outlet)
        thread_id = outlet.thread.thread_id
        mine = self._pages.get(thread_id, set())
        mine.discard(outlet)
        if thread_id in self._pages and not mine:
            del self._pages[thread_id]
            self._hub.bus.unwant(groups.thread(thread_id))

    def acknowledge(self, outlet: Outlet, said: ThreadPosition) -> None:
        """The hub knows better how far it has sent; how far back the page has loaded, the page knows. A form from
        before the last whole page of messages arrived says nothing of that one."""
        held = outlet.thread
        if said.thread_id != held.thread_id or said.at is None or said.first == held.first or held.at is None:
            return
        if outlet.thread_listed_at is not None and said.at < outlet.thread_listed_at:
            return
        outlet.thread = replace(held, first=said.first, loaded_at=min(said.loaded_at, held.loaded_at))
        self.mark([outlet])

    def nudged(self, thread_id: int, revision: int) -> None:
        self.mark(outlet for outlet in self._pages.get(thread_id, ()) if (outlet.thread.at or 0) < revision)

    def subscribed(self, thread_id: int) -> None:
        """Nudges about it reach us from now on; what was missed before is looked for."""
        self.mark(self._pages.get(thread_id, ()))

    def mark(self, outlets: Iterable[Outlet]) -> None:
        self._dirty.update(outlet for outlet in outlets if outlet in self._pages.get(outlet.thread.thread_id, ()))
        if self._dirty:
            self._hub.wake()

    async def flush(self) -> None:
        dirty, self._dirty = self._dirty, set()
        ready: dict[ThreadPosition, list[Outlet]] = {}
        for outlet in dirty:
            if wait := outlet.wait():
                self._hub.later(wait, partial(self.mark, [outlet]))
            else:
                ready.setdefault(outlet.thread, []).append(outlet)
        if not ready:
            return
        try:
            frames, strangers, access = await self._frames(ready)
        except Exception:
            self._hub.later(RETRY_SECONDS, partial(self.mark, dirty))
            raise
        for position, outlets in ready.items():
            for outlet in outlets:
                is_outside = (position.thread_id, outlet.inbox_id) in strangers
                frame = gone(position) if is_outside else frames.get(position)
                if frame is not None:
                    self._deliver(outlet, position, frame, access.get(outlet.inbox_id, 0))

    async def _frames(
        self, ready: dict[ThreadPosition, list[Outlet]]
    ) -> tuple[dict[ThreadPosition, ThreadFrame], set[Seat], dict[int, int]]:
        """A message that cannot be rendered stops the pages that lack it, and no others."""
        wanted = {position: {outlet.inbox_id for outlet in outlets} for position, outlets in ready.items()}
        try:
            return await database.thread_frames(wanted)
        except DatabaseError:
            raise
        except Exception:
            if len(ready) == 1:
                log.exception("There is no frame of thread %s; the sweep will try again.", next(iter(ready)).thread_id)
                return {}, set(), {}
        frames: dict[ThreadPosition, ThreadFrame] = {}
        strangers: set[Seat] = set()
        access: dict[int, int] = {}
        for position, outlets in ready.items():
            found = await self._frames({position: outlets})
            frames, strangers, access = frames | found[0], strangers | found[1], access | found[2]
        return frames, strangers, access

    def _deliver(self, outlet: Outlet, position: ThreadPosition, frame: ThreadFrame, access: int) -> None:
        if outlet not in self._pages.get(position.thread_id, ()):
            return
        outlet.is_in_thread = not frame.position.is_gone
        if frame.html and outlet.access != access:  # a session of its reader may have ended meanwhile
            self._hub.sessions.suspect(outlet)
        elif outlet.thread != position or outlet.is_busy:  # it was told meanwhile, or is written to
            self.mark([outlet])
        elif frame.html:
            outlet.push_thread(frame)
        else:
            outlet.thread = frame.position

    # What nobody has to nudge for.

    async def sweep(self) -> None:
        """Mark what lost nudges have left behind, where people came or went, and whose thread it is no more."""
        pages = self._pages
        if not pages:
            return
        seats = {(thread_id, outlet.inbox_id) for thread_id, outlets in pages.items() for outlet in outlets}
        standing, strangers = await database.threads_standing(seats)
        self.mark(
            outlet
            for thread_id, outlets in list(pages.items())
            for outlet in list(outlets)
            if is_behind(outlet.thread, standing.get(thread_id), (thread_id, outlet.inbox_id) in strangers)
        )

    def forget(self) -> None:
        """Another history of the database: nothing that pages show means anything any more."""
        outlets = [outlet for outlets in self._pages.values() for outlet in outlets]
        for outlet in outlets:
            outlet.thread = replace(outlet.thread, at=None, here="?")
        self.mark(outlets)


def is_behind(position: ThreadPosition, standing: tuple[int, str] | None, is_outside: bool) -> bool:
    """``standing`` is a thread's revision and the stamp of who is there; None of one that is gone."""
    if standing is None or is_outside:
        return not position.is_gone
    return position.is_gone or (position.at, position.here) != standing
