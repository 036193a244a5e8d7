"""Following: who follows a topic gets what is said about it.

A topic is a name, and needs no row of its own: "room:ops", "thread:5", "shop.order:17".
"""

import re
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from . import clock

TOPIC = re.compile(r"[A-Za-z0-9_.-]+:[A-Za-z0-9_.:-]+")
TOPIC_LIMIT = 100
ROOM_START, THREAD_START = "room:", "thread:"


class Level(models.TextChoices):
    """How much of a topic its follower wants to be told."""

    EVERYTHING = "everything", _("Everything")
    MENTIONS = "mentions", _("Mentions only")
    NOTHING = "nothing", _("Nothing")


class FollowQuerySet(models.QuerySet["Follow"]):
    def of(self, topic: str) -> "FollowQuerySet":
        return self.filter(topic=topic)

    def wanting_everything(self) -> "FollowQuerySet":
        return self.filter(level=Level.EVERYTHING)

    def lacking(self, number: int) -> "FollowQuerySet":
        """Those who have not read that message."""
        return self.filter(read_number__lt=number)


class Follow(models.Model):
    """One reader follows one topic. In a thread it is membership, too, and holds how far they have read."""

    inbox = models.ForeignKey("notifications.Inbox", models.CASCADE, related_name="follows", db_index=False)
    topic = models.CharField(max_length=TOPIC_LIMIT)
    level = models.CharField(max_length=10, choices=Level.choices, default=Level.EVERYTHING)
    since = models.DateTimeField(default=clock.now)
    read_number = models.BigIntegerField(default=0)  # messages of the thread up to here have been read

    objects = FollowQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "topic"], name="follow_once")]
        indexes = [models.Index(fields=["topic", "inbox"], name="follow_topic")]

    def __str__(self) -> str:
        return f"inbox {self.inbox_id} follows {self.topic}"

    @classmethod
    def put(cls, inbox_ids: Iterable[int], topic: str, **columns: Any) -> int:
        """Let them follow; those who do already keep what they have chosen. How many are new."""
        there = set(cls.objects.of(topic).filter(inbox__in=inbox_ids).values_list("inbox_id", flat=True))
        new = sorted(set(inbox_ids) - there)
        rows = [Follow(inbox_id=inbox_id, topic=topic, **columns) for inbox_id in new]
        Follow.objects.bulk_create(rows, ignore_conflicts=True)
        return len(new)


def check_topic(topic: str) -> str:
    """The same. Raises ValueError for what is no name of a topic."""
    if not isinstance(topic, str) or len(topic) > TOPIC_LIMIT or not TOPIC.fullmatch(topic):
        raise ValueError(
            f"A topic is a kind and a name with a colon between, as in shop.order:17, of A-Z, a-z, 0-9, _ . - and :, "
            f"at most {TOPIC_LIMIT} characters; got {topic!r:.120}."
        )
    return topic
