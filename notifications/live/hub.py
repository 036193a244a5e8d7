"""The hub: the one object per server process (and event loop) that turns nudges into frames.

It has one channel on the channel layer, which joins the groups of inboxes on behalf of the consumers. A nudge, a
resume or the sweep marks an inbox dirty; the flush reads what its pages lack and gives each of them one frame with all
of it. A lost nudge is found by the sweep, a doubled or late one finds nothing to do.

The danger is in the order: a page joins first and is marked dirty then, so that what commits in between is seen by
either the flush or the nudge. A page's position moves only when a frame is handed to its socket.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any
from weakref import WeakSet

from django.conf import settings
from django.db import DatabaseError

from . import codes, database, groups, metrics, refusals
from .audience_watch import AudienceWatch
from .board_watch import BoardWatch
from .bus import Bus
from .echo_watch import EchoWatch
from .frames import CHUNK, Frame
from .here_watch import HereWatch
from .job_watch import JobWatch
from .outlet import Outlet
from .positions import Position
from .reach_watch import ReachWatch
from .session_watch import SessionWatch
from .sweeper import Sweeper
from .thread_positions import ThreadPosition
from .thread_watch import ThreadWatch

log = logging.getLogger(__name__)

FLUSH_SPACING = 0.05  # seconds between flushes at most, in a storm; otherwise one comes at once
RETRY_SECONDS = 2.0  # after the database has not answered
OUTLETS_PER_USER = 10
# Sockets that have not said where their page stands; above it the oldest of them is closed. As many as may come back at
# once after a restart: all of them are open before we come to read what the first one says.
WAITING_LIMIT = 5_000
DRAIN_SECONDS = 3.0  # for all sockets to be closed, whoever does not read


class Hub:
    def __init__(self) -> None:
        self.epoch, self.board = "", 0  # and the revision of the board, as the database last told
        self.outlets: dict[int, set[Outlet]] = {}
        self.guests: WeakSet[Any] = WeakSet()  # every socket that is open, by its consumer
        self.waiting: dict[Any, Callable[[], None]] = {}  # those that have not said anything; the oldest first
        self.readers = database.Readers()
        self.jobs = JobWatch(self)
        self.threads, self.here = ThreadWatch(self), HereWatch(self)
        self.sessions = SessionWatch(self)
        self.audiences = AudienceWatch(self)
        self.broadcasts = BoardWatch(self)
        self.reach = ReachWatch(self)
        self.echoes = EchoWatch(self)
        self.sweeper = Sweeper(self)
        self.bus = Bus(
            self.nudged,
            self.sessions.nudged,
            self.subscribed,
            self.broadcasts.nudged,
            self.jobs.nudged,
            self.threads.nudged,
        )
        self.last_flush: float | None = None
        self._dirty: set[int] = set()
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        metrics.TASKS.set_function(lambda: len(asyncio.all_tasks(self._loop)))
        self._tasks = [self._loop.create_task(work) for work in self.works()]
        self.bus.start()

    def works(self) -> list[Coroutine[Any, Any, None]]:
        """What goes on until the end."""
        return [
            self._flush_forever(),
            self.sessions.look_forever(),
            self.echoes.tell_forever(),
            *self.sweeper.works(),
        ]

    # What the consumers say.

    @property
    def is_full(self) -> bool:
        return len(self.guests) >= settings.MAX_SOCKETS

    def enter(self, guest: Any, send_away: Callable[[], None]) -> None:
        """A socket is open. Who never speaks competes with nobody but others of that kind."""
        self.guests.add(guest)
        self.waiting[guest] = send_away
        if len(self.waiting) > WAITING_LIMIT:
            oldest = next(iter(self.waiting))
            refusals.note("silent")
            self.waiting.pop(oldest)()

    def heard(self, guest: Any) -> None:
        self.waiting.pop(guest, None)

    def exit(self, guest: Any) -> None:
        self.waiting.pop(guest, None)
        self.guests.discard(guest)

    def join(self, outlet: Outlet, board: tuple[str, int]) -> None:
        """Serve this socket from now on; ``board`` is the epoch and the revision of the board that it found."""
        self.note_board(*board)
        if outlet.inbox_id not in self.outlets:
            self.outlets[outlet.inbox_id] = set()
            self.bus.want(groups.inbox(outlet.inbox_id))
        self.outlets[outlet.inbox_id].add(outlet)
        metrics.SOCKETS.inc()
        self.mark_dirty([outlet.inbox_id])
        self.jobs.join(outlet)
        self.threads.join(outlet)
        mine = sorted(self.outlets[outlet.inbox_id], key=lambda one: one.opened_at)
        for oldest in mine[:-OUTLETS_PER_USER]:
            self.close(oldest, codes.TOO_MANY)

    def leave(self, outlet: Outlet) -> None:
        mine = self.outlets.get(outlet.inbox_id, set())
        if outlet not in mine:
            return
        mine.remove(outlet)
        metrics.SOCKETS.dec()
        self.jobs.leave(outlet)
        self.threads.leave(outlet)
        self.here.leave(outlet)
        if not mine:
            del self.outlets[outlet.inbox_id]
            self.broadcasts.forget(outlet.inbox_id)
            self.bus.unwant(groups.inbox(outlet.inbox_id))

    def acknowledge(self, outlet: Outlet, said: Position, receipt: str) -> None:
        if outlet.acknowledge(said, receipt) or outlet.is_behind:
            outlet.is_behind = True
            self.mark_dirty([outlet.inbox_id])
        self.echoes.acknowledged(outlet)

    def hear_of_thread(self, outlet: Outlet, said: ThreadPosition, is_here: bool) -> None:
        """What a page has said of the thread that it shows, with its form."""
        self.threads.acknowledge(outlet, said)
        self.here.heard(outlet, said, is_here)

    def close(self, outlet: Outlet, code: int, last_words: str = "") -> None:
        self.leave(outlet)
        outlet.close(code, last_words)

    # What the bus says. It is a hint: whoever can write to it can cost us a query, no more.

    def nudged(self, revisions: dict[int, int]) -> None:
        stale = [
            inbox_id
            for inbox_id, revision in revisions.items()
            if any(is_before(outlet, revision) for outlet in self.outlets.get(inbox_id, ()))
        ]
        self.echoes.heard(stale, revisions)
        self.mark_dirty(stale)

    def lacks_board(self, outlet: Outlet) -> bool:
        return outlet.position.board is None or outlet.position.board < self.board

    def subscribed(self, group: str) -> None:
        """Nudges of this inbox reach us from now on; what was missed before is looked for."""
        if group.startswith(groups.THREAD):
            self.threads.subscribed(int(group.removeprefix(groups.THREAD)))
            return
        inbox_id = int(group.removeprefix(groups.INBOX))
        self.mark_dirty([inbox_id])
        self.jobs.subscribed(inbox_id)

    # The flush.

    def mark_dirty(self, inbox_ids: Iterable[int]) -> None:
        self._dirty.update(inbox_ids)
        if self._dirty:
            self.wake()

    def wake(self) -> None:
        self._wake.set()

    def later(self, seconds: float, work: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_later(seconds, work)

    @property
    def has_work(self) -> bool:
        return bool(self._dirty or self.broadcasts.has_work or self.jobs.has_work or self.threads.has_work)

    async def _flush_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            began = self._loop.time()
            await self.work()
            if self._wake.is_set():  # a storm: what comes in the meantime goes into the same frames
                await asyncio.sleep(min(self._loop.time() - began, FLUSH_SPACING))

    async def work(self) -> None:
        """Everything that waits to be done by now."""
        dirty: set[int] = set()
        try:
            with metrics.FLUSH_SECONDS.time():
                await self.broadcasts.flush()
                dirty, self._dirty = self._dirty, set()
                await self.flush(dirty)
                await self.jobs.flush()
                await self.threads.flush()
        except DatabaseError as error:
            log.error("The database does not answer: %s", error)
            self.later(RETRY_SECONDS, partial(self.mark_dirty, dirty))
        except Exception:
            log.exception("A flush failed; the sweep will try again.")

    async def flush(self, inbox_ids: set[int]) -> None:
        """Give every page of these inboxes what it lacks, some inboxes after the others: the first pages need not wait
        until the frames of the last ones are made."""
        ids = sorted(inbox_ids)
        for start in range(0, len(ids), CHUNK):
            await self._flush_some(ids[start : start + CHUNK])

    async def _flush_some(self, inbox_ids: list[int]) -> None:
        """Equal positions get the same frame."""
        ready = {inbox_id: self._ready(inbox_id) for inbox_id in inbox_ids}
        wanted = {inbox_id: set(positions) for inbox_id, positions in ready.items() if positions}
        if not wanted:
            return
        for inbox_id, frames in (await self._frames(wanted)).items():
            for position, frame in frames.items():
                self._remember(inbox_id, frame)
                for outlet in ready[inbox_id][position]:
                    self._deliver(outlet, position, frame)
        self.last_flush = time.monotonic()

    async def _frames(self, wanted: dict[int, set[Position]]) -> dict[int, dict[Position, Frame]]:
        """A row that cannot be rendered stops the pages of its own inbox, and nobody else's."""
        try:
            return await database.frames(wanted, (self.epoch, self.board))
        except DatabaseError:
            raise
        except Exception:
            if len(wanted) > 1:
                each = [await self._frames({inbox_id: positions}) for inbox_id, positions in wanted.items()]
                return {inbox_id: frames for one in each for inbox_id, frames in one.items()}
            log.exception("There are no frames for inbox %s; the sweep will try again.", *wanted)
            return {}

    def _ready(self, inbox_id: int) -> dict[Position, list[Outlet]]:
        """The pages that may get a frame now, by position. The others get it together with what comes meanwhile."""
        ready = defaultdict(list)
        later = 0.0
        for outlet in self.outlets.get(inbox_id, ()):
            outlet.is_behind = True
            if wait := outlet.wait():
                later = max(later, wait)
            else:
                ready[outlet.position].append(outlet)
        if later:
            self._loop.call_later(later, self.mark_dirty, [inbox_id])
        return ready

    def _remember(self, inbox_id: int, frame: Frame) -> None:
        if frame.standing and inbox_id in self.outlets:
            self.broadcasts.keep(inbox_id, frame.standing)

    def _deliver(self, outlet: Outlet, position: Position, frame: Frame) -> None:
        if outlet.closed:
            return
        if outlet.access != frame.access:  # a session of its reader may have ended while we were reading
            self.sessions.suspect(outlet)
        elif outlet.position != position or outlet.is_busy:  # it has moved while we were reading, or was written to
            self.mark_dirty([outlet.inbox_id])
        elif frame.is_empty:
            outlet.caught_up()
        else:
            outlet.push(frame)
            outlet.is_behind = False
            self.echoes.handed(outlet, frame)
            if frame.tells_of_jobs:
                self.jobs.mark([outlet])
            self.reach.note(outlet.inbox_id, frame.reached)

    def look_anew(self, inbox_id: int) -> None:
        """Its pages get the full list, since other broadcasts may address their reader by now."""
        for outlet in self.outlets.get(inbox_id, ()):
            outlet.look_anew()
        self.mark_dirty([inbox_id])

    def look_at_everybody(self) -> None:
        self.mark_dirty(list(self.outlets))

    def note_board(self, epoch: str, revision: int, known: int | None = None) -> None:
        """A new epoch: the database was restored, and no position that was held under the old one means anything.

        The answer is right about the board, unless a later one came while it was on its way: then it is not ``known``.
        """
        if self.epoch not in {"", epoch}:
            self.board = 0
            for outlet in self.all_outlets():
                outlet.forget()
                self.mark_dirty([outlet.inbox_id])
            self.broadcasts.forget_all()
            self.jobs.forget()
            self.threads.forget()
        self.epoch = epoch
        self.board = revision if self.board == known else max(self.board, revision)

    def all_outlets(self) -> list[Outlet]:
        return [outlet for mine in self.outlets.values() for outlet in mine]

    # The end.

    async def drain(self) -> None:
        """Close every socket with 1012, so that its page comes back to whoever is there next."""
        outlets = self.all_outlets()
        for outlet in outlets:
            self.close(outlet, codes.COME_BACK)
        if endings := [outlet.ended for outlet in outlets if outlet.ended]:
            await asyncio.wait(endings, timeout=DRAIN_SECONDS)
        await self.stop()

    async def stop(self) -> None:
        self.sweeper.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.bus.stop()
        await database.close_connections()


def is_before(outlet: Outlet, revision: int) -> bool:
    return outlet.position.since is None or outlet.position.since < revision


_hubs: dict[int, tuple[asyncio.AbstractEventLoop, Hub]] = {}


def current() -> Hub:
    """The hub of the running event loop, made when missing."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(id(loop))
    if found is None or found[0] is not loop:
        found = _hubs[id(loop)] = (loop, Hub())
    return found[1]


async def drain() -> None:
    """Close all sockets of this process with 1012. For the server's shutdown."""
    found = _hubs.pop(id(asyncio.get_running_loop()), None)
    if found:
        await found[1].drain()
