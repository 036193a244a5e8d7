from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import Max

from notifications.models import Notification


class Sent(list[Notification]):
    """What was sent inside of the block, oldest first, rolled-back ones left out."""

    def to(self, recipient: Any) -> list[Notification]:
        return [notification for notification in self if notification.inbox.user_id == recipient.pk]


@contextmanager
def capture_notifications() -> Iterator[Sent]:
    """``with capture_notifications() as sent:``; afterwards ``sent`` is a list of notifications.

    Works in ``TestCase`` as well: it asks the database, and needs no commit.
    """
    sent = Sent()
    before = Notification.objects.aggregate(last=Max("pk"))["last"] or 0
    yield sent
    sent.extend(Notification.objects.filter(pk__gt=before).select_related("inbox").order_by("pk"))
