"""Faces: the pictures of those who have done something, beside what they did.

Whose users have pictures, says so by two attributes of the user model: ``avatar_url``, the address of the picture or
nothing, and ``avatar_fields``, the columns that it is made of. Other user models have none, and cost nothing.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from notifications.live import push

from .inbox import Inbox
from .notification import Notification, NotificationQuerySet
from .stamping import of_inbox

INBOXES = 100  # in one transaction
NEWEST = 100  # rows of an inbox that learn of it; older ones show it when their page is loaded anew


def are_known() -> bool:
    """Whether the site's users have pictures."""
    return hasattr(get_user_model(), "avatar_url")


def inboxes_with(actor: Any) -> int:
    """How many inboxes have something that this user did."""
    return rows_of(actor).order_by().values("inbox").distinct().count()


def renew_face(actor: Any) -> Iterator[int]:
    """Let open pages, and those that are away, get the newest rows of this user anew. Yields how many inboxes are done.

    Doing it twice does no harm, nor does ending in between. This user's own pages show it in the header: they get
    everything anew.
    """
    Inbox.objects.of(actor).refresh_for_reader()
    last = 0
    while True:
        later = rows_of(actor).filter(inbox__gt=last).order_by("inbox").values_list("inbox", flat=True)
        inbox_ids = list(later.distinct()[:INBOXES])
        if not inbox_ids:
            return
        last = inbox_ids[-1]
        renew_rows(actor, inbox_ids)
        yield len(inbox_ids)


def renew_rows(actor: Any, inbox_ids: list[int]) -> None:
    """One more revision for each of these inboxes and for their rows, under their locks: as any other change, but for
    many at once. No number of theirs moves by it."""
    with transaction.atomic(durable=True):
        revisions = dict(Inbox.objects.filter(pk__in=inbox_ids).locked().values_list("pk", "revision"))
        place = Window(RowNumber(), partition_by=F("inbox"), order_by=F("arrival").desc())
        newest = rows_of(actor).filter(inbox__in=revisions).annotate(place=place).filter(place__lte=NEWEST)
        found = dict(newest.values_list("pk", "inbox"))
        changed = {pk: revisions[pk] + 1 for pk in set(found.values())}
        Inbox.objects.filter(pk__in=changed).update(revision=F("revision") + 1)
        Notification.objects.filter(pk__in=found).update(revision=of_inbox("revision"))
        transaction.on_commit(partial(push.nudge, changed), robust=True)


def rows_of(actor: Any) -> NotificationQuerySet:
    return Notification.objects.listed().filter(actor=actor, broadcast=None)
