"""What has become of a broadcast: counted from the readers' own rows of it, so nothing is kept up to date anywhere."""

from dataclasses import dataclass

from django.db.models import Count, F, Q

from .models import Broadcast


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


def numbers_of(broadcast: Broadcast) -> Numbers:
    """As they are now. What was done before it was shown once more does not count."""
    counted = broadcast.copies.aggregate(
        reached=Count("pk"),
        seen=Count("pk", filter=since("seen_at") | since("read_at") | since("dismissed_at") | since("acknowledged_at")),
        read=Count("pk", filter=since("read_at")),
        dismissed=Count("pk", filter=since("dismissed_at")),
        acknowledged=Count("pk", filter=since("acknowledged_at")),
    )
    return Numbers(
        addressed=broadcast.users().count(),
        lacking=broadcast.lacking_acknowledgement().count() if broadcast.asks_acknowledgement else 0,
        online_at_publication=broadcast.online_count,
        online_now=broadcast.rule.online_count(),
        **counted,
    )


def since(name: str) -> Q:
    """Done, and not before it was shown."""
    return Q(**{f"{name}__isnull": False}, shown_revision=F("broadcast__shown_revision"))
