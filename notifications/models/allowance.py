from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.db import models
from django.db.models import Case, F, Value, When

from . import clock


@dataclass(frozen=True)
class Limit:
    """At most ``count`` at once, and as many again spread over ``seconds``."""

    name: str
    count: int
    seconds: int

    @property
    def price(self) -> timedelta:
        return timedelta(seconds=self.seconds / self.count)


MESSAGES = Limit("messages", 30, 60)
NEW_THREADS = Limit("new threads", 20, 3600)
NEW_ROOMS = Limit("new rooms", 10, 3600)
INVITATIONS = Limit("invitations", 100, 3600)
REPORTS = Limit("reports", 20, 3600)


class TooFast(Exception):
    """More than a reader may say in that time. Nothing was written."""

    def __init__(self, wait: int):
        super().__init__(f"Wait {wait} seconds.")
        self.wait = wait  # seconds


class Allowance(models.Model):
    """How much of a limit a reader has used up, written as one moment: when nothing of it will be used any more. Each
    use puts it off by its price, so nothing has to be counted or reset; and in one statement, so that fifty at once are
    no more than fifty one after the other."""

    inbox = models.ForeignKey("notifications.Inbox", models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=20)
    free_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "name"], name="allowance_once")]

    def __str__(self) -> str:
        return f"{self.name} of inbox {self.inbox_id}"

    @classmethod
    def spend(cls, inbox_id: int, limit: Limit) -> None:
        """Raises TooFast where nothing is left."""
        moment = clock.now()
        latest = moment + timedelta(seconds=limit.seconds) - limit.price
        mine = cls.objects.filter(inbox=inbox_id, name=limit.name)
        spent: datetime | Case = Case(When(free_at__gt=moment, then=F("free_at")), default=Value(moment))
        if not mine.filter(free_at__lte=latest).update(free_at=spent + limit.price):
            fresh = Allowance(inbox_id=inbox_id, name=limit.name, free_at=moment)
            Allowance.objects.bulk_create([fresh], ignore_conflicts=True)
            if not mine.filter(free_at__lte=latest).update(free_at=spent + limit.price):
                free_at = mine.values_list("free_at", flat=True).first() or moment
                raise TooFast(max(1, ceil((free_at - latest).total_seconds())))

    @classmethod
    def remove_unused(cls) -> None:
        """Of which nothing is used up any more: as good as none."""
        cls.objects.filter(free_at__lt=clock.now()).delete()
