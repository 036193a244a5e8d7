"""Who is here: inboxes that have a socket somewhere. Each process renews its own, many in one statement."""

from collections.abc import Collection
from datetime import timedelta

from django.db import models

from . import clock

LASTS = timedelta(seconds=50)  # after the last renewal; a process that dies takes its readers along that late


class Presence(models.Model):
    inbox = models.OneToOneField("notifications.Inbox", models.CASCADE, primary_key=True)
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"inbox {self.inbox_id} until {self.until}"

    @classmethod
    def renew(cls, inbox_ids: Collection[int]) -> None:
        until = clock.now() + LASTS
        Presence.objects.bulk_create(
            [Presence(inbox_id=inbox_id, until=until) for inbox_id in sorted(inbox_ids)],
            batch_size=400,
            update_conflicts=True,
            update_fields=["until"],
            unique_fields=["inbox"],
        )

    @classmethod
    def online(cls) -> models.QuerySet["Presence"]:
        return cls.objects.filter(until__gt=clock.now())
