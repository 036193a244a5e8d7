"""Threads: what is said between two, or in a room. Messages in their order, and a revision that grows with each change.

As with an inbox, one lock makes the order of commits that of revisions, and a page that has seen 41 can trust that
nothing up to 41 will still turn up.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from notifications.live import push

from . import clock
from .face import display_name
from .follow import ROOM_START, THREAD_START, Follow, FollowQuerySet, Level
from .inbox import Inbox
from .message import Message, MessageContent

DIRECT, ROOM = "direct", "room"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
TITLE_LIMIT, ABOUT_LIMIT = 80, 300
FACES_RENEWED = 100  # messages of one author; older ones show the new picture when their page is loaded anew
PATIENCE = timedelta(seconds=8)  # in which whoever has the thread open may say that they have read it


class NotInside(Exception):
    """Somebody speaks who is not in there (any more)."""


class ThreadQuerySet(models.QuerySet["Thread"]):
    def rooms(self) -> "ThreadQuerySet":
        return self.filter(kind=ROOM)

    def followed_by(self, inbox: Any) -> "ThreadQuerySet":
        return self.filter(topic__in=inbox.follows.values("topic"))

    def open_to(self, inbox: Any) -> "ThreadQuerySet":
        """Those that this reader may open; the others do not exist for them."""
        return self.filter(Q(is_open=True) | Q(topic__in=inbox.follows.values("topic")))

    def between(self, one: Inbox, other: Inbox) -> "Thread | None":
        """The thread of these two."""
        low, high = sorted([one.pk, other.pk])
        return self.filter(low=low, high=high).first()

    def to_be_told(self) -> "ThreadQuerySet":
        return self.filter(tell_at__lte=clock.now())


class Thread(models.Model):
    kind = models.CharField(max_length=6, choices=[(DIRECT, DIRECT), (ROOM, ROOM)])
    topic = models.CharField(max_length=100, unique=True)  # whoever follows it is in here
    title = models.CharField(max_length=TITLE_LIMIT, blank=True)
    about = models.CharField(max_length=ABOUT_LIMIT, blank=True)
    is_open = models.BooleanField(default=False)  # to everybody; else to those who follow it
    low = models.ForeignKey("notifications.Inbox", models.SET_NULL, null=True, related_name="+", db_index=False)
    high = models.ForeignKey("notifications.Inbox", models.SET_NULL, null=True, related_name="+")
    keeper = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=clock.now)

    revision = models.BigIntegerField(default=0)
    head_revision = models.BigIntegerField(default=0)  # when its title, text, doors or people last changed
    floor = models.BigIntegerField(default=0)  # positions below it are too old to be caught up from
    last_number = models.BigIntegerField(default=0)
    last_arrival = models.BigIntegerField(default=0)
    told_number = models.BigIntegerField(default=0)  # of messages up to here everybody has been told who is to be
    tell_at = models.DateTimeField(null=True, db_index=True)  # when to look who has not read it and was not told

    objects = ThreadQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["low", "high"], name="thread_between")]
        indexes = [models.Index(fields=["-last_arrival"], name="thread_open", condition=Q(is_open=True))]

    def __str__(self) -> str:
        return self.title or names_of([self.low, self.high]) or self.topic

    def get_absolute_url(self) -> str:
        if self.is_room:
            return reverse("notifications:room", args=[self.name])
        return reverse("notifications:thread", args=[self.pk])

    # Making one.

    @classmethod
    def begin(cls, one: Inbox, other: Inbox) -> "Thread":
        """The thread of these two, made when missing."""
        low, high = sorted([one, other], key=lambda inbox: inbox.pk)
        with transaction.atomic():
            found, is_new = cls.objects.get_or_create(
                low=low, high=high, defaults={"kind": DIRECT, "topic": f"{THREAD_START}{low.pk}-{high.pk}"}
            )
            if is_new:
                Follow.put([low.pk, high.pk], found.topic)
        return found

    @classmethod
    def make_room(cls, name: str, title: str, keeper: Inbox, *, about: str = "", is_open: bool = True) -> "Thread":
        """Raises IntegrityError where the name is taken."""
        with transaction.atomic():
            room = cls.objects.create(
                kind=ROOM, topic=ROOM_START + name, title=title, about=about, is_open=is_open, keeper_id=keeper.user_id
            )
            Follow.put([keeper.pk], room.topic)
        return room

    # What it is.

    @property
    def is_room(self) -> bool:
        return self.kind == ROOM

    @property
    def name(self) -> str:
        """Of a room, in its address."""
        return self.topic.removeprefix(ROOM_START)

    @property
    def follows(self) -> FollowQuerySet:
        return Follow.objects.of(self.topic)

    def title_for(self, inbox: Inbox) -> str:
        """A room's title, or who it is with."""
        if self.is_room:
            return self.title
        other = self.other(inbox)
        return display_name(other.user) if other else _("Somebody who has left")

    def other(self, inbox: Inbox) -> Inbox | None:
        """In a thread of two, the one who is not this one."""
        return self.high if self.low_id == inbox.pk else self.low

    def is_open_to(self, inbox: Inbox) -> bool:
        return self.is_open or self.follows.filter(inbox=inbox).exists()

    def may_be_kept_by(self, user: Any) -> bool:
        """Whether they may change a room and who is in it."""
        return self.is_room and (self.keeper_id == user.pk or user.has_perm("notifications.change_thread"))

    # What happens in it.

    @contextmanager
    def change(self) -> Iterator[None]:
        """The one door through which anything in it changes: under its lock, with one more revision, and a nudge after
        the commit. A transaction of its own, as that of an inbox."""
        with transaction.atomic(durable=True):
            self.refresh_from_db(from_queryset=Thread.objects.select_for_update(no_key=True))
            self.revision += 1
            yield
            self.save()
            transaction.on_commit(partial(push.nudge_thread, self.pk, self.revision), robust=True)

    def post(self, author: Inbox, content: MessageContent, key: str) -> Message:
        """Say something. The same key again says nothing twice, and returns what was said. Raises NotInside for who has
        left meanwhile; in an open room, speaking is joining."""
        said = self.messages.filter(author=author.user_id, key=key)
        with self.change():
            found = said.first()
            if found is not None:
                return found
            self._check_inside(author)
            self.take_in([author.pk])
            self.last_number += 1
            self.last_arrival = max(self.last_arrival + 1, clock.microseconds())
            self.tell_at = self.tell_at or clock.now() + PATIENCE
            message = self.messages.create(
                number=self.last_number,
                arrival=self.last_arrival,
                revision=self.revision,
                author=author.user,
                author_name=display_name(author.user),
                key=key,
                **content.columns(),
            )
            has_read_all = self.follows.filter(inbox=author, read_number=self.last_number - 1)
            has_read_all.update(read_number=self.last_number)
            return message

    def edit(self, message: Message, content: MessageContent, author: Inbox) -> bool:
        """False where it was taken back meanwhile. Raises NotInside for who has left meanwhile."""
        with self.change():
            self._check_inside(author)
            rows = self.messages.shown().filter(pk=message.pk)
            return bool(rows.update(revision=self.revision, edited_at=clock.now(), **content.columns()))

    def retract(self, message: Message) -> bool:
        """Nothing of it stays but that there was something. False where that was done before."""
        with self.change():
            rows = self.messages.shown().filter(pk=message.pk)
            empty = {"body": "", "html": "", "words": [], "mentions": []}
            return bool(rows.update(revision=self.revision, retracted_at=clock.now(), **empty))

    def renew_face(self, author: Any) -> None:
        """The newest messages of somebody who has another picture now are shown anew."""
        newest = self.messages.shown().filter(author=author).order_by("-number").values_list("pk", flat=True)
        pks = list(newest[:FACES_RENEWED])
        if pks:
            with self.change():
                self.messages.filter(pk__in=pks).update(revision=self.revision)

    def rewrite(self, *, title: str, about: str, is_open: bool) -> None:
        """Of a room."""
        with self.change():
            self.title, self.about, self.is_open = title, about, is_open
            self.head_revision = self.revision

    def admit(self, inbox_ids: Iterable[int]) -> int:
        """Let these in. They have read what was said before. How many are new."""
        with self.change():
            return self.take_in(list(inbox_ids))

    def join(self, inbox: Inbox) -> None:
        """An open room. Raises NotInside where it is not open (any more)."""
        with self.change():
            self._check_inside(inbox)
            self.take_in([inbox.pk])

    def take_in(self, inbox_ids: list[int]) -> int:
        """Inside of change(). How many are new."""
        new = Follow.put(inbox_ids, self.topic, read_number=self.last_number)
        if new:
            self.head_revision = self.revision
        return new

    def _check_inside(self, inbox: Inbox) -> None:
        """Inside of change()."""
        if not self.is_open_to(inbox):
            raise NotInside

    def let_go(self, inbox: Inbox) -> None:
        """Nothing of it is theirs any more, unless it is open to everybody."""
        with self.change():
            self.head_revision = self.revision
            self.follows.filter(inbox=inbox).delete()

    def choose(self, inbox: Inbox, level: str) -> None:
        """How much of it its follower wants to be told."""
        self.follows.filter(inbox=inbox).update(level=Level(level))

    def note_reading(self, inbox_ids: Iterable[int], number: int) -> None:
        """They have read up to there."""
        upto = min(number, self.last_number)
        self.follows.filter(inbox__in=inbox_ids, read_number__lt=upto).update(read_number=upto)

    def note_telling(self, upto: int, tell_at: datetime | None) -> None:
        """Of messages up to there everybody was told; the others are looked at then. Where somebody has spoken
        meanwhile, the next look is as soon as it was to be."""
        Thread.objects.filter(pk=self.pk, told_number__lt=upto).update(told_number=upto)
        Thread.objects.filter(pk=self.pk, last_number=self.last_number).update(tell_at=tell_at)


def names_of(inboxes: Iterable[Inbox | None]) -> str:
    return ", ".join(display_name(inbox.user) for inbox in inboxes if inbox)
