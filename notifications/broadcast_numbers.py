"""What has become of a broadcast: counted from the readers' own rows of it, so nothing is kept up to date anywhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import TruncDay, TruncHour, TruncMinute

from .models import Broadcast, Reach, clock

T = TypeVar("T")

COSTLY = 0.05  # seconds; what takes longer is not counted anew for every page that asks each 3 s
RESTS = 10  # times as long as it took, in which it is not

_kept: dict[tuple[object, ...], tuple[float, Any]] = {}
KEPT_LIMIT = 100


def rests_when_costly(count: Callable[[Broadcast], T]) -> Callable[[Broadcast], T]:
    """Counting takes time in proportion to the readers. With many of them the numbers are some seconds old."""

    @wraps(count)
    def counted(broadcast: Broadcast) -> T:
        key = (count, broadcast.pk, broadcast.version, broadcast.state, broadcast.revision)
        until, found = _kept.get(key, (0.0, None))
        began = time.monotonic()
        if began < until:
            return found
        found = count(broadcast)
        took = time.monotonic() - began
        if took > COSTLY:
            if len(_kept) >= KEPT_LIMIT:
                _kept.clear()
            _kept[key] = began + took * (1 + RESTS), found
        return found

    return counted


@dataclass(frozen=True)
class Numbers:
    addressed: int
    reached: int  # have it in their inbox, or had it on a page
    seen: int
    read: int
    dismissed: int
    acknowledged: int
    lacking: int  # of those addressed now, who have not said that they have read it
    online_at_publication: int | None
    online_now: int


@rests_when_costly
def numbers_of(broadcast: Broadcast) -> Numbers:
    """As they are now. What was done before it was shown once more does not count."""
    counted = broadcast.copies.aggregate(
        seen=Count("pk", filter=since("seen_at") | since("read_at") | since("dismissed_at") | since("acknowledged_at")),
        read=Count("pk", filter=since("read_at")),
        dismissed=Count("pk", filter=since("dismissed_at")),
        acknowledged=Count("pk", filter=since("acknowledged_at")),
    )
    return Numbers(
        addressed=addressed_by(broadcast),
        lacking=broadcast.lacking_acknowledgement().count() if broadcast.asks_acknowledgement else 0,
        online_at_publication=broadcast.online_count,
        online_now=broadcast.rule.online_count(),
        reached=reached_by(broadcast),
        **counted,
    )


def reached_by(broadcast: Broadcast) -> int:
    """Those who have done something with it, though it stood on no page of theirs, included."""
    noted = Reach.objects.filter(inbox=OuterRef("inbox"), broadcast=broadcast)
    return broadcast.reaches.count() + broadcast.copies.exclude(Exists(noted)).count()


def addressed_by(broadcast: Broadcast) -> int:
    """Those who have still to be looked up by their names included."""
    return broadcast.content.reach()[0] if broadcast.names else broadcast.users().count()


def since(name: str) -> Q:
    """Done, and not before it was shown."""
    return Q(**{f"{name}__isnull": False}, shown_revision=F("broadcast__shown_revision"))


#: How finely reading is counted over time: the longest time for which that is fine enough, and the step.
STEPS = ((timedelta(hours=3), TruncMinute), (timedelta(days=7), TruncHour), (None, TruncDay))


@rests_when_costly
def readings_of(broadcast: Broadcast) -> list[tuple[datetime, int]]:
    """How many had read it by then: from its publication until it left or until now, first and last included."""
    start = broadcast.published_at
    if start is None:
        return []
    end = max(start, broadcast.left_at or clock.now())  # clocks may jump
    step = next(step for limit, step in STEPS if limit is None or end - start <= limit)
    rows = broadcast.copies.filter(since("read_at")).annotate(at=step("read_at"))
    points, total = [(start, 0)], 0
    for at, count in rows.values_list("at").annotate(count=Count("pk")).order_by("at"):
        total += count
        points.append((min(max(start, at), end), total))
    return [*points, (end, total)]
