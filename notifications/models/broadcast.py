"""Broadcasts: what staff say to many, kept as one row, whoever reads it.

Each verb takes its turn under the lock of the board, so two clicks, two editors or two ticks at once do it once. What a
reader has done with a broadcast stands in that reader's own row of it, a notification with the key ``broadcast-17``,
which is made when they do something with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.urls import reverse

from notifications import categories

from . import clock, markdown
from .audience import Audience, Rule
from .board import Board
from .broadcast_content import NAMES_AT_ONCE, Content, changes_between, ids_of, users_named
from .broadcast_event import CREATED, EDITED, NAME_LIMIT, REMINDED, REMINDING, SHOWN_AGAIN, BroadcastEvent, name_of
from .broadcast_refusals import EditedMeanwhile, WrongState
from .bulk import insert_for_each
from .draft import TITLE_LIMIT, URL_LIMIT
from .notification import Notification
from .reach import Reach

DRAFT, SCHEDULED, PUBLISHED, ENDED, WITHDRAWN = STATES = ("draft", "scheduled", "published", "ended", "withdrawn")
PLACEMENT_INBOX, PLACEMENT_BANNER = "inbox", "banner"
UNDO = timedelta(seconds=30)  # after publication, in which it can be taken back as if it had never been
CATEGORY = "announcements"
KEY_START = "broadcast-"
KEY_DIGITS = 18  # more than any of them will ever have
REMINDER_PAUSE = timedelta(seconds=60)  # between two reminders; a second click means the first one


class BroadcastQuerySet(models.QuerySet["Broadcast"]):
    def due(self) -> "BroadcastQuerySet":
        """What the clock has overtaken: to be published, or to be ended."""
        moment = clock.now()
        starting = Q(state=SCHEDULED, names="", starts_at__lte=moment)
        return self.filter(starting | Q(state=PUBLISHED, ends_at__lte=moment))

    def next_due(self) -> datetime | None:
        """When the clock will next want something."""
        moment = clock.now()
        start = Min("starts_at", filter=Q(state=SCHEDULED, names="", starts_at__gt=moment))
        end = Min("ends_at", filter=Q(state=PUBLISHED, ends_at__gt=moment))
        times = self.filter(state__in=(SCHEDULED, PUBLISHED)).aggregate(start=start, end=end)
        return min((time for time in times.values() if time), default=None)

    def that_reached(self, inbox: Any, key: str) -> "Broadcast | None":
        """The one whose readers' rows have this key, if it ever stood on a page of this inbox's reader."""
        number = key.removeprefix(KEY_START)
        if not number.isdecimal() or len(number) > KEY_DIGITS:
            return None
        found = self.filter(pk=int(number), reaches__inbox=inbox).first()
        return found if found and found.row_key == key else None

    def gathering(self) -> "BroadcastQuerySet":
        """Those with people that have still to be looked up."""
        return self.exclude(names="").filter(state=SCHEDULED)

    def real(self) -> "BroadcastQuerySet":
        """All but those that somebody has sent to themselves, to look at them."""
        return self.filter(is_trial=False)


class Broadcast(models.Model):
    key = models.CharField(max_length=100, blank=True)  # the caller's: the same one again sends nothing
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    author_name = models.CharField(max_length=NAME_LIMIT, blank=True)

    title = models.CharField(max_length=TITLE_LIMIT)
    body = models.TextField(blank=True)
    body_html = models.TextField(blank=True)  # rendered once, and safe
    url = models.CharField(max_length=URL_LIMIT, blank=True)
    level = models.CharField(max_length=10)
    placement = models.CharField(max_length=10)
    is_dismissible = models.BooleanField(default=True)
    asks_acknowledgement = models.BooleanField(default=False)

    audience = models.CharField(max_length=10, choices=Audience.choices)
    groups = models.ManyToManyField(Group, related_name="+")
    people = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")
    names = models.TextField(blank=True)  # of people who have still to be looked up, one in a line

    starts_at = models.DateTimeField(null=True)  # empty: when somebody publishes it
    ends_at = models.DateTimeField(null=True)  # empty: when somebody ends it
    state = models.CharField(max_length=10, default=DRAFT)
    is_trial = models.BooleanField(default=False)  # its author's, to see how it looks
    version = models.IntegerField(default=1)  # grows with each edit
    made_at = models.DateTimeField(default=clock.now)
    published_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)  # ended or withdrawn
    online_count = models.IntegerField(null=True)  # of those addressed, when it was published

    revision = models.BigIntegerField(null=True)  # of the board, at its last change that readers see
    arrived_revision = models.BigIntegerField(null=True)  # at its publication
    # At its publication, or when it was shown once more: what readers had done with it before means nothing any more.
    shown_revision = models.BigIntegerField(null=True)
    arrival = models.BigIntegerField(null=True)  # its place in all lists: µs since 1970

    objects = BroadcastQuerySet.as_manager()

    class Meta:
        default_permissions = ("view",)
        permissions = [("broadcast", "Can broadcast")]
        constraints = [models.UniqueConstraint(fields=["key"], condition=~Q(key=""), name="broadcast_key_once")]
        indexes = [
            models.Index(fields=["state", "-id"], name="broadcast_state"),
            models.Index(fields=["-revision"], name="broadcast_changes"),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("notifications:broadcast", args=[self.pk])

    @property
    def row_key(self) -> str:
        """The key of each reader's own row."""
        return f"{KEY_START}{self.pk}"

    @property
    def body_text(self) -> str:
        return markdown.text_of(self.body_html)

    @property
    def is_in_inbox(self) -> bool:
        return self.placement != PLACEMENT_BANNER

    @property
    def is_banner(self) -> bool:
        return self.placement != PLACEMENT_INBOX

    @property
    def weight(self) -> int:
        """Banners stand in this order, heaviest first."""
        return categories.LEVELS.index(self.level) if self.level in categories.LEVELS else 0

    def is_live(self, moment: datetime) -> bool:
        """By the clock, however late the tick is."""
        return self.state == PUBLISHED and (self.ends_at is None or moment < self.ends_at)

    @property
    def running_since(self) -> datetime | None:
        return self.published_at if self.state == PUBLISHED else None

    @property
    def can_be_undone(self) -> bool:
        return self.state == PUBLISHED and self.published_at is not None and clock.now() < self.published_at + UNDO

    @property
    def content(self) -> Content:
        username = get_user_model().USERNAME_FIELD
        names = [*self.people.order_by(username).values_list(username, flat=True), *self.names.splitlines()]
        columns = {name: getattr(self, name) for name in Content().columns()}
        return Content(**columns, groups=list(self.groups.order_by("name")), names=names)

    @property
    def last_edit(self) -> BroadcastEvent | None:
        """By whom and when it became what it is."""
        return self.events.exclude(what__in=(REMINDING, REMINDED)).first()

    def users(self) -> QuerySet[Any]:
        """The active users whom it addresses now."""
        return self.rule.users()

    @property
    def rule(self) -> Rule:
        return Rule(self.audience, self.groups.values("pk"), self.people.values("pk"))

    # Writing.

    @classmethod
    def draft(cls, content: Content, by: Any = None, *, key: str = "", is_trial: bool = False) -> Self:
        """A new draft; with a key that is there already, the one that has it. Raises InvalidBroadcast."""
        content.check()
        with Board.change():
            found = cls.objects.filter(key=key).first() if key else None
            if found is not None:
                return found
            broadcast = cls(key=key, author=by, author_name=name_of(by), is_trial=is_trial)
            broadcast._put(content)
            BroadcastEvent.note(broadcast, CREATED, by)
            return broadcast

    def rewrite(
        self, content: Content, by: Any = None, *, version: int | None = None, show_again: bool = False
    ) -> None:
        """Say something else, on open pages, too, once it is published.

        ``show_again``: also to those who have dismissed or read it. ``version`` is the one that the editor began with.
        Raises InvalidBroadcast, EditedMeanwhile, or WrongState when it has ended or was withdrawn.
        """
        content.check(self.running_since)  # very many names take their time: not under the lock
        with Board.change() as board:
            self._lock("edited", DRAFT, SCHEDULED, PUBLISHED)
            content.check_times(self.running_since)
            if version is not None and version != self.version:
                raise EditedMeanwhile(self.last_edit)
            before = self.content
            if self.state == PUBLISHED:
                content = replace(content, starts_at=self.starts_at)
                self.revision = board.next_revision()
                if show_again:
                    self.shown_revision = self.revision
            elif self.state == SCHEDULED and content.starts_at is None:
                content = replace(content, starts_at=clock.now())
            self.version += 1
            self._put(content)
            changes = changes_between(before, self.content)
            BroadcastEvent.note(self, SHOWN_AGAIN if show_again else EDITED, by, changes)

    def address_people(self, names: Sequence[str], by: Any = None) -> None:
        """Address a draft to these, whatever else somebody changes in it meanwhile.

        Raises InvalidBroadcast, WrongState when it is no draft any more, or DoesNotExist.
        """
        while True:
            self.refresh_from_db()
            if self.state != DRAFT:
                raise WrongState("given its people", self.state)
            content = replace(self.content, audience=Audience.PEOPLE, groups=(), names=names)
            try:
                return self.rewrite(content, by, version=self.version)
            except EditedMeanwhile:
                continue

    def _put(self, content: Content) -> None:
        for name, value in content.columns().items():
            setattr(self, name, value)
        self.title = self.title.strip()
        self.body_html = markdown.html_of(self.body)
        names = sorted(set(content.names)) if self.audience == Audience.PEOPLE else []
        is_large = len(names) > NAMES_AT_ONCE and self.state != PUBLISHED
        self.names = "\n".join(names) if is_large else ""
        self.save()
        self.groups.set(content.groups if self.audience == Audience.GROUPS else [])
        if is_large:
            self.people.clear()
        else:
            self.people.set(ids_of(names))

    def gather(self) -> bool:
        """Look up the next of very many names. True when there are more. Safe to run twice, and from two places."""
        with Board.change():
            self._lock("gathered", *STATES)
            names = self.names.splitlines()
            self.people.add(*users_named(names[:NAMES_AT_ONCE]).values_list("pk", flat=True))
            self.names = "\n".join(names[NAMES_AT_ONCE:])
            self.save(update_fields=["names"])
            return bool(self.names)

    # Its life.

    def publish(self, by: Any = None) -> None:
        """From its start on, which may be now. Done already, it stays as it is.

        Raises InvalidBroadcast for a draft that has lain there beyond its end.
        """
        with Board.change() as board:
            self._lock("published", DRAFT, SCHEDULED, PUBLISHED)
            if self.state != DRAFT:
                return
            Content(starts_at=self.starts_at, ends_at=self.ends_at).check_times()
            moment = clock.now()
            self.starts_at = self.starts_at if self.starts_at and self.starts_at > moment else moment
            self.version += 1  # who still edits a draft must know that it is none any more
            if self.starts_at > moment or self.names:
                self.state = SCHEDULED
                self.save()
                BroadcastEvent.note(self, "scheduled", by)
            else:
                self._begin(board, by)

    def _begin(self, board: Board, by: Any) -> None:
        self.state, self.published_at = PUBLISHED, clock.now()
        self.revision = self.arrived_revision = self.shown_revision = board.next_revision()
        self.arrival = board.next_arrival()
        self.online_count = self.rule.online_count()
        self.save()
        BroadcastEvent.note(self, "published", by)

    def cancel(self, by: Any = None) -> None:
        """Not at its start either: a draft again. Raises WrongState once it was published."""
        with Board.change():
            self._lock("cancelled", SCHEDULED, DRAFT)
            if self.state == SCHEDULED:
                self.state = DRAFT
                self.save()
                BroadcastEvent.note(self, "cancelled", by)

    def undo_publication(self, by: Any = None) -> None:
        """As if it had never been published. Raises WrongState when that is longer ago than ``UNDO``."""
        with Board.change() as board:
            self._lock("undone", PUBLISHED)
            if not self.can_be_undone:
                raise WrongState("undone", "published for longer than 30 seconds")
            self._leave(board, DRAFT)
            BroadcastEvent.note(self, "undone", by)

    def end(self, by: Any = None) -> None:
        """Over, as at its end: it leaves every page."""
        self._leave_for_good(ENDED, by)

    def withdraw(self, by: Any = None) -> None:
        """Taken back: it leaves every page, and only staff know of it."""
        self._leave_for_good(WITHDRAWN, by)

    def _leave_for_good(self, state: str, by: Any) -> None:
        with Board.change() as board:
            self._lock(state, PUBLISHED, state, *((ENDED,) if state == WITHDRAWN else ()))
            if self.state != state:
                self._leave(board, state)
                BroadcastEvent.note(self, state, by)

    def _leave(self, board: Board, state: str) -> None:
        self.state, self.revision = state, board.next_revision()
        self.left_at = None if state == DRAFT else clock.now()
        if state == DRAFT:
            self.published_at = self.online_count = self.starts_at = None
        self.save()

    def carry_out_due(self) -> None:
        """What the clock wants: publish it, or end it."""
        with Board.change() as board:
            self._lock("carried out", *STATES)
            if not type(self).objects.due().filter(pk=self.pk).exists():
                return
            if self.state == SCHEDULED:
                self._begin(board, None)
            if not self.is_live(clock.now()):  # perhaps all of its time has passed while nobody was there to publish it
                self._leave(board, ENDED)
                BroadcastEvent.note(self, ENDED)

    def discard(self) -> None:
        """Delete a draft. Raises WrongState for anything else.

        One that was published and undone stays as withdrawn: pages that were away since have to learn that it left.
        """
        with Board.change():
            self._lock("discarded", DRAFT)
            if self.revision is None:
                self.delete()
            else:
                self.state, self.left_at = WITHDRAWN, clock.now()
                self.save()

    @classmethod
    def send_trial(cls, content: Content, by: Any) -> Self:
        """Send this to one person alone, for ten minutes. Raises InvalidBroadcast."""
        mine = {"audience": Audience.PEOPLE, "groups": (), "names": (by.get_username(),)}
        times = {"starts_at": None, "ends_at": clock.now() + timedelta(minutes=10)}
        trial = cls.draft(Content(**{**content.columns(), **mine, **times}), by, is_trial=True)
        trial.publish(by)
        return trial

    def _lock(self, wanted: str, *states: str) -> None:
        """Read it anew, now that nobody else can change it."""
        self.refresh_from_db()
        if self.state not in states:
            raise WrongState(wanted, self.state)

    # Its readers.

    def row(self, inbox: Any = None) -> Notification:
        """A reader's own row, as it begins. It is older than every change of its inbox."""
        return Notification(
            inbox=inbox,
            key=self.row_key,
            broadcast=self,
            title=self.title,
            category=CATEGORY,
            level=self.level,
            source=f"broadcast {self.pk}",
            sent_by=self.author_name,
            revision=0,
            arrival=self.arrival,
            shown_revision=self.shown_revision,
            sent_at=self.published_at,
            delivered_at=clock.now(),
        )

    def reach(self, inboxes: QuerySet[Any]) -> int:
        """These readers have it before them. Returns for how many that is new."""
        return insert_for_each(inboxes, "inbox", Reach(broadcast=self))

    def lacking_acknowledgement(self) -> QuerySet[Any]:
        """Who is addressed and has not said that they have read it.

        Not by NOT IN: where the list of those who have is larger than its memory, PostgreSQL reads it once per user.
        """
        done = self.copies.filter(acknowledged_at__isnull=False, shown_revision=self.shown_revision)
        return self.users().filter(~Exists(done.filter(inbox__user=OuterRef("pk"))))

    def note_reminder(self, by: Any = None) -> BroadcastEvent:
        """Those who have not acknowledged it are to be asked; the same ones as before within a minute."""
        count = self.lacking_acknowledgement().count()  # takes its time with a million of them: not under the lock
        with Board.change():
            self._lock("reminded of", PUBLISHED)
            if not self.is_live(clock.now()):
                raise WrongState("reminded of", ENDED)
            if not self.asks_acknowledgement:
                raise WrongState("reminded of", "asking for no acknowledgement")
            reminders = self.events.filter(what__in=(REMINDING, REMINDED))
            if last := reminders.filter(at__gt=clock.now() - REMINDER_PAUSE).first():
                return last
            return BroadcastEvent.note(self, REMINDING, by, {"people": [0, count]})


def touch(broadcasts: Iterable[Broadcast]) -> None:
    """Whom they address has changed by itself: every page looks at them once more."""
    with Board.change() as board:
        pks = [broadcast.pk for broadcast in broadcasts]
        Broadcast.objects.filter(pk__in=pks, state=PUBLISHED).update(revision=board.next_revision())
