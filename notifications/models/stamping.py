"""Stamping: what was committed gets its revision and its place, and the readers' pages are nudged.

``notify()`` inserts rows without a revision, so that its caller's transaction, however long, holds no lock of an inbox.
After that commit a short transaction per batch locks the inboxes in the order of their ids and does the rest. All of it
works on whatever is committed and still unstamped, so doing it twice, or by two processes at once, is harmless, and
the tick does it for writers that died in between.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple, Self

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce, Greatest

from notifications import events
from notifications.live import push

from . import clock, grouping
from .grouping import Arrival
from .inbox import Inbox
from .notification import Notification, Retraction
from .prepared import Prepared, updating
from .tally import Tally, places

BATCH = 2_500  # inboxes; with every statement on the whole batch, and its locks held for some 100 ms
ROWS = 10_000  # notifications in one transaction; SQLite takes 32,766 values in one statement
REACH = 1_000_000  # between the first and the last id of these: as many µs are their arrivals apart


def settle(inbox_ids: Iterable[int]) -> None:
    """Stamp what is pending in these inboxes, and carry out the retractions that wait there."""
    ids = sorted(set(inbox_ids))
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        while _stamp(batch):
            continue
        if len(batch) > 1 or WISHES(*batch):
            _carry_out_retractions(batch)


def _carry_out_retractions(inbox_ids: list[int]) -> None:
    wished = Retraction.objects.filter(notification__inbox__in=inbox_ids).values_list("notification__inbox_id")
    for inbox in Inbox.objects.filter(pk__in=wished).order_by("pk"):
        inbox.carry_out_retractions()


def _stamp(inbox_ids: list[int]) -> bool:
    """Stamp the oldest of what is pending. True when there is more."""
    with transaction.atomic(durable=True):
        inboxes = locked(inbox_ids)
        found = pending_in(inbox_ids)
        pending = [row for row in found if row.pk - found[0].pk < REACH]
        if not pending:
            return False
        if len(inboxes) == len(found) == 1 and not pending[0].group_key:
            [inbox], [row] = inboxes.values(), pending
            _stamp_one(inbox, row)
            return False
        grouped = [row for row in pending if row.group_key]
        gathered = grouping.Gathered()
        if grouped:
            gathered = grouping.gather(grouped, {pk: inbox.seen_revision for pk, inbox in inboxes.items()})
        pks = [row.pk for row in pending]
        ends = Ends.of(list(inboxes.values()), span=pks[-1] - pks[0])
        _count_arrivals(pending, gathered, ends)
        _place_rows(pks, ends)
        if gathered.superseded:
            _supersede(gathered.superseded, ends)
        arrived = {row.inbox_id: inboxes[row.inbox_id].revision + 1 for row in pending}
        transaction.on_commit(partial(push.nudge, arrived), robust=True)
        transaction.on_commit(partial(_tell, pks), robust=True)
        return len(found) == ROWS or len(pending) < len(found)


class Locked(NamedTuple):
    """An inbox as it is under its lock."""

    pk: int
    revision: int
    seen_revision: int
    last_arrival: int


def locked(inbox_ids: list[int]) -> dict[int, Locked]:
    if len(inbox_ids) == 1:
        rows = LOCKED(*inbox_ids)
    else:
        rows = Inbox.objects.filter(pk__in=inbox_ids).locked().values_list(*Locked._fields)
    return {row[0]: Locked(*row) for row in rows}


def pending_in(inbox_ids: list[int]) -> list[Arrival]:
    """The oldest of them."""
    if len(inbox_ids) == 1:
        rows = PENDING(*inbox_ids)
    else:
        waiting = Notification.objects.pending().filter(inbox__in=inbox_ids)
        rows = waiting.order_by("pk").values_list(*Arrival._fields)
    return [Arrival(*row) for row in rows[:ROWS]]


def _stamp_one(inbox: Locked, row: Arrival) -> None:
    """What happens most, one new row in one inbox, with statements that are made once."""
    revision, arrival = inbox.revision + 1, max(inbox.last_arrival + 1, clock.microseconds())
    counting(row.category)(revision, arrival, inbox.pk)
    PLACING(revision, arrival, clock.now(), row.pk)
    transaction.on_commit(partial(push.nudge, {inbox.pk: revision}), robust=True)
    transaction.on_commit(partial(_tell, [row.pk]), robust=True)


LOCKED = Prepared(Inbox, lambda pk: Inbox.objects.filter(pk=pk).locked().values_list(*Locked._fields).query)
PENDING = Prepared(
    Notification,
    lambda inbox: (
        Notification.objects.pending().filter(inbox=inbox).order_by("pk").values_list(*Arrival._fields)[:ROWS].query
    ),
)
WISHES = Prepared(Retraction, lambda inbox: Retraction.objects.filter(notification__inbox=inbox).values("pk")[:1].query)
PLACING = Prepared(
    Notification,
    lambda revision, arrival, moment, pk: updating(
        Notification.objects.filter(pk=pk),
        revision=revision,
        arrived_revision=revision,
        arrival=arrival,
        delivered_at=moment,
    ),
)


@cache
def counting(category: str) -> Prepared:
    """Raises the numbers of an inbox by an arrival of that category."""
    tally = Tally()
    tally.add(places({"category": category, "is_new": True}), 1)
    return Prepared(
        Inbox,
        lambda revision, arrival, pk: updating(
            Inbox.objects.filter(pk=pk), revision=revision, last_arrival=arrival, **tally.as_update()
        ),
    )


@dataclass(frozen=True)
class Ends:
    """Where the inboxes stand afterwards. Of one inbox we know it; for many the database looks, row by row."""

    next_arrival: Any  # for the inboxes
    revision: Any  # for their notifications
    last_arrival: Any

    @classmethod
    def of(cls, inboxes: list[Locked], span: int) -> Self:
        moment = clock.microseconds()
        if len(inboxes) == 1:
            end = max(inboxes[0].last_arrival + 1, moment) + span
            return cls(end, inboxes[0].revision + 1, end)
        return cls(Greatest(F("last_arrival") + 1, moment) + span, of_inbox("revision"), of_inbox("last_arrival"))


def of_inbox(column: str) -> Subquery:
    return Subquery(Inbox.objects.filter(pk=OuterRef("inbox")).values(column))


def _count_arrivals(pending: list[Any], gathered: grouping.Gathered, ends: Ends) -> None:
    """Raise revision and numbers of the inboxes; one statement for all to which the same has happened."""
    tallies: dict[int, Tally] = defaultdict(Tally)
    for row in pending:
        tally = tallies[row.inbox_id]
        if row.pk not in gathered.superseded:
            tally.add(places({"category": row.category, "is_new": True, "is_saved": row.pk in gathered.saved}), 1)
    for inbox_id, left in gathered.left.items():
        tallies[inbox_id].subtract(left)
    alike = defaultdict(list)
    for inbox_id, tally in tallies.items():
        alike[frozenset(tally.items())].append(inbox_id)
    for numbers, inbox_ids in alike.items():
        Inbox.objects.filter(pk__in=inbox_ids).update(
            revision=F("revision") + 1,
            last_arrival=ends.next_arrival,
            **Tally(dict(numbers)).as_update(),
        )


def _place_rows(pks: list[int], ends: Ends) -> None:
    """Give the rows their revision, and arrivals that grow with their ids and end at the inbox's last one."""
    Notification.objects.filter(pk__in=pks).update(
        revision=ends.revision,
        arrived_revision=ends.revision,
        arrival=ends.last_arrival - (pks[-1] - F("pk")),
        delivered_at=clock.now(),
    )


def _supersede(pks: set[int], ends: Ends) -> None:
    """They leave the lists for a newer event of their group, which is named after the first of them."""
    Notification.objects.filter(pk__in=pks).update(
        revision=ends.revision, superseded_at=clock.now(), group_id=Coalesce(F("group_id"), F("pk"))
    )


def _tell(pks: list[int]) -> None:
    if events.notification_delivered.has_listeners(Notification):
        arrived = Notification.objects.filter(pk__in=pks)
        events.send(events.notification_delivered, Notification, notifications=arrived)
