from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q

from . import clock

CATEGORY, CONVERSATION, OBJECT = "category", "conversation", "object"


class MuteQuerySet(models.QuerySet["Mute"]):
    def in_force(self) -> "MuteQuerySet":
        return self.filter(Q(until=None) | Q(until__gt=clock.now()))

    def about(self, *, category: str, group_key: str, target: str) -> "MuteQuerySet":
        """Those that silence a notification of this category, conversation and object."""
        wanted = Q(kind=CATEGORY, name=category)
        if group_key:
            wanted |= Q(kind=CONVERSATION, name=group_key)
        if target:
            wanted |= Q(kind=OBJECT, name=target)
        return self.in_force().filter(wanted)


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
    def put(cls, inbox: Any, kind: str, name: str, label: str = "", until: datetime | None = None) -> None:
        cls.objects.update_or_create(inbox=inbox, kind=kind, name=name, defaults={"label": label, "until": until})
