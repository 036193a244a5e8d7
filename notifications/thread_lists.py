"""Threads as pages show them: a reader's list of them, a page of messages with its days, who is there."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2s
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from .lists import day_order
from .models import Follow, Inbox, Level, Message, Thread, ThreadPresence
from .models.face import Face, display_name
from .models.message import MessageQuerySet
from .models.words import HasWord, words_of
from .search import QUERY_LIMIT, WORDS_LIMIT

PAGE_LENGTH = 50
LIST_LENGTH = 200
MEMBERS_SHOWN = 200
ROOMS_LENGTH = 200
FACES_SHOWN = 5
UNREAD_SHOWN = 99


@dataclass(frozen=True)
class MessagePage:
    """Some messages, oldest first, and how to get at the older ones."""

    rows: list[dict[str, Any]]
    first: int  # the number of the oldest one that is shown; 0: there is nothing older
    older_url: str


def page_of_messages(thread: Thread, before: int | None = None, length: int | None = None) -> MessagePage:
    """The newest messages, or those before a number; found by key, so the cost does not grow with the thread."""
    length = length or PAGE_LENGTH
    rows = thread.messages.shown().with_faces()
    if before is not None:
        rows = rows.filter(number__lt=before)
    found = list(rows.order_by("-number")[: length + 1])
    shown = found[:length][::-1]
    if len(found) <= length:
        return MessagePage(with_days(shown), 0, "")
    first = shown[0].number
    return MessagePage(with_days(shown), first, older_address(thread, first))


def older_address(thread: Thread, before: int) -> str:
    return f"{thread.get_absolute_url()}?{urlencode({'before': before})}"


def address_of(thread: Thread, number: int) -> str:
    """Where that message stands: on the newest page of the thread, or on one that ends a little below it."""
    is_new = thread.last_number - number < PAGE_LENGTH
    page = thread.get_absolute_url() if is_new else older_address(thread, number + PAGE_LENGTH // 5)
    return f"{page}#message-{number}"


def has_older(thread: Thread, number: int) -> bool:
    return bool(number) and thread.messages.shown().filter(number__lt=number).exists()


def with_days(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Each message, the first of a day with that day and its place in the order: before everything of that day."""
    rows, previous = [], None
    for message in messages:
        day = timezone.localtime(message.sent_at).date()
        is_first = day != previous
        rows.append({"m": message, "day": day if is_first else None, "order": day_start(day) if is_first else None})
        previous = day
    return rows


def day_start(day: date) -> int:
    """The last microsecond of the day before, in the active time zone."""
    return day_order(day - timedelta(days=1))


def found_in(thread: Thread, text: str) -> MessageQuerySet:
    """The messages in which all of these words begin one of theirs, newest first."""
    rows = thread.messages.shown().with_faces().order_by("-number")
    words = words_of(text[:QUERY_LIMIT])[:WORDS_LIMIT]
    for word in words:
        rows = rows.filter(HasWord(word))
    return rows[:PAGE_LENGTH] if words else rows.none()


# A reader's threads.


def threads_of(inbox: Inbox) -> list[Any]:
    """Those they are in, the latest first, each with ``unread``, ``level``, ``shown_title`` and ``last`` message."""
    mine = Follow.objects.filter(inbox=inbox, topic=OuterRef("topic"))
    said = Message.objects.shown().filter(thread=OuterRef("pk")).order_by("-number")
    threads = Thread.objects.followed_by(inbox).annotate(
        read_number=Subquery(mine.values("read_number")[:1]),
        level=Subquery(mine.values("level")[:1]),
        last_id=Subquery(said.values("pk")[:1]),
    )
    found: list[Any] = list(
        threads.select_related("low__user", "high__user").order_by("-last_arrival", "-pk")[:LIST_LENGTH]
    )
    last = Message.objects.with_faces().in_bulk([thread.last_id for thread in found if thread.last_id])
    for thread in found:
        thread.unread = min(max(thread.last_number - thread.read_number, 0), UNREAD_SHOWN)
        thread.shown_title = thread.title_for(inbox)
        thread.face = face_of(thread, inbox)
        thread.last = last.get(thread.last_id)
    return found


def level_choices(current: str) -> list[dict[str, Any]]:
    """How much one may want to be told, and which it is now."""
    return [{"value": one.value, "label": one.label, "is_on": one == current} for one in Level]


def rooms_of(inbox: Inbox) -> list[Any]:
    """Those they are in, by their names, each with ``level``."""
    level = Follow.objects.filter(inbox=inbox, topic=OuterRef("topic")).values("level")[:1]
    rooms = Thread.objects.rooms().followed_by(inbox).annotate(level=Subquery(level))
    return list(rooms.order_by("title", "pk")[:ROOMS_LENGTH])


def rooms_to_find(inbox: Inbox, words: str = "") -> QuerySet[Thread]:
    """Open rooms that they are not in, the liveliest first."""
    rooms = Thread.objects.rooms().filter(is_open=True).exclude(topic__in=inbox.follows.values("topic"))
    for word in words.split()[:WORDS_LIMIT]:
        rooms = rooms.filter(title__icontains=word)
    return rooms.order_by("-last_arrival", "title")[:LIST_LENGTH]


def with_member_counts(rooms: Iterable[Thread]) -> list[Any]:
    """These rooms, each with ``member_count``, by one query for all."""
    found: list[Any] = list(rooms)
    of_these = Follow.objects.filter(topic__in=[room.topic for room in found]).values("topic")
    counts = dict(of_these.annotate(count=Count("pk")).values_list("topic", "count"))
    for room in found:
        room.member_count = counts.get(room.topic, 0)
    return found


# Who is there.


@dataclass(frozen=True)
class Person(Face):
    """A face and a name."""

    actor: Any
    actor_id: Any
    actor_name: str


def person_of(user: Any) -> Person:
    return Person(user, user.pk, display_name(user))


def face_of(thread: Thread, inbox: Inbox) -> Person | None:
    """The one whom this reader talks with there; None in a room, and where they have left."""
    other = None if thread.is_room else thread.other(inbox)
    return person_of(other.user) if other else None


@dataclass(frozen=True)
class Here:
    people: list[Person]
    more: int


def here_stamp(inbox_ids: Collection[int]) -> str:
    """What a page says of those that it shows."""
    return blake2s(repr(tuple(inbox_ids)).encode(), digest_size=8).hexdigest() if inbox_ids else ""


def here_in(thread: Thread) -> tuple[Here, str]:
    """Who has it open now and may be seen, and the stamp of that."""
    inbox_ids = ThreadPresence.shown_in([thread.pk])[thread.pk]
    return here_of(inbox_ids), here_stamp(inbox_ids)


def here_of(inbox_ids: Collection[int]) -> Here:
    people = people_of(Inbox.objects.filter(pk__in=list(inbox_ids)[:FACES_SHOWN]).order_by("pk"))
    return Here(people, max(0, len(inbox_ids) - len(people)))


def people_of(inboxes: QuerySet[Inbox]) -> list[Person]:
    users: Any = get_user_model()
    names = users._default_manager.in_bulk(list(inboxes.values_list("user_id", flat=True)))
    return [person_of(user) for user in sorted(names.values(), key=display_name)]


def members_of(room: Thread) -> QuerySet[Inbox]:
    """Who is in it, in the order in which they came."""
    since = Follow.objects.of(room.topic).filter(inbox=OuterRef("pk")).values("since")[:1]
    inside = Inbox.objects.filter(follows__topic=room.topic).annotate(came_at=Subquery(since))
    return inside.select_related("user").order_by(F("came_at"), "pk")
