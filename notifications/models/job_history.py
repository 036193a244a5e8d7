"""What has become of a job's attempts, and what they wrote into its log."""

from typing import TYPE_CHECKING, Any

from django.db import models

from . import clock
from .job_states import STATES
from .job_words import translated

if TYPE_CHECKING:
    from .job import Job

LINES_KEPT = 1_000  # of a job's log; older ones go
LINE_LIMIT = 500  # characters


class JobAttempt(models.Model):
    job = models.ForeignKey("notifications.Job", models.CASCADE, related_name="attempts", db_index=False)
    number = models.IntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=12, blank=True)  # a state; empty while it is under way
    error = models.CharField(max_length=1000, blank=True)
    error_params = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="job_attempt_once")]
        ordering = ["number"]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.job_id}"

    @property
    def ending_text(self) -> str:
        return str(STATES.get(self.ending, ""))

    @property
    def error_text(self) -> str:
        return translated(self.error, self.error_params)

    @classmethod
    def end(cls, job: "Job", ending: str) -> None:
        rows = cls.objects.filter(job=job, number=job.attempt, ended_at=None)
        said: dict[str, Any] = {"error": job.error[:1000], "error_params": job.error_params}
        rows.update(ended_at=clock.now(), ending=ending, **said)


class JobLine(models.Model):
    job = models.ForeignKey("notifications.Job", models.CASCADE, related_name="lines", db_index=False)
    number = models.IntegerField()  # 1 is the first that was ever written
    attempt = models.IntegerField()
    at = models.DateTimeField()
    text = models.CharField(max_length=LINE_LIMIT)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="job_line_once")]
        ordering = ["number"]

    def __str__(self) -> str:
        return self.text

    @classmethod
    def add(cls, job: "Job", texts: list[str], count: int) -> None:
        """Write these as the last of ``count`` lines, in the transaction that has counted them."""
        if not texts:
            return
        first, moment = count - len(texts) + 1, clock.now()
        JobLine.objects.bulk_create(
            [
                JobLine(job=job, number=first + i, attempt=job.attempt, at=moment, text=text[:LINE_LIMIT])
                for i, text in enumerate(texts)
            ]
        )
        if count > LINES_KEPT:
            cls.objects.filter(job=job, number__lte=count - LINES_KEPT).delete()
