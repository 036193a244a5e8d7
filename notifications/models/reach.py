"""Whom a broadcast has reached: readers on whose page it stood.

A row is two numbers. A reader's own notification of a broadcast is made when they do something with it.
"""

from collections.abc import Iterable

from django.db import models


class Reach(models.Model):
    pk = models.CompositePrimaryKey("inbox_id", "broadcast_id")
    # Written for everybody who has a page open: the database need not look up for each row whether both are there.
    inbox = models.ForeignKey(
        "notifications.Inbox", models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    broadcast = models.ForeignKey(
        "notifications.Broadcast", models.CASCADE, related_name="reaches", db_constraint=False
    )

    def __str__(self) -> str:
        return f"broadcast {self.broadcast_id} has reached inbox {self.inbox_id}"

    @classmethod
    def note(cls, inbox_id: int, broadcast_ids: Iterable[int]) -> None:
        """That these stand on a page of this inbox's reader. Those that it is known of are left alone."""
        ids = set(broadcast_ids)
        if not ids:
            return
        ids.difference_update(cls.objects.filter(inbox=inbox_id, broadcast__in=ids).values_list("broadcast", flat=True))
        rows = [Reach(inbox_id=inbox_id, broadcast_id=one) for one in sorted(ids)]
        Reach.objects.bulk_create(rows, ignore_conflicts=True)
