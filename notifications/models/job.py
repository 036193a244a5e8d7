"""Jobs: background work that its owner watches. The row is the truth about it, whatever became of the worker.

A job is done in attempts. Whoever does one has claimed it, and writes under its number: what a worker that was given up
on still writes, finds another number and changes nothing. Each change raises the job's own ``version``; the latest one
wins, so a page need never see those in between.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse

from notifications.live import push

from . import clock
from .bulk import update_returning
from .job_history import JobAttempt, JobLine
from .job_states import CANCELLED, CANCELLING, FAILED, LOST, QUEUED, RETRYING, RUNNING, STATES, WAITING, WORKING
from .job_words import JobWords, plain, plain_params

JOB_START = "job-"  # of the keys of notifications
FORCE_AFTER = timedelta(seconds=60)  # in cancelling, after which a job can be ended whatever it does
SEND_AGAIN = timedelta(seconds=60)  # a queued job, and twice as late each time
SEND_AGAIN_LIMIT = timedelta(hours=1)
DOUBLINGS = 6  # reach that limit; one that waits for days has been sent more often than a timedelta can be doubled


class JobQuerySet(models.QuerySet["Job"]):
    def active(self) -> "JobQuerySet":
        return self.filter(ended_at=None)

    def ended(self) -> "JobQuerySet":
        return self.filter(ended_at__isnull=False)

    def due(self) -> "JobQuerySet":
        """Waiting, and to be sent to a worker by now."""
        return self.active().filter(state__in=WAITING, send_at__lte=clock.now())

    def due_for(self, span: timedelta) -> "JobQuerySet":
        """Queued for that long, and still nobody has taken them."""
        return self.active().filter(state=QUEUED, queued_at__lt=clock.now() - span)

    def working(self) -> "JobQuerySet":
        """Those that a worker is at."""
        return self.active().filter(state__in=WORKING, is_branched=False)

    def listed(self) -> "JobQuerySet":
        """Branches stand in no list."""
        return self.filter(branch_of=None)

    def expired(self) -> "JobQuerySet":
        """Those whose files are to be removed."""
        return self.filter(expires_at__lte=clock.now()).exclude(result_file="", upload_file="")


class Job(JobWords, models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    inbox = models.ForeignKey("notifications.Inbox", models.CASCADE, related_name="jobs", db_index=False)
    task = models.CharField(max_length=200, blank=True)  # empty: no worker does it, but the process that made it
    args = models.JSONField(default=list, blank=True)
    kwargs = models.JSONField(default=dict, blank=True)
    title = models.CharField(max_length=200)
    title_params = models.JSONField(default=dict, blank=True)
    key = models.CharField(max_length=100, blank=True)
    retry_of = models.OneToOneField("self", models.SET_NULL, null=True, blank=True, related_name="retried_by")

    branch_of = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="branches")
    is_branched = models.BooleanField(default=False)  # its own code is through, and its branches are not

    state = models.CharField(max_length=12, default=QUEUED, choices=list(STATES.items()))
    version = models.BigIntegerField(default=1)
    attempt = models.IntegerField(default=0)  # the one that is under way, or was last
    max_attempts = models.IntegerField(default=1)
    restarts = models.BooleanField(default=False)  # whether it may begin anew by itself when its worker is lost
    time_limit = models.FloatField(null=True, blank=True)  # seconds for one attempt; empty: none
    heartbeat = models.BigIntegerField(default=0)  # grows while a worker is at it

    current = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True, blank=True)
    fraction = models.FloatField(null=True, blank=True)  # of the whole; empty: not known
    phase = models.IntegerField(default=0)
    phase_count = models.IntegerField(default=0)
    phase_title = models.CharField(max_length=200, blank=True)
    message = models.CharField(max_length=500, blank=True)
    message_params = models.JSONField(default=dict, blank=True)
    error = models.CharField(max_length=1000, blank=True)
    error_params = models.JSONField(default=dict, blank=True)
    line_count = models.IntegerField(default=0)  # of its log, those included that are kept no more

    result_label = models.CharField(max_length=200, blank=True)
    result_url = models.CharField(max_length=2000, blank=True)
    result_file = models.CharField(max_length=500, blank=True)  # its name in the private storage
    result_size = models.BigIntegerField(null=True, blank=True)  # bytes
    upload_file = models.CharField(max_length=500, blank=True)  # what it works on, in the private storage
    expires_at = models.DateTimeField(null=True, blank=True)  # of the files

    queued_at = models.DateTimeField()
    send_at = models.DateTimeField(null=True, blank=True)  # when the tick sends it to a worker (again)
    sent = models.IntegerField(default=0)  # how often it has done so for this attempt
    started_at = models.DateTimeField(null=True, blank=True)  # this attempt
    changed_at = models.DateTimeField()
    cancel_wished_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        permissions = [("watch_jobs", "Can see, cancel, repeat and download everybody's jobs")]
        constraints = [
            models.UniqueConstraint(
                fields=["inbox", "key"], name="job_key_once_while_active", condition=Q(ended_at=None) & ~Q(key="")
            )
        ]
        indexes = [
            models.Index(fields=["inbox", "-queued_at"], name="job_of_inbox"),
            models.Index(fields=["inbox"], name="job_active", condition=Q(ended_at=None)),
            models.Index(fields=["send_at"], name="job_due", condition=Q(ended_at=None, send_at__isnull=False)),
            models.Index(fields=["expires_at"], name="job_expiry", condition=~Q(result_file="", upload_file="")),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.state})"

    def get_absolute_url(self) -> str:
        return reverse("notifications:job", args=[self.pk])

    @property
    def owner(self) -> Any:
        return self.inbox.user

    @property
    def is_active(self) -> bool:
        return self.ended_at is None

    @property
    def is_waiting(self) -> bool:
        return self.state in WAITING

    @property
    def is_working(self) -> bool:
        return self.state in WORKING

    @property
    def time_spent(self) -> timedelta:
        """In this attempt, until now or its end."""
        return (self.ended_at or clock.now()) - self.started_at if self.started_at else timedelta()

    @property
    def has_expired(self) -> bool:
        """Whether it had a file that is kept no more."""
        return self.result_size is not None and not self.result_file

    @property
    def can_be_cancelled(self) -> bool:
        return self.is_active and self.state != CANCELLING

    @property
    def can_be_forced_at(self) -> Any:
        """When it can be ended by force; None where that is no question."""
        return self.cancel_wished_at + FORCE_AFTER if self.state == CANCELLING and self.cancel_wished_at else None

    @property
    def can_be_forced(self) -> bool:
        return self.can_be_forced_at is not None and clock.now() >= self.can_be_forced_at

    @property
    def can_be_retried(self) -> bool:
        can = self.state in (FAILED, CANCELLED, LOST) and bool(self.task) and self.branch_of_id is None
        return can and not hasattr(self, "retried_by")

    @property
    def item_key(self) -> str:
        """The key of the notification of its end."""
        return f"{JOB_START}{self.pk}"

    @property
    def next_message(self) -> tuple[str, int, str]:
        """What a worker is told: its id, the attempt that is to be made, and the name of its task."""
        return str(self.pk), self.attempt + 1, self.task

    @contextmanager
    def change(self) -> Iterator[None]:
        """The door through which anything about a job changes, but for its progress: under its lock, with one more
        version, and a nudge after the commit. What changes nothing writes nothing."""
        with transaction.atomic():
            self.refresh_from_db(from_queryset=Job.objects.select_for_update(no_key=True))
            before = self._columns()
            yield
            if self._columns() != before:
                self.version += 1
                self.changed_at = clock.now()
                self.save()
                self.nudge_after_commit()

    def _columns(self) -> dict[str, Any]:
        return {field.attname: getattr(self, field.attname) for field in self._meta.concrete_fields}

    def nudge_after_commit(self) -> None:
        if self.branch_of_id is None:
            transaction.on_commit(partial(push.nudge_job, str(self.pk), self.inbox_id, self.version), robust=True)

    def touch(self) -> None:
        """Something that pages show of it stands elsewhere, and has changed: it is another version."""
        Job.objects.filter(pk=self.pk).update(version=F("version") + 1)
        self.version += 1
        self.nudge_after_commit()

    def claim(self, attempt: int, time_limit: float | None = None) -> bool:
        """Begin this attempt. False when it is not its turn: somebody has begun it already, or the job is over."""
        with self.change():
            if self.state not in WAITING or self.attempt != attempt - 1:
                return False
            self.state, self.attempt, self.started_at = RUNNING, attempt, clock.now()
            self.send_at, self.sent, self.time_limit = None, 0, time_limit
            self.current, self.total, self.fraction, self.phase, self.phase_count = 0, None, None, 0, 0
            self.phase_title = self.message = self.error = ""
            self.message_params, self.error_params = {}, {}
            JobAttempt.objects.create(job=self, number=attempt, started_at=self.started_at)
        return True

    def holds(self, attempt: int) -> bool:
        """Whether this attempt is the one that is under way."""
        return self.state in WORKING and self.attempt == attempt

    # What the attempt that is under way writes. One that was given up on writes nothing, and learns of it.

    def report(self, progress: dict[str, Any], lines: list[str]) -> str | None:
        """Write how far this attempt has come. The state that the job is in by now; None when this attempt is no longer
        the one."""
        with transaction.atomic() if lines else nullcontext():
            columns = {"changed_at": clock.now(), **progress}
            moved = update_returning(
                Job,
                columns,
                adds={"version": 1, "heartbeat": 1, "line_count": len(lines)},
                where={"id": [self.pk], "attempt": [self.attempt], "state": WORKING},
                returning=("state", "version", "line_count"),
            )
            if moved is None:
                return None
            state, version, count = moved
            JobLine.add(self, lines, count)
        if self.branch_of_id is None:
            push.nudge_job(str(self.pk), self.inbox_id, version)
        return str(state)

    def beat(self) -> str | None:
        """Say that a worker is at it."""
        mine = Job.objects.filter(pk=self.pk, attempt=self.attempt, state__in=WORKING)
        return self.look() if mine.update(heartbeat=F("heartbeat") + 1) else None

    def look(self) -> str | None:
        mine = Job.objects.filter(pk=self.pk, attempt=self.attempt, state__in=WORKING)
        return mine.values_list("state", flat=True).first()

    # Inside of change().

    def wait_for_retry(self, seconds: float, error: str, params: dict[str, Any], ending: str) -> None:
        """This attempt has failed, and the next one comes in so many seconds."""
        self.state, self.send_at, self.sent = RETRYING, clock.now() + timedelta(seconds=seconds), 0
        self.error, self.error_params = plain(error)[:1000], plain_params(params)
        JobAttempt.end(self, ending)

    def end(self, state: str, error: str = "", params: dict[str, Any] | None = None) -> None:
        self.state, self.ended_at, self.send_at = state, clock.now(), None
        self.error, self.error_params = plain(error)[:1000], plain_params(params or {})
        JobAttempt.end(self, state)

    def note_sending(self) -> None:
        """It goes to a worker now, and again when nobody takes it for a while: messages get lost, queues are long."""
        pause = min(SEND_AGAIN * 2 ** min(self.sent, DOUBLINGS), SEND_AGAIN_LIMIT)
        rows = Job.objects.filter(pk=self.pk, attempt=self.attempt, state__in=WAITING)
        if rows.update(send_at=clock.now() + pause, sent=F("sent") + 1) and self.state == RETRYING and not self.sent:
            self.touch()  # pages have counted down to it


def may_watch(user: Any, job: Job) -> bool:
    """Its owner, and staff with the permission."""
    return job.inbox.user_id == user.pk or may_watch_all(user)


def may_watch_all(user: Any) -> bool:
    return bool(user.is_active and user.is_staff and user.has_perm("notifications.watch_jobs"))
