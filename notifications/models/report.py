from typing import Any

from django.conf import settings
from django.db import models

from . import clock

REASON_LIMIT = 500


class ReportQuerySet(models.QuerySet["Report"]):
    def waiting(self) -> "ReportQuerySet":
        return self.filter(closed_at=None)


class Report(models.Model):
    """A reader tells staff of a message. It holds what the message said then: staff see that, and nothing else of a
    thread that is not theirs."""

    message = models.ForeignKey("notifications.Message", models.SET_NULL, null=True, related_name="reports")
    reporter = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    reporter_name = models.CharField(max_length=150)
    author_name = models.CharField(max_length=150)
    where = models.CharField(max_length=200, blank=True)  # the room's title; empty: in private
    body = models.TextField()  # as it was
    reason = models.CharField(max_length=REASON_LIMIT, blank=True)
    reported_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by_name = models.CharField(max_length=150, blank=True)

    objects = ReportQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "reporter"], name="report_once")]

    def __str__(self) -> str:
        return f"{self.author_name}: {self.body[:60]}"

    def close(self, by: Any) -> None:
        """Staff have looked at it."""
        rows = Report.objects.waiting().filter(pk=self.pk)
        rows.update(closed_at=clock.now(), closed_by_name=str(by)[:150])
