from django.conf import settings
from django.db import models

from . import clock


class Block(models.Model):
    """A reader wants nothing from somebody: no thread of theirs, and no word of theirs in a room rings."""

    inbox = models.ForeignKey("notifications.Inbox", models.CASCADE, related_name="blocks", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    since = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "user"], name="block_once")]

    def __str__(self) -> str:
        return f"user {self.user_id} blocked by inbox {self.inbox_id}"
