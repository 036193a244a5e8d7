"""Rows of many inboxes that show something else now, and move no number by it."""

from collections.abc import Collection
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F

from notifications.live import push

from .inbox import Inbox
from .notification import Notification, NotificationQuerySet
from .stamping import of_inbox


def rewrite(rows: NotificationQuerySet, inbox_ids: Collection[int], **columns: Any) -> None:
    """One more revision for those of these inboxes that have some of the rows, and for these rows, with new values in
    these columns; under their locks: as any other change, but for many at once. Rows that wait for their stamp are not
    among them."""
    rows = rows.stamped()
    with transaction.atomic(durable=True):
        revisions = dict(Inbox.objects.filter(pk__in=inbox_ids).locked().values_list("pk", "revision"))
        found = dict(rows.filter(inbox__in=revisions).values_list("pk", "inbox"))
        changed = {pk: revisions[pk] + 1 for pk in set(found.values())}
        Inbox.objects.filter(pk__in=changed).update(revision=F("revision") + 1)
        Notification.objects.filter(pk__in=found).update(revision=of_inbox("revision"), **columns)
        transaction.on_commit(partial(push.nudge, changed), robust=True)
