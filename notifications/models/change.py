from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction

from notifications import events

from . import clock
from .notification import Notification, NotificationQuerySet
from .tally import Tally

if TYPE_CHECKING:
    from .inbox import Inbox


class Change:
    """One change of one inbox, under its lock."""

    def __init__(self, inbox: "Inbox"):
        self.inbox = inbox
        self.revision = inbox.revision + 1
        self.is_real = False

    def update(self, rows: NotificationQuerySet, **states: Any) -> int:
        """Write these states to the rows, give them this revision, and move the numbers. How many rows they are."""
        tally = Tally.of_update(rows, self.inbox.seen_revision, states)
        keys = list(rows.values_list("key", flat=True)) if tells(states) else []
        count = rows.update(revision=self.revision, **states)
        if not count:
            return 0
        tally.apply_to(self.inbox)
        self.is_real = True
        if keys:
            transaction.on_commit(partial(tell, self.inbox, states, keys))
        return count

    def bring_back(self, row: Notification) -> None:
        """A snoozed row arrives once more: newest, unread and unseen. What is no longer available asks for nothing."""
        self.inbox.last_arrival = max(self.inbox.last_arrival + 1, clock.microseconds())
        self.update(
            Notification.objects.filter(pk=row.pk),
            read_at=row.read_at if row.unavailable_at else None,
            snoozed_at=None,
            snoozed_until=None,
            returned_at=clock.now(),
            seen_at=None,
            arrival=self.inbox.last_arrival,
            arrived_revision=self.revision,
        )

    def delete(self, rows: NotificationQuerySet) -> int:
        """Remove rows for good. Pages that showed them cannot be told one by one: all get the full list."""
        tally = Tally.of_removal(rows, self.inbox.seen_revision)
        count = rows.count()
        if not count:
            return 0
        rows.delete()
        tally.apply_to(self.inbox)
        self.inbox.floor = self.revision
        self.is_real = True
        return count


def tells(states: dict[str, Any]) -> bool:
    return bool(states.get("read_at") and events.notification_read.has_listeners(Notification)) or bool(
        states.get("retracted_at") and events.notification_retracted.has_listeners(Notification)
    )


def tell(inbox: "Inbox", states: dict[str, Any], keys: list[str]) -> None:
    signal = events.notification_read if "read_at" in states else events.notification_retracted
    events.send(signal, Notification, inbox=inbox, keys=keys)
