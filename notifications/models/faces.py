"""Faces: the pictures of those who have done something, beside what they did.

Whose users have pictures, says so by two attributes of the user model: ``avatar_url``, the address of the picture or
nothing, and ``avatar_fields``, the columns that it is made of. Other user models have none, and cost nothing.
"""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from .inbox import Inbox
from .notification import Notification, NotificationQuerySet
from .rewriting import rewrite
from .thread import Thread

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
    inbox = Inbox.objects.of(actor)
    inbox.refresh_for_reader()
    for thread in Thread.objects.followed_by(inbox):
        thread.renew_face(actor)
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
    place = Window(RowNumber(), partition_by=F("inbox"), order_by=F("arrival").desc())
    rewrite(rows_of(actor).filter(inbox__in=inbox_ids).annotate(place=place).filter(place__lte=NEWEST), inbox_ids)


def rows_of(actor: Any) -> NotificationQuerySet:
    return Notification.objects.listed().filter(actor=actor, broadcast=None)
