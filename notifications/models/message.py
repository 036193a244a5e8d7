import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from . import clock, face
from .draft import UNPRINTABLE
from .markdown import html_of, text_of
from .words import WordsField, words_of

TEXT_LIMIT = 4_000  # characters
EXCERPT_LENGTH = 280


class InvalidMessage(ValueError):
    """What cannot be said. The text says what was expected."""


@dataclass(frozen=True)
class MessageContent:
    """What somebody wants to say, in Markdown. Raises InvalidMessage when made."""

    text: str
    mentioned: dict[str, int] = field(default_factory=dict)  # the names in it that are somebody's, and whose

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.text.replace("\r\n", "\n").strip())
        if not is_visible(self.text):
            raise InvalidMessage(_("Write something first."))
        if len(self.text) > TEXT_LIMIT:
            said = _("A message has at most {limit} characters; this one has {count}.")
            raise InvalidMessage(said.format(limit=TEXT_LIMIT, count=len(self.text)))
        if UNPRINTABLE.search(self.text):
            raise InvalidMessage(_("There is a character in it that cannot be kept (NUL, or half of one)."))

    def columns(self) -> dict[str, Any]:
        html = with_marks(html_of(self.text), self.mentioned)
        mentions = sorted(set(self.mentioned.values()))
        return {"body": self.text, "html": html, "mentions": mentions, "words": words_of(text_of(html))}


def is_visible(text: str) -> bool:
    """Whether there is anything to be seen in it: a letter, a number, a sign."""
    return any(unicodedata.category(letter)[0] in "LNPS" for letter in text)


def with_marks(html: str, names: dict[str, int]) -> str:
    """The safe HTML with ``<mark>`` around these names; a tag that nobody can write themselves."""
    if not names:
        return html
    longest_first = sorted(names, key=len, reverse=True)
    mention = re.compile(rf"<[^>]*>|(?<![\w@])@({'|'.join(map(re.escape, longest_first))})(?!\w)")
    return mention.sub(lambda found: f"<mark>{found[0]}</mark>" if found[1] else found[0], html)


class MessageQuerySet(models.QuerySet["Message"]):
    def shown(self) -> "MessageQuerySet":
        return self.filter(retracted_at=None)

    def with_faces(self) -> "MessageQuerySet":
        return face.with_faces(self, "author")  # type: ignore[return-value]


class Message(face.Face, models.Model):
    """What somebody said in a thread. Written only by the verbs of its thread."""

    thread = models.ForeignKey("notifications.Thread", models.CASCADE, related_name="messages", db_index=False)
    number = models.BigIntegerField()  # 1, 2, 3, ... in its thread, in the order of the commits
    arrival = models.BigIntegerField()  # µs since 1970, strictly growing within a thread
    revision = models.BigIntegerField()  # of the thread, when it last changed
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    author_name = models.CharField(max_length=150)
    key = models.CharField(max_length=40)  # of the form that it was sent with: sent twice, it is said once
    body = models.TextField(blank=True)  # Markdown
    html = models.TextField(blank=True)  # safe
    words = WordsField(default=list)
    mentions = models.JSONField(default=list)  # ids of users
    edited_at = models.DateTimeField(null=True)
    retracted_at = models.DateTimeField(null=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["thread", "number"], name="message_number"),
            models.UniqueConstraint(fields=["thread", "author", "key"], name="message_once"),
        ]
        indexes = [
            models.Index(fields=["thread", "revision"], name="message_changes"),
            models.Index(fields=["retracted_at"], name="message_retracted", condition=Q(retracted_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.author_name}: {self.body[:60]}"

    def get_absolute_url(self) -> str:
        return reverse("notifications:message", args=[self.thread_id, self.number])

    @property
    def actor(self) -> Any:
        return self.author

    @property
    def actor_id(self) -> Any:
        return self.author_id

    @property
    def actor_name(self) -> str:
        return self.author_name

    @property
    def sent_at(self) -> datetime:
        return clock.at(self.arrival)

    @property
    def text(self) -> str:
        """What it says, without its form."""
        return text_of(self.html)

    @property
    def excerpt(self) -> str:
        return Truncator(self.text).chars(EXCERPT_LENGTH)

    @property
    def item_key(self) -> str:
        """The key of the notifications of it."""
        return f"message-{self.thread_id}-{self.number}"
