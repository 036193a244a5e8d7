"""Telling: who follows a thread and does not read it just now, gets a notification of what was said.

Whoever has it open is left alone for ``PATIENCE``: their page shows the message, and says so. Where it does not,
because the tab is hidden or the laptop fell asleep, the tick tells them, too: so nothing is lost, and nothing rings
that is being read. Telling twice does no harm, by two processes neither: a notification of a message has one key.
"""

from collections import defaultdict
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_noop

from . import targets
from .delivery import make_draft, put, wish_for_each
from .models import (
    Block,
    Draft,
    Follow,
    Inbox,
    Level,
    Message,
    Mute,
    Notification,
    Report,
    Retraction,
    Thread,
    ThreadPresence,
    clock,
)
from .models.notification import NotificationQuerySet
from .models.rewriting import rewrite
from .models.thread import PATIENCE
from .models.words import words_of
from .thread_lists import address_of

targets.register(Thread, lambda user, thread: thread.is_open_to(Inbox.objects.of(user)))

#: "Why did I get this?"; rendered when it is shown.
REASONS = {
    "thread.said": gettext_noop("Because it was written to you"),
    "thread.mentioned": gettext_noop("Because you are mentioned"),
    "room.said": gettext_noop("Because you are in this room"),
}
AT_ONCE = 1_000  # followers; where there are more, the tick tells them
BATCH = 2_500  # inboxes in one statement
ROUND = 100  # messages of one thread in one round of the tick


def tell_soon(thread: Thread, message: Message) -> None:
    """After its commit, those who are elsewhere: at once where they are few enough for whoever waits for it; else the
    tick does."""
    if is_large(thread):
        Thread.objects.filter(pk=thread.pk).update(tell_at=clock.now())
    else:
        tell_of(thread, message, those_inside=False)


def tell(thread: Thread) -> None:
    """The tick's part: whoever has not read in time what they seemed to have open, and whatever a writer that died has
    told nobody; of a large room, everybody else as well."""
    moment, told = clock.now(), thread.told_number
    later: datetime | None = None
    tells_all = is_large(thread)
    rows = thread.messages.with_faces().filter(number__gt=told).order_by("number")
    messages = list(rows[: ROUND + 1])
    for message in messages[:ROUND]:
        is_late = message.sent_at + PATIENCE <= moment
        if message.retracted_at is None and (is_late or tells_all):
            tell_of(thread, message, those_inside=is_late)
        if not is_late:
            later = later or message.sent_at + PATIENCE
        elif later is None:
            told = message.number
    thread.note_telling(told, moment if len(messages) > ROUND else later)


def is_large(thread: Thread) -> bool:
    return thread.follows.count() > AT_ONCE


def tell_of(thread: Thread, message: Message, *, those_inside: bool) -> None:
    """Of one message, all who have not read it and do not know of it. ``those_inside``: also who seems to have the
    thread open."""
    follows = thread.follows.lacking(message.number).exclude(inbox__user=message.author_id)
    follows = follows.exclude(inbox__in=those_blocking(message))
    if not those_inside:
        follows = follows.exclude(inbox__in=ThreadPresence.now_in([thread.pk]).values("inbox"))
    is_named = Q(inbox__user__in=message.mentions if thread.is_room else ())
    named = ids_of(follows.filter(is_named).exclude(level=Level.NOTHING))
    others = ids_of(follows.exclude(is_named).wanting_everything())
    if thread.is_open and message.mentions:
        named += passers_by(thread, message)
    ring(thread, message, "thread.mentioned", named)
    ring(thread, message, "room.said" if thread.is_room else "thread.said", others)
    mend(thread, message)


def mend(thread: Thread, message: Message) -> None:
    """What happened while it was told: it was changed, taken back, or read."""
    now = Message.objects.with_faces().get(pk=message.pk)
    if now.retracted_at:
        take_back(now)
    elif now.revision != message.revision:
        tell_of_edit(now)
    read = thread.follows.filter(read_number__gte=message.number).values("inbox")
    unread = notifications_of(message).filter(inbox__in=read, read_at=None)
    for inbox in Inbox.objects.filter(pk__in=list(unread.values_list("inbox_id", flat=True))):
        inbox.mark_read(message.item_key)


def passers_by(thread: Thread, message: Message) -> list[int]:
    """Who is mentioned in an open room, and does not follow it."""
    inboxes = Inbox.objects.filter(user__in=message.mentions).exclude(user=message.author_id)
    inboxes = inboxes.exclude(pk__in=thread.follows.values("inbox")).exclude(pk__in=those_blocking(message))
    return list(inboxes.values_list("pk", flat=True))


def those_blocking(message: Message) -> QuerySet[Block, Any]:
    return Block.objects.filter(user=message.author_id).values("inbox")


def ids_of(follows: QuerySet[Follow]) -> list[int]:
    return list(follows.order_by("inbox").values_list("inbox_id", flat=True))


def ring(thread: Thread, message: Message, verb: str, inbox_ids: list[int]) -> None:
    """Put it into these inboxes. A mention stands by itself; whatever else is said in a thread is one row."""
    if not inbox_ids:
        return
    draft = make_draft(
        verb=verb,
        actor=message.author or message.author_name,
        target=thread,
        url=address_of(thread, message.number),
        body=message.excerpt,
        category="rooms" if thread.is_room else "messages",
        reason=REASONS[verb],
        group_key="" if verb == "thread.mentioned" else thread.topic,
    )
    put_where_wanted(inbox_ids, message.item_key, draft)


def put_where_wanted(inbox_ids: list[int], key: str, draft: Draft) -> None:
    """But for those whose reader wants none of it, or has it already."""
    muting = Mute.objects.about(category=draft.category, group_key=draft.group_key, target=draft.target)
    for start in range(0, len(inbox_ids), BATCH):
        some = Inbox.objects.filter(pk__in=inbox_ids[start : start + BATCH], user__is_active=True)
        known = Notification.objects.filter(inbox__in=inbox_ids[start : start + BATCH], key=key).values("inbox")
        wanting = some.exclude(pk__in=muting.values("inbox")).exclude(pk__in=known)
        put(list(wanting.values_list("pk", flat=True)), key, draft)


# What was said is said otherwise, or not at all.


def tell_of_edit(message: Message) -> None:
    """What its notifications quote is what it says now; but not where its thread is not their reader's any more, nor in
    a large room, where whoever speaks would wait for it."""
    thread = message.thread
    if is_large(thread):
        return
    quotes = notifications_of(message)
    if not thread.is_open:
        quotes = quotes.filter(inbox__in=thread.follows.values("inbox"))
    now = {"body": message.excerpt, "words": words_of(message.text, message.author_name, str(thread))}
    quotes.pending().update(**now)
    quotes = quotes.exclude(body=message.excerpt)
    inbox_ids = list(quotes.order_by("inbox").values_list("inbox_id", flat=True))
    if inbox_ids:
        rewrite(quotes, inbox_ids, **now)


def take_back(message: Message) -> None:
    """Nobody's inbox quotes it any more."""
    wish_for_each(notifications_of(message), Retraction())


def notifications_of(message: Message) -> NotificationQuerySet:
    about = Notification.objects.about(targets.name_of(message.thread))
    return about.filter(key=message.item_key, retracted_at=None)


def close_to_outsiders(room: Thread) -> None:
    """What was told of a room that is not open says "No longer available" to who is not in it (any more)."""
    if not room.is_open:
        about = Notification.objects.about(targets.name_of(room)).available()
        wish_for_each(about.exclude(inbox__in=room.follows.values("inbox")), Retraction(is_of_target=True))


# What has been read.


def note_readings(thread: Thread, inbox_ids: list[int], number: int) -> None:
    """These have read up to there, on the thread's own page: what rings for it is read as well."""
    thread.note_reading(inbox_ids, number)
    start = f"message-{thread.pk}-"
    ringing = Notification.objects.unread().filter(inbox__in=inbox_ids, key__startswith=start)
    keys: dict[int, list[str]] = defaultdict(list)
    for inbox_id, key in ringing.values_list("inbox_id", "key"):
        said = key.removeprefix(start)
        if said.isdecimal() and int(said) <= number:
            keys[inbox_id].append(key)
    for inbox in Inbox.objects.filter(pk__in=keys):
        inbox.mark_read(*keys[inbox.pk])


# What else is told.


def tell_of_invitation(room: Thread, member: Any, inbox_ids: list[int]) -> None:
    """Inside of the change that lets them in."""
    draft = make_draft(
        verb="room.invited", actor=member, target=room, url=room.get_absolute_url(), body=room.about, category="rooms"
    )
    put_where_wanted(inbox_ids, f"message-invitation-{room.pk}-{room.revision}", draft)


def tell_staff(report: Report) -> None:
    """Those who may look at reports."""
    users: Any = get_user_model()
    staff = users._default_manager.with_perm(
        "notifications.view_report", backend="django.contrib.auth.backends.ModelBackend"
    )
    draft = make_draft(
        verb="message.reported",
        actor=report.reporter_name,
        params={"author": report.author_name},
        body=report.reason,
        url=reverse("admin:notifications_report_change", args=[report.pk]),
        category="security",
    )
    ids = Inbox.objects.of_users(staff.filter(is_staff=True).values_list("pk", flat=True))
    put_where_wanted(ids, f"message-report-{report.pk}", draft)
