"""Stamping: what was committed gets its revision and its place, and the readers' pages are nudged.

``notify()`` inserts rows without a revision, so that its caller's transaction, however long, holds no lock of an inbox.
After that commit a short transaction per batch locks the inboxes in the order of their ids and does the rest. All of it
works on whatever is committed and still unstamped, so doing it twice, or by two processes at once, is harmless, and
the tick does it for writers that died in between.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Greatest

from notifications import events
from notifications.live import push

from .inbox import Inbox
from .notification import Notification, Retraction
from .tally import Tally

BATCH = 2_500  # inboxes; with every statement on the whole batch, and its locks held for some 100 ms
ROWS = 10_000  # notifications in one transaction; SQLite takes 32,766 values in one statement
REACH = 1_000_000  # between the first and the last id of these: as many µs are their arrivals apart


def settle(inbox_ids: Iterable[int]) -> None:
    """Stamp what is pending in these inboxes, and carry out the retractions that wait there."""
    ids = sorted(set(inbox_ids))
    for start in range(0, len(ids), BATCH):
        while _stamp(ids[start : start + BATCH]):
            continue
    wished = Retraction.objects.filter(notification__inbox__in=ids).values_list("notification__inbox_id", flat=True)
    for inbox in Inbox.objects.filter(pk__in=set(wished)).order_by("pk"):
        inbox.carry_out_retractions()


def _stamp(inbox_ids: list[int]) -> bool:
    """Stamp the oldest of what is pending. True when there is more."""
    with transaction.atomic(durable=True):
        revisions = dict(Inbox.objects.filter(pk__in=inbox_ids).locked().values_list("pk", "revision"))
        found = list(
            Notification.objects.pending()
            .filter(inbox__in=inbox_ids)
            .order_by("pk")
            .values_list("pk", "inbox_id", "category")[:ROWS]
        )
        pending = [row for row in found if row[0] - found[0][0] < REACH]
        if not pending:
            return False
        _count_arrivals(pending)
        _place_rows([pk for pk, _, _ in pending])
        arrived = {inbox_id: revisions[inbox_id] + 1 for _, inbox_id, _ in pending}
        transaction.on_commit(partial(push.nudge, arrived), robust=True)
        transaction.on_commit(partial(_tell, [pk for pk, _, _ in pending]), robust=True)
        return len(found) == ROWS or len(pending) < len(found)


def _count_arrivals(pending: list[tuple[int, int, str]]) -> None:
    """Raise revision and numbers of the inboxes; one statement for all to which the same has happened."""
    arrivals: dict[int, Counter[str]] = defaultdict(Counter)
    for _, inbox_id, category in pending:
        arrivals[inbox_id][category] += 1
    alike = defaultdict(list)
    for inbox_id, by_category in arrivals.items():
        alike[frozenset(by_category.items())].append(inbox_id)
    span = pending[-1][0] - pending[0][0]
    for by_category_items, inbox_ids in alike.items():
        Inbox.objects.filter(pk__in=inbox_ids).update(
            revision=F("revision") + 1,
            last_arrival=Greatest(F("last_arrival") + 1, time.time_ns() // 1_000) + span,
            **Tally.of_arrivals(dict(by_category_items)).as_update(),
        )


def _place_rows(pks: list[int]) -> None:
    """Give the rows their revision, and arrivals that grow with their ids and end at the inbox's last one."""
    inbox = Inbox.objects.filter(pk=OuterRef("inbox"))
    revision, last_arrival = Subquery(inbox.values("revision")), Subquery(inbox.values("last_arrival"))
    Notification.objects.filter(pk__in=pks).update(
        revision=revision, arrived_revision=revision, arrival=last_arrival - (pks[-1] - F("pk"))
    )


def _tell(pks: list[int]) -> None:
    if events.notification_delivered.has_listeners(Notification):
        arrived = Notification.objects.filter(pk__in=pks)
        events.send(events.notification_delivered, Notification, notifications=arrived)
