"""The hub's part for jobs: which pages lack something of them, and when they get it.

A job has no revision in its owner's inbox. Its nudge, the sweep and each new connection mark pages, and the flush looks
how the jobs are that those show. A page gets at most four frames of jobs a second; what comes meanwhile is in the next.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from django.db import DatabaseError

from notifications.job_lists import TRAY_LENGTH, Shown

from . import database, groups
from .job_frames import JobFrame
from .job_positions import JobPosition
from .outlet import Outlet

if TYPE_CHECKING:
    from .hub import Hub

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0  # after the database has not answered

Active = tuple[tuple[str, int], ...]  # (id, version) of an inbox's active jobs, in the order of the tray


class JobWatch:
    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._dirty: dict[Outlet, set[str] | None] = {}  # the jobs that have moved; None: whatever it may be
        self._pages: dict[str, set[Outlet]] = {}  # of one job, by its id
        self._foreign: dict[str, int] = {}  # jobs that are watched by others than their owner, and the owner's inbox

    @property
    def has_work(self) -> bool:
        return bool(self._dirty)

    def join(self, outlet: Outlet) -> None:
        if outlet.jobs.job_id:
            self._pages.setdefault(outlet.jobs.job_id, set()).add(outlet)
        self.mark([outlet])

    def leave(self, outlet: Outlet) -> None:
        self._dirty.pop(outlet, None)
        job_id = outlet.jobs.job_id
        mine = self._pages.get(job_id, set())
        mine.discard(outlet)
        if job_id and not mine:
            self._pages.pop(job_id, None)
            if job_id in self._foreign:
                self._hub.bus.unwant(groups.inbox(self._foreign.pop(job_id)))

    def nudged(self, job_id: str, inbox_id: int, version: int) -> None:
        for outlet in {*self._hub.outlets.get(inbox_id, ()), *self._pages.get(job_id, ())}:
            if outlet.jobs.has(job_id, version):
                continue
            if outlet.jobs.knows(job_id):
                self._mark_moved(outlet, job_id)
            else:
                self.mark([outlet])

    def mark(self, outlets: Iterable[Outlet]) -> None:
        """In the next flush all is looked at that they show of jobs."""
        for outlet in outlets:
            if self._serves(outlet):
                self._dirty[outlet] = None
        if self._dirty:
            self._hub.wake()

    def _mark_moved(self, outlet: Outlet, job_id: str) -> None:
        """Only this one, unless there is more to be looked at."""
        moved = self._dirty.setdefault(outlet, set())
        if moved is not None:
            moved.add(job_id)
        self._hub.wake()

    def _serves(self, outlet: Outlet) -> bool:
        """Not one that has left, though its socket stays open for its last words."""
        return outlet in self._hub.outlets.get(outlet.inbox_id, ())

    async def flush(self) -> None:
        dirty, self._dirty = self._dirty, {}
        ready: dict[JobPosition, list[Outlet]] = {}
        moved: dict[JobPosition, set[str]] = {}
        thorough: set[JobPosition] = set()
        for outlet, job_ids in dirty.items():
            if wait := outlet.wait_for_jobs():
                self._hub.later(wait, partial(self._again, outlet, job_ids))
                continue
            ready.setdefault(outlet.jobs, []).append(outlet)
            if job_ids is None:
                thorough.add(outlet.jobs)
            else:
                moved.setdefault(outlet.jobs, set()).update(job_ids)
        if not ready:
            return
        try:
            frames = await self._frames({one: ids for one, ids in moved.items() if one not in thorough}, thorough)
        except Exception:
            waiting = [outlet for outlets in ready.values() for outlet in outlets]
            self._hub.later(RETRY_SECONDS, partial(self.mark, waiting))
            raise
        for position, frame in frames.items():
            for outlet in ready[position]:
                self._deliver(outlet, position, frame)

    async def _frames(
        self, moved: dict[JobPosition, set[str]], thorough: set[JobPosition]
    ) -> dict[JobPosition, JobFrame]:
        """A job that cannot be rendered stops the pages that show it, and no others."""
        try:
            return await database.job_frames(moved, thorough)
        except DatabaseError:
            raise
        except Exception:
            each = [({one: ids}, set[JobPosition]()) for one, ids in moved.items()] + [({}, {one}) for one in thorough]
            if len(each) > 1:
                return {one: frame for some in each for one, frame in (await self._frames(*some)).items()}
            [page] = {*moved, *thorough}
            log.exception("There is no frame of jobs for a page of inbox %s; the sweep will try again.", page.inbox_id)
            return {}

    def _again(self, outlet: Outlet, job_ids: set[str] | None) -> None:
        if job_ids is None:
            self.mark([outlet])
        elif self._serves(outlet):
            for job_id in job_ids:
                self._mark_moved(outlet, job_id)

    def _deliver(self, outlet: Outlet, position: JobPosition, frame: JobFrame) -> None:
        if not self._serves(outlet):
            return
        if frame.html and outlet.access != frame.access:  # a session of its reader may have ended meanwhile
            self._hub.sessions.suspect(outlet)
            return
        if outlet.jobs != position or outlet.is_busy:  # it was told meanwhile, or is written to
            self.mark([outlet])
            return
        if frame.html:
            outlet.push_jobs(frame)
        outlet.jobs = frame.position
        if frame.owner and position.job_id not in self._foreign:
            self._foreign[position.job_id] = frame.owner
            self._hub.bus.want(groups.inbox(frame.owner))

    def subscribed(self, inbox_id: int) -> None:
        """Nudges about its jobs reach us from now on; what was missed before is looked for."""
        self.mark(self._hub.outlets.get(inbox_id, ()))
        for job_id in [job_id for job_id, owner in self._foreign.items() if owner == inbox_id]:
            self.mark(self._pages.get(job_id, ()))

    async def sweep(self) -> None:
        """Mark what lost nudges have left behind, and who may not watch any more what is not theirs."""
        active, versions = await database.jobs_standing(list(self._hub.outlets), list(self._pages))
        self.mark(
            outlet
            for outlet in self._hub.all_outlets()
            if is_behind(outlet.jobs, active.get(outlet.inbox_id, ()), versions)
        )
        self.mark(await self._dismissed())

    async def _dismissed(self) -> list[Outlet]:
        """The pages of others' jobs whose readers have lost the permission."""
        pages = [(outlet, owner) for job_id, owner in self._foreign.items() for outlet in self._pages.get(job_id, ())]
        strangers = [outlet for outlet, owner in pages if outlet.inbox_id != owner]
        if not strangers:
            return []
        watchers = await database.watchers({outlet.user_id for outlet in strangers})
        return [outlet for outlet in strangers if outlet.user_id not in watchers and outlet.jobs.shown != "gone"]

    def forget(self) -> None:
        """Another history of the database: nothing that pages show means anything any more."""
        for outlet in self._hub.all_outlets():
            outlet.jobs = replace(outlet.jobs, tray="?", shown="?", mark="")
        self.mark(self._hub.all_outlets())


def is_behind(position: JobPosition, active: Active, versions: dict[str, int]) -> bool:
    """Whether a page's active jobs are others by now. That one has begun and ended between two looks is found by the
    notification of its end."""
    if not active and not position.view and position.tray == ():
        return False  # as almost all pages
    if isinstance(position.tray, str) or active_of(position.tray) != active[:TRAY_LENGTH]:
        return True
    if position.list_name:
        return isinstance(position.shown, str) or is_list_behind(position.list_name, position.shown, active)
    if position.job_id and position.shown != "gone":
        return str(versions.get(position.job_id)) != position.shown
    return False


def is_list_behind(name: str, shown: Shown, active: Active) -> bool:
    """A new job need not stand in the tray, which shows those first that run. One that is active and not shown may also
    be on a further page of a long list: such a list is looked at in every sweep."""
    return name in ("all", "active") and dict(active_of(shown)) != dict(active)


def active_of(shown: Shown) -> Active:
    return tuple((job_id, version) for job_id, version, mark in shown if mark)
