from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models

from . import clock

CREATED, EDITED, SHOWN_AGAIN = "created", "edited", "shown again"
REMINDING, REMINDED = "reminding", "reminded"  # begun; done
NAME_LIMIT = 150


class BroadcastEvent(models.Model):
    """What somebody did with a broadcast: for staff, who want to know who and when."""

    broadcast = models.ForeignKey("notifications.Broadcast", models.CASCADE, related_name="events")
    at = models.DateTimeField(default=clock.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=NAME_LIMIT, blank=True)  # empty: the clock
    what = models.CharField(max_length=20)
    changes = models.JSONField(default=dict)  # field: [before, after]

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.what} by {self.by_name or 'the clock'}"

    @classmethod
    def note(cls, broadcast: Any, what: str, by: Any = None, changes: dict[str, Any] | None = None) -> Self:
        return cls.objects.create(
            broadcast=broadcast, at=clock.now(), what=what, by=by, by_name=name_of(by), changes=changes or {}
        )

    @classmethod
    def unfinished_reminders(cls, older_than: timedelta = timedelta(0)) -> models.QuerySet[Self]:
        """Begun that long ago and not done: whoever had to, may have died."""
        begun = cls.objects.filter(what=REMINDING, at__lte=clock.now() - older_than)
        return begun.select_related("broadcast", "by").order_by("pk")

    def finish_reminder(self) -> None:
        type(self).objects.filter(pk=self.pk, what=REMINDING).update(what=REMINDED)


def name_of(user: Any) -> str:
    """As it stands in the history, also when the account is gone."""
    return (user.get_full_name() or user.get_username())[:NAME_LIMIT] if user else ""
