"""The hub's questions to the database, asked on a few threads of its own.

Channels' own way, one shared thread for every consumer, stalls all sockets while unrelated work holds it. The threads
keep their connections; after an error they begin anew.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from django.db import DatabaseError, connections
from django.db.models import Count, Sum
from django.template.loader import render_to_string
from django.utils import translation

from notifications.job_lists import active_of_inboxes
from notifications.models import (
    Audience,
    Board,
    Broadcast,
    Inbox,
    Job,
    Noticeboard,
    Presence,
    Thread,
    ThreadPresence,
    clock,
)
from notifications.models.audience import addressed
from notifications.models.broadcast import PUBLISHED
from notifications.telling import note_readings
from notifications.thread_lists import here_stamp

from . import sessions
from .board_frames import News, Onlooker
from .board_frames import news_for as board_news_for
from .frames import Frame, frames_for
from .job_frames import JobFrame, job_frames_for, watchers_among
from .job_moves import moves_for
from .job_positions import JobPosition
from .positions import Position
from .thread_frames import Seat, ThreadFrame, outside, thread_frames_for
from .thread_positions import ThreadPosition

T = TypeVar("T")

THREADS = 4
REACHED_AT_ONCE = 1_000  # inboxes in one statement
SUMMED_AT_ONCE = 2_000  # of which one sum tells whether anything is new; if it is, all of them are read
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="belfry-hub")


async def ask(question: Callable[..., T], *args: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, answered, question, args)


def answered(question: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    try:
        return question(*args)
    except DatabaseError:
        connections.close_all()
        raise


async def close_connections() -> None:
    """Close the database connections of every thread."""
    everyone = threading.Barrier(THREADS)

    def close() -> None:
        everyone.wait(timeout=30)  # so that each thread takes one
        connections.close_all()

    await asyncio.gather(*(ask(close) for _ in range(THREADS)))


async def frames(wanted: dict[int, set[Position]], known: tuple[str, int]) -> dict[int, dict[Position, Frame]]:
    return await ask(frames_for, wanted, known)


async def news_for(
    onlookers: list[Onlooker], known: tuple[str, int], access: dict[int, int]
) -> tuple[dict[Onlooker, News | None], set[int]]:
    """What these pages are told of the board; and of these inboxes those whose ``access`` is another by now."""

    def make() -> tuple[dict[Onlooker, News | None], set[int]]:
        now = differing({pk: (one,) for pk, one in access.items()}, "access")
        return board_news_for(onlookers, known), set(now)

    return await ask(make)


async def job_frames(moved: dict[JobPosition, set[str]], wanted: set[JobPosition]) -> dict[JobPosition, JobFrame]:
    """For pages of which some jobs have moved, and for those of which all is looked at."""

    def make() -> dict[JobPosition, JobFrame]:
        frames = moves_for(moved) if moved else {}
        others = wanted | (moved.keys() - frames.keys())
        frames |= job_frames_for(others) if others else {}
        access = access_of({position.inbox_id for position, frame in frames.items() if frame.html})
        return {one: replace(frame, access=access.get(one.inbox_id, 0)) for one, frame in frames.items()}

    return await ask(make)


async def jobs_standing(
    inbox_ids: list[int], job_ids: list[str]
) -> tuple[dict[int, tuple[tuple[str, int], ...]], dict[str, int]]:
    """The active jobs of these inboxes as (id, version), as the tray orders them; the versions of those single jobs."""

    def find() -> tuple[dict[int, tuple[tuple[str, int], ...]], dict[str, int]]:
        versions = Job.objects.filter(pk__in=job_ids).values_list("pk", "version") if job_ids else ()
        return active_of_inboxes(inbox_ids), {str(pk): version for pk, version in versions}

    return await ask(find)


async def watchers(user_ids: set[Any]) -> set[Any]:
    """Those of them who may watch everybody's jobs by now."""
    return await ask(watchers_among, user_ids, 0.0)


async def thread_frames(
    wanted: dict[ThreadPosition, set[int]],
) -> tuple[dict[ThreadPosition, ThreadFrame], set[Seat], dict[int, int]]:
    """The frames of threads, who may not see them, and ``access`` of the inboxes."""

    def make() -> tuple[dict[ThreadPosition, ThreadFrame], set[Seat], dict[int, int]]:
        frames, strangers = thread_frames_for(wanted)
        return frames, strangers, access_of(set().union(*wanted.values()))

    return await ask(make)


async def threads_standing(seats: set[Seat]) -> tuple[dict[int, tuple[int, str]], set[Seat]]:
    """Of each of these threads the revision and the stamp of who is there; and who sits there without a right to."""

    def find() -> tuple[dict[int, tuple[int, str]], set[Seat]]:
        ids = {thread_id for thread_id, _ in seats}
        threads = Thread.objects.in_bulk(ids)
        here = ThreadPresence.shown_in(ids)
        standing = {pk: (thread.revision, here_stamp(here[pk])) for pk, thread in threads.items()}
        return standing, outside(threads, seats)

    return await ask(find)


async def renew_here(hub: str, new: set[Seat], left: set[Seat], read: dict[Seat, int]) -> None:
    """Write down who has threads open in this process, and how far they have read."""

    def write() -> None:
        if new:
            ThreadPresence.renew(hub, new)
        if left:
            ThreadPresence.leave(hub, left)
        by_message: dict[tuple[int, int], list[int]] = defaultdict(list)
        for (thread_id, inbox_id), number in read.items():
            by_message[thread_id, number].append(inbox_id)
        threads = Thread.objects.in_bulk({thread_id for thread_id, _ in by_message})
        for (thread_id, number), inbox_ids in by_message.items():
            if thread_id in threads:
                note_readings(threads[thread_id], inbox_ids, number)

    await ask(write)


async def sessions_standing(inbox_ids: set[int], session_keys: set[str]) -> tuple[dict[int, int], dict[str, Any]]:
    """``access`` of these inboxes, and then the users of those sessions that are valid."""

    def find() -> tuple[dict[int, int], dict[str, Any]]:
        return access_of(inbox_ids), sessions.users_of(session_keys)

    return await ask(find)


Values = tuple[int, ...]


def differing(known: dict[int, Values], *names: str) -> dict[int, Values | None]:
    """Of these inboxes those whose columns of these names are not as they were known, as they are now; None for one
    that is gone. The columns are such as only grow, so their sums say whether there is any."""
    found: dict[int, Values | None] = {}
    ids = list(known)
    for start in range(0, len(ids), SUMMED_AT_ONCE):
        some = ids[start : start + SUMMED_AT_ONCE]
        inboxes = Inbox.objects.filter(pk__any_of=some)
        sums = inboxes.aggregate(Count("pk"), *map(Sum, names))
        if [*sums.values()] == [len(some), *map(sum, zip(*(known[pk] for pk in some), strict=True))]:
            continue
        now = {pk: tuple(values) for pk, *values in inboxes.values_list("pk", *names)}
        found |= {pk: now.get(pk) for pk in some if now.get(pk) != known[pk]}
    return found


def access_of(inbox_ids: set[int]) -> dict[int, int]:
    return dict(Inbox.objects.filter(pk__in=inbox_ids).values_list("pk", "access"))


Reader = tuple[Any, Inbox, tuple[str, int]]  # user, inbox, (epoch, revision of the board)


class Readers:
    """Who is at the sockets that have just opened. What is asked while an answer is on its way is asked together, so
    that thousands of pages that come back at once cost a handful of questions."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[Reader | None]]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def of(self, session_key: str) -> Reader | None:
        """The reader of a signed-in session, or None."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Reader | None] = loop.create_future()
        self._waiting.setdefault(session_key, []).append(answer)
        if self._asking is None or self._asking.done():
            self._asking = loop.create_task(self._ask())
        return await answer

    async def _ask(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, {}
            found: dict[str, Reader] | Exception
            try:
                found = await ask(readers_of, set(waiting))
            except Exception as error:  # of whoever waits for it
                found = error
            for key, answers in waiting.items():
                for answer in answers:
                    if answer.done():  # its socket has gone
                        continue
                    if isinstance(found, Exception):
                        answer.set_exception(found)
                    else:
                        answer.set_result(found.get(key))


def readers_of(session_keys: set[str]) -> dict[str, Reader]:
    """Six queries for all of them. Sessions that are not signed in are missing.

    They are looked at again when ``access`` was read: one that has ended meanwhile would pass for one of now.
    """
    users = sessions.users_of(session_keys)
    inboxes = {inbox.user_id: inbox for inbox in Inbox.objects.filter(user__in={user.pk for user in users.values()})}
    users = sessions.users_of(set(users)) if users else {}
    board = board_now()
    return {key: (user, inboxes.get(user.pk) or Inbox.objects.of(user), board) for key, user in users.items()}


async def changed(shown: dict[int, Values]) -> tuple[tuple[str, int], dict[int, Values | None]]:
    """The epoch and the revision of the board; those of these inboxes whose (revision, access) is another by now."""

    def find() -> tuple[tuple[str, int], dict[int, Values | None]]:
        return board_now(), differing(shown, "revision", "access")

    return await ask(find)


async def board() -> tuple[str, int]:
    return await ask(board_now)


def board_now() -> tuple[str, int]:
    board = Board.load()
    return board.epoch, board.revision


async def next_end(known: tuple[str, int]) -> float | None:
    """Seconds until the next broadcast ends by the clock, or None."""

    def find() -> float | None:
        end = Noticeboard.current(known).next_end()
        return (end - clock.now()).total_seconds() if end else None

    return await ask(find)


async def audiences(inbox_ids: list[int], known: tuple[str, int]) -> tuple[frozenset[int], dict[int, frozenset[int]]]:
    """The running broadcasts that are not for everyone, and for each of these inboxes those that address its reader."""

    def find() -> tuple[frozenset[int], dict[int, frozenset[int]]]:
        live = [one for one in Noticeboard.current(known).live() if one.audience != Audience.EVERYONE]
        found: dict[int, frozenset[int]] = dict.fromkeys(inbox_ids, frozenset())
        for start in range(0, len(inbox_ids) if live else 0, REACHED_AT_ONCE):
            inboxes = list(Inbox.objects.filter(pk__in=inbox_ids[start : start + REACHED_AT_ONCE]))
            found |= {pk: frozenset(ids) for pk, ids in addressed(live, inboxes).items()} if inboxes else {}
        return frozenset(one.pk for one in live), found

    return await ask(find)


async def reach(reached: dict[int, set[int]]) -> set[int]:
    """Write down that these broadcasts stand on open pages of these inboxes. Answers which are running."""

    def make() -> set[int]:
        for broadcast in Broadcast.objects.filter(pk__in=reached, state=PUBLISHED):
            ids = sorted(reached[broadcast.pk])
            for start in range(0, len(ids), REACHED_AT_ONCE):
                broadcast.reach(Inbox.objects.filter(pk__in=ids[start : start + REACHED_AT_ONCE]))
        return set(Broadcast.objects.filter(state=PUBLISHED).values_list("pk", flat=True))

    return await ask(make)


async def renew_presence(inbox_ids: list[int]) -> None:
    await ask(Presence.renew, inbox_ids)


async def signed_out_notice(position: Position) -> str:
    return await ask(notice, "notifications/_signed_out.html", position.language)


async def someone_else_notice(position: Position) -> str:
    return await ask(notice, "notifications/_someone_else.html", position.language)


async def new_build_notice(position: Position) -> str:
    said = await ask(notice, "notifications/_new_build.html", position.language)
    return f'<hx-partial hx-target="#alerts" hx-swap="innerHTML">{said}</hx-partial>'


def notice(template: str, language: str) -> str:
    with translation.override(language):
        return render_to_string(template, {"oob": True})
