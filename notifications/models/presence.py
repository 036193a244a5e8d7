"""Who is here: inboxes that have a socket somewhere. Each process renews its own, many in one statement."""

from collections.abc import Collection
from datetime import timedelta

from django.db import models, transaction

from . import clock

LASTS = timedelta(seconds=50)  # after the last renewal; a process that dies takes its readers along that late


class Presence(models.Model):
    inbox = models.OneToOneField("notifications.Inbox", models.CASCADE, primary_key=True)
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"inbox {self.inbox_id} until {self.until}"

    @classmethod
    def renew(cls, inbox_ids: Collection[int]) -> None:
        """Locked in order: other processes renew some of the same ones."""
        until, wanted = clock.now() + LASTS, set(inbox_ids)
        with transaction.atomic():
            there = cls.objects.select_for_update().filter(inbox__pk__any_of=wanted).order_by("pk")
            known = set(there.values_list("pk", flat=True))
            if known:
                cls.objects.filter(inbox__pk__any_of=known).update(until=until)
            new = [Presence(inbox_id=inbox_id, until=until) for inbox_id in sorted(wanted - known)]
            Presence.objects.bulk_create(new, batch_size=400, ignore_conflicts=True)

    @classmethod
    def online(cls) -> models.QuerySet["Presence"]:
        """Those who may be seen."""
        return cls.objects.filter(until__gt=clock.now(), inbox__is_invisible=False)
