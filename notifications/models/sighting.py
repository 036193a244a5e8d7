from django.db import models

from . import clock


class Sighting(models.Model):
    """A reader opened the bell: everything that had arrived by this revision was seen at this time."""

    inbox = models.ForeignKey("notifications.Inbox", models.CASCADE, related_name="sightings", db_index=False)
    revision = models.BigIntegerField()
    at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [models.Index(fields=["inbox", "revision"], name="sighting_revision")]

    def __str__(self) -> str:
        return f"inbox {self.inbox_id} seen up to {self.revision}"
