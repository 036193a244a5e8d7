"""Frames of threads: what a page lacks of the one that it shows, and who is there.

As everywhere, positions are read first and rows then, so that what commits in between comes next time. Who may see it
is asked last: whatever was read was said before that, so nobody is sent what was said after they had to go.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone, translation

from notifications import thread_lists
from notifications.models import Follow, Message, Thread, ThreadPresence
from notifications.thread_lists import (
    has_older,
    here_of,
    here_stamp,
    older_address,
    page_of_messages,
    with_days,
)

from .frames import FRAME_LIMIT
from .positions import LARGEST
from .thread_positions import ThreadPosition

CHANGES_LIMIT = 300  # more than this are not caught up with one by one
ROWS_LIMIT = 5_000  # changed messages in one query for all
THREADS_AT_ONCE = 300  # SQLite cannot take an OR of 1,000

Seat = tuple[int, int]  # a thread and an inbox
Made = dict[tuple[object, ...], str]


@dataclass(frozen=True)
class ThreadFrame:
    html: str  # empty: there was nothing to tell
    position: ThreadPosition  # of a page after it
    is_full: bool = False


@dataclass(frozen=True)
class Missing:
    """What a page lacks of the messages; None when only the newest page of them will do."""

    messages: list[Message] | None

    @property
    def is_full(self) -> bool:
        return self.messages is None

    def arrived(self, position: ThreadPosition) -> list[Message]:
        return [one for one in self.messages or () if one.number > position.last and not one.retracted_at]

    def changed(self, position: ThreadPosition) -> list[Message]:
        return [one for one in self.messages or () if is_shown(one, position) and not one.retracted_at]

    def leaving(self, position: ThreadPosition) -> list[int]:
        """Those that came with a whole page of messages whose position was read before them, too."""
        gone = [one for one in self.messages or () if one.retracted_at]
        return [one.number for one in gone if one.number >= position.first]

    def has_lost_older(self, position: ThreadPosition) -> bool:
        """Whether something is gone that the page has not loaded: there may be nothing older any more."""
        return any(one.number < position.first and one.retracted_at for one in self.messages or ())


def is_shown(message: Message, position: ThreadPosition) -> bool:
    return position.first <= message.number <= position.last


def thread_frames_for(
    wanted: dict[ThreadPosition, set[int]],
) -> tuple[dict[ThreadPosition, ThreadFrame], set[Seat]]:
    """For each position the frame that brings such a page up to date; and those of these inboxes that may not see the
    thread, who get :func:`gone`. Five queries for all of them, one more for each thread that is far ahead of a page,
    and some for each where people come and go."""
    ids = {position.thread_id for position in wanted}
    threads = Thread.objects.in_bulk(ids)
    messages = changed_messages(threads, wanted)
    here = ThreadPresence.shown_in(ids)
    made: Made = {}
    frames = {}
    for position in wanted:
        thread = threads.get(position.thread_id)
        if thread is not None:
            missing = missing_at(thread, position, messages[thread.pk])
            frames[position] = frame_at(thread, position, missing, here[thread.pk], made)
    seats = {(position.thread_id, inbox_id) for position, inbox_ids in wanted.items() for inbox_id in inbox_ids}
    return frames, outside(threads, seats)


def thread_frame(position: ThreadPosition, inbox_id: int) -> ThreadFrame:
    """The same for one page."""
    frames, strangers = thread_frames_for({position: {inbox_id}})
    return gone(position) if strangers or position not in frames else frames[position]


def outside(threads: dict[int, Thread], seats: Collection[Seat]) -> set[Seat]:
    """Who may not see that thread, or no more. ``threads`` are as they were read; whether one is still open is asked
    anew."""
    is_open = dict(Thread.objects.filter(pk__in=threads).values_list("pk", "is_open"))
    topics = {thread.topic: pk for pk, thread in threads.items() if not is_open.get(pk)}
    inboxes = {inbox_id for thread_id, inbox_id in seats if not is_open.get(thread_id)}
    follows = Follow.objects.filter(topic__in=topics, inbox__pk__any_of=inboxes) if topics and inboxes else ()
    inside = {(topics[follow.topic], follow.inbox_id) for follow in follows}
    return {seat for seat in seats if not is_open.get(seat[0]) and seat not in inside}


def changed_messages(threads: dict[int, Thread], wanted: dict[ThreadPosition, set[int]]) -> dict[int, list[Message]]:
    """What has changed in each of these threads since the oldest of the positions. What has changed once more since the
    thread was read comes again with the next frame; left out here, it would not be new there, and be missing. What has
    arrived since is new there, and left to that one."""
    oldest: dict[int, int] = {}
    for position in wanted:
        thread = threads.get(position.thread_id)
        if thread is not None and can_catch_up(thread, position) and position.lacks_from < thread.revision:
            oldest[thread.pk] = min(position.lacks_from, oldest.get(thread.pk, LARGEST))
    near = {pk: since for pk, since in oldest.items() if threads[pk].revision - since <= CHANGES_LIMIT}
    found = {pk: newest_changes(lacked(threads[pk], since)) for pk, since in oldest.items() if pk not in near}
    ids = sorted(near)
    for start in range(0, len(ids), THREADS_AT_ONCE):
        found |= changes_of_some({pk: lacked(threads[pk], near[pk]) for pk in ids[start : start + THREADS_AT_ONCE]})
    return defaultdict(list, found)


def lacked(thread: Thread, since: int) -> Q:
    """The messages of a thread, as it was read, that have changed after that. A later one, counted here, would hide
    that more than the limit is missing."""
    return Q(thread=thread.pk, revision__gt=since, number__lte=thread.last_number)


def changes_of_some(wanted: dict[int, Q]) -> dict[int, list[Message]]:
    """In one query; where one change is of very many messages, in one for each thread, so that none hides another's."""
    rows = list(Message.objects.with_faces().filter(reduce(or_, wanted.values()))[: ROWS_LIMIT + 1])
    if len(rows) > ROWS_LIMIT:
        return {pk: newest_changes(of_one) for pk, of_one in wanted.items()}
    found: dict[int, list[Message]] = defaultdict(list)
    for message in rows:
        found[message.thread_id].append(message)
    return found


def newest_changes(of_one: Q) -> list[Message]:
    rows = Message.objects.with_faces().filter(of_one)
    return list(rows.order_by("-revision")[: CHANGES_LIMIT + 1])


def can_catch_up(thread: Thread, position: ThreadPosition) -> bool:
    if position.at is None or position.is_gone or position.last > thread.last_number:
        return False
    return thread.floor <= position.lacks_from <= position.at <= thread.revision


def missing_at(thread: Thread, position: ThreadPosition, messages: list[Message]) -> Missing:
    if not can_catch_up(thread, position):
        return Missing(None)
    lacking = [one for one in messages if one.revision > position.lacks_from]
    if len(lacking) > CHANGES_LIMIT:
        return Missing(None)
    return Missing(sorted(lacking, key=lambda one: one.number))


def frame_at(
    thread: Thread, position: ThreadPosition, missing: Missing, here: tuple[int, ...], made: Made
) -> ThreadFrame:
    stamp = here_stamp(here)
    after = replace(position, at=thread.revision, last=thread.last_number, loaded_at=LARGEST, here=stamp, is_gone=False)
    with translation.override(position.language), timezone.override(ZoneInfo(position.zone)):
        html = "" if missing.is_full else told_html(thread, position, missing, here, made)
        if not missing.is_full and len(html.encode()) <= FRAME_LIMIT:
            return ThreadFrame(html, after)
        html, first = newest_html(thread, position, here)
    return ThreadFrame(html, replace(after, first=first), is_full=True)


def newest_html(thread: Thread, position: ThreadPosition, here: tuple[int, ...]) -> tuple[str, int]:
    """The newest messages: a page of them, or fewer where that would be too large a frame. And the number of the first
    of them; 0 is that there is nothing older."""
    length = thread_lists.PAGE_LENGTH
    while True:
        full = page_of_messages(thread, length=length)
        messages = {"rows": full.rows, "older_url": full.older_url, "first": full.first}
        html = render(thread, position, here, messages)
        if len(html.encode()) <= FRAME_LIMIT or length == 1:
            return html, full.first
        length //= 2


def told_html(thread: Thread, position: ThreadPosition, missing: Missing, here: tuple[int, ...], made: Made) -> str:
    """Made once for all pages that lack the same, however far back each of them has loaded. Empty where that is
    nothing."""
    arrived, changed, leaving = missing.arrived(position), missing.changed(position), missing.leaving(position)
    is_older = missing.has_lost_older(position)
    if not (changed or leaving or is_older or has_position(thread, position) or here_stamp(here) != position.here):
        return ""
    shown = (*(one.number for one in arrived), -1, *(one.number for one in changed), -1, *leaving)
    alike = (replace(position, first=position.first if is_older else 0, loaded_at=0), *shown)
    if alike not in made:
        older_url = older_address(thread, position.first) if is_older and has_older(thread, position.first) else ""
        messages = {"rows": with_days(arrived), "changed": changed, "leaving": leaving, "older_url": older_url}
        made[alike] = render(thread, position, here, {**messages, "has_older": is_older})
    return made[alike]


def has_position(thread: Thread, position: ThreadPosition) -> bool:
    """Whether the page stands elsewhere."""
    return (position.at, position.last) != (thread.revision, thread.last_number)


def render(thread: Thread, position: ThreadPosition, here: tuple[int, ...], messages: dict[str, object]) -> str:
    is_full = "first" in messages
    has_head = thread.is_room and (is_full or thread.head_revision > (position.at or 0))
    has_here = here_stamp(here) != position.here
    context = {
        "thread": thread,
        "is_full": is_full,
        "has_older": is_full,
        "has_head": has_head,
        "member_count": thread.follows.count() if has_head else 0,
        "has_position": is_full or has_position(thread, position),
        "revision": thread.revision,
        "last": thread.last_number,
        "has_here": has_here,
        "here": here_of(here) if has_here else None,
        "here_stamp": here_stamp(here),
        **messages,
    }
    return render_to_string("notifications/threads/frame.html", context)


def gone(position: ThreadPosition) -> ThreadFrame:
    """Who may not see it (any more) learns nothing but that. The page stands nowhere then: should they come back, it
    gets the whole of it, also on another socket."""
    if position.is_gone:
        return ThreadFrame("", position)
    with translation.override(position.language):
        html = render_to_string("notifications/threads/_gone.html")
    return ThreadFrame(html, replace(position, is_gone=True, last=0, here=""))
