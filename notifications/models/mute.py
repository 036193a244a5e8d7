from datetime import datetime
from functools import cache
from typing import Any

from django.db import models
from django.db.models import Q

from . import clock
from .prepared import Prepared

CATEGORY, CONVERSATION, OBJECT = "category", "conversation", "object"


class MuteQuerySet(models.QuerySet["Mute"]):
    def in_force(self, moment: datetime | None = None) -> "MuteQuerySet":
        return self.filter(Q(until=None) | Q(until__gt=moment or clock.now()))

    def about(self, *, category: str, group_key: str, target: str, moment: datetime | None = None) -> "MuteQuerySet":
        """Those that silence a notification of this category, conversation and object."""
        wanted = Q(kind=CATEGORY, name=category)
        if group_key:
            wanted |= Q(kind=CONVERSATION, name=group_key)
        if target:
            wanted |= Q(kind=OBJECT, name=target)
        return self.in_force(moment).filter(wanted)


class Mute(models.Model):
    """Something of which a reader wants nothing more: a category, a conversation (a group key) or an object (a target).

    What has been delivered stays. Required categories ring all the same.
    """

    inbox = models.ForeignKey("notifications.Inbox", models.CASCADE, related_name="mutes", db_index=False)
    kind = models.CharField(max_length=12, default=CATEGORY)
    name = models.CharField(max_length=200)
    label = models.CharField(max_length=200, blank=True)  # as the reader knew it when they muted it
    until = models.DateTimeField(null=True)  # empty: always

    objects = MuteQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "kind", "name"], name="mute_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} muted in inbox {self.inbox_id}"

    @classmethod
    def silences(cls, inbox_id: int, *, category: str, group_key: str, target: str) -> bool:
        """Whether one of this inbox silences a notification of this category, conversation and object."""
        asking = silencing(bool(group_key), bool(target))
        return bool(asking(inbox_id, clock.now(), category, group_key, target))

    @classmethod
    def put(cls, inbox: Any, kind: str, name: str, label: str = "", until: datetime | None = None) -> None:
        cls.objects.update_or_create(inbox=inbox, kind=kind, name=name, defaults={"label": label, "until": until})


@cache
def silencing(has_group: bool, has_target: bool) -> Prepared:
    """Of an inbox, at a moment: finds what silences a category, a conversation and an object."""

    def query(inbox_id: int, moment: datetime, category: str, group_key: str, target: str) -> Any:
        about = {"category": category, "group_key": group_key * has_group, "target": target * has_target}
        return Mute.objects.about(**about, moment=moment).filter(inbox=inbox_id).values("pk")[:1].query

    return Prepared(Mute, query)
