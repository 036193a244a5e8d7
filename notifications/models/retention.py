"""Retention: what is put away or read and old enough is removed for good, in slices.

Never removed: what is unread or snoozed in the inbox, and what is saved. The earlier events of a group stay as long as
the row that stands for them, and go in the round after it. A slice is a range of ids, oldest first, so
that no index has to be kept for it.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, Q

from . import clock
from .inbox import Inbox
from .job import Job
from .message import Message
from .mute import Mute
from .notification import LISTED, Notification, NotificationQuerySet
from .sighting import Sighting
from .thread import DIRECT, Thread

SLICE = 500  # ids looked at in one step, after which the tick looks at what is due


@dataclass(frozen=True)
class Limits:
    """For how many days what is put away (or withdrawn), and what has been read, is kept; 0 is for ever."""

    archived_days: int
    read_days: int

    @classmethod
    def of_site(cls) -> Self:
        return cls(settings.RETENTION_ARCHIVED_DAYS, settings.RETENTION_READ_DAYS)

    @property
    def archived_before(self) -> datetime | None:
        return clock.now() - timedelta(days=self.archived_days) if self.archived_days else None

    @property
    def read_before(self) -> datetime | None:
        return clock.now() - timedelta(days=self.read_days) if self.read_days else None


def removable(limits: Limits) -> NotificationQuerySet:
    listed = Q(**LISTED, saved_at=None)
    old = Q(pk=None)
    if limits.archived_before:
        top = Notification.objects.listed().filter(group_id=OuterRef("group_id"))
        old |= listed & Q(archived_at__lt=limits.archived_before)
        old |= Q(retracted_at__lt=limits.archived_before)
        old |= Q(~Exists(top), superseded_at__lt=limits.archived_before)
    if limits.read_before:
        old |= listed & Q(
            archived_at=None,
            snoozed_until=None,
            read_at__lt=limits.read_before,
            arrival__lt=int(limits.read_before.timestamp()) * 1_000_000,
        )
    return Notification.objects.stamped().of_their_own().filter(old)


def remove_slice(limits: Limits, after: int) -> tuple[int, int | None]:
    """Remove what is old enough among the next ids. How many that were, and the last id looked at; None is the end."""
    ids = list(Notification.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:SLICE])
    if not ids:
        remove_leavings(limits)
        return 0, None
    found = removable(limits).filter(pk__gt=after, pk__lte=ids[-1])
    by_inbox: dict[int, list[int]] = defaultdict(list)
    for pk, inbox_id in found.values_list("pk", "inbox_id"):
        by_inbox[inbox_id].append(pk)
    count = 0
    for inbox in Inbox.objects.filter(pk__in=by_inbox).order_by("pk"):
        with inbox.change() as change:
            # Under the lock once more: what its reader has just brought back stays.
            count += change.delete(removable(limits).filter(pk__in=by_inbox[inbox.pk]))
    return count, ids[-1]


def remove_leavings(limits: Limits) -> None:
    """Mutes that are over, messages that were taken back as long ago as what is put away, when older items were seen,
    and jobs that ended as long ago as what has been read."""
    Mute.objects.filter(until__lt=clock.now()).delete()
    if limits.archived_before:
        remove_retracted(limits.archived_before)
    if limits.read_before:
        newest = Sighting.objects.filter(inbox=OuterRef("inbox"), revision__gt=OuterRef("revision"))
        Sighting.objects.filter(Exists(newest), at__lt=limits.read_before).delete()
        old = Job.objects.ended().filter(ended_at__lt=limits.read_before).order_by("ended_at")
        while some := list(old.values_list("pk", flat=True)[:SLICE]):
            Job.objects.filter(pk__in=some).delete()


def remove_retracted(before: datetime) -> None:
    """Messages, and threads of two who have both gone. Pages that have not heard yet that a message was taken back get
    the newest ones anew."""
    old = Message.objects.filter(retracted_at__lt=before)
    for thread in Thread.objects.filter(pk__in=old.values("thread")):
        with thread.change():
            mine = old.filter(thread=thread)
            thread.floor = max(thread.floor, mine.aggregate(last=Max("revision"))["last"] or 0)
            mine.delete()
    Thread.objects.filter(kind=DIRECT, low=None, high=None).delete()
