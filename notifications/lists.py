"""The lists of an inbox as pages show them: filters with their numbers, a page of rows, days, groups."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from . import categories
from .models import Broadcast, Inbox, Notification, clock
from .models.notification import NotificationQuerySet

PAGE_LENGTH = 30
BELL_LENGTH = 8
EVENTS_SHOWN = 5  # of a group, in its row


@dataclass(frozen=True)
class Filter:
    name: str
    label: str | Promise
    icon: str
    count: int
    current: bool
    to: Callable[[], str]

    @property
    def count_id(self) -> str:
        return count_id(self.name)

    @property
    def url(self) -> str:
        return self.to()


def count_id(name: str) -> str:
    """The id of the element that shows the number of that list."""
    return "count-" + name.replace(":", "-")


@dataclass(frozen=True)
class Page:
    """Some rows of a list, newest first, and how to get at the older ones."""

    rows: list[dict[str, Any]]
    bottom: int  # the arrival of its oldest item, 0 when nothing older is left
    older_url: str


def address(view: str, **more: object) -> str:
    query = {**({"view": view} if view != "all" else {}), **more}
    return reverse("notifications:inbox") + (f"?{urlencode(query)}" if query else "")


def filters_of(inbox: Inbox, current: str) -> list[Filter]:
    lists: list[tuple[str, Any, str]] = [
        ("all", _("All"), "inbox"),
        ("unread", _("Unread"), "envelope"),
        ("saved", _("Saved"), "bookmark"),
        ("snoozed", _("Snoozed"), "clock"),
        ("archived", _("Archived"), "archive"),
        *((f"category:{category.name}", category.label, category.icon) for category in categories.everything()),
    ]
    return [
        Filter(name, label, icon, inbox.count_of(name), name == current, partial(address, name))
        for name, label, icon in lists
    ]


def page_of(inbox: Inbox, view: str, before: int | None = None, length: int | None = None) -> Page:
    """The newest rows of a list, or those before an arrival; found by key, so the cost does not grow with the list."""
    return cut(inbox.notifications.in_view(view), inbox.announcements_in(view), before, partial(address, view), length)


def cut(
    rows: NotificationQuerySet,
    announcements: Iterable[Notification],
    before: int | None,
    address_of: Callable[..., str],
    length: int | None = None,
) -> Page:
    """A page of these rows, which come newest first, and these announcements among them; ``address_of(before=...)``
    leads to the older ones."""
    if before is not None:
        rows = rows.filter(arrival__lt=before)
        announcements = [row for row in announcements if (row.arrival or 0) < before]
    length = length or PAGE_LENGTH
    found = merged(rows.with_faces()[: length + 1], announcements)[: length + 1]
    shown = with_events(found[:length])
    if len(found) == len(shown):
        return Page(with_days(shown), 0, "")
    last = shown[-1].arrival or 0
    return Page(with_days(shown), last, address_of(before=last))


def bell_of(inbox: Inbox) -> list[Notification]:
    """The newest of all, for the bell's list."""
    rows = inbox.notifications.in_view("all").with_faces()
    return merged(rows[:BELL_LENGTH], inbox.announcements_in("all"))[:BELL_LENGTH]


def item_of(inbox: Inbox, key: str) -> Notification | None:
    """The item of that key as its own page shows it; a broadcast that is over says that."""
    if announced := inbox.announcement(key):
        return announced
    found = inbox.notifications.stamped().with_faces().filter(key=key).first()
    if found is None and (broadcast := Broadcast.objects.that_reached(inbox, key)):
        found = broadcast.row()
    if found and found.broadcast_id:
        found.retracted_at = clock.now()
    return found


def merged(rows: Iterable[Notification], announcements: Iterable[Notification]) -> list[Notification]:
    """All of them, newest first."""
    return sorted([*rows, *announcements], key=lambda row: row.arrival or 0, reverse=True)


def with_events(rows: list[Notification]) -> list[Notification]:
    """The rows, each with the newest of the earlier events that it stands for, by one query for all."""
    groups = {row.group_id for row in rows if row.earlier_count and row.group_id}
    events: dict[int | None, list[Notification]] = {}
    if groups:
        ranks = Window(RowNumber(), partition_by="group_id", order_by=F("arrival").desc())
        earlier = Notification.objects.filter(
            group_id__in=groups, superseded_at__isnull=False, retracted_at=None
        ).annotate(rank=ranks)
        for event in earlier.filter(rank__lte=EVENTS_SHOWN).order_by("-arrival"):
            events.setdefault(event.group_id, []).append(event)
    for row in rows:
        row.events = events.get(row.group_id, []) if row.group_id else []
    return rows


def with_days(notifications: Iterable[Notification]) -> list[dict[str, Any]]:
    """Each notification, the first of a day with that day and its place in the order."""
    rows, previous = [], None
    for notification in notifications:
        day = local_day(notification)
        is_first = day != previous
        rows.append(
            {"n": notification, "day": day if is_first else None, "order": day_order(day) if is_first else None}
        )
        previous = day
    return rows


def local_day(notification: Notification) -> date:
    """The day of its arrival in the active time zone."""
    return timezone.localtime(notification.arrived_at).date()


def day_order(day: date) -> int:
    """The last microsecond of the day in the active time zone: its heading stands above all that arrived in it."""
    midnight = datetime.combine(day + timedelta(days=1), time.min, timezone.get_current_timezone())
    return int(midnight.timestamp()) * 1_000_000 - 1
