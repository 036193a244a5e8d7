import secrets
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext

from notifications import categories, verbs

from .draft import TITLE_LIMIT, Draft

EXCERPT_LENGTH = 280


class KeyTaken(ValueError):
    """The same key was used before, with other content."""


class NotificationQuerySet(models.QuerySet["Notification"]):
    """What lists may show is stamped: it has a revision. The adjectives build on ``listed()``."""

    def pending(self) -> "NotificationQuerySet":
        """Committed, but not yet stamped with its revision."""
        return self.filter(revision=None)

    def listed(self) -> "NotificationQuerySet":
        return self.filter(revision__isnull=False, retracted_at=None)

    def active(self) -> "NotificationQuerySet":
        return self.listed().filter(archived_at=None)

    def unread(self) -> "NotificationQuerySet":
        return self.active().filter(read_at=None)

    def archived(self) -> "NotificationQuerySet":
        return self.listed().filter(archived_at__isnull=False)

    def in_view(self, view: str) -> "NotificationQuerySet":
        """``all``, ``unread``, ``archived`` or ``category:NAME``, newest first."""
        kind, _, name = view.partition(":")
        lists = {"all": self.active, "unread": self.unread, "archived": self.archived}
        rows = self.active().filter(category=name) if kind == "category" else lists[kind]()
        return rows.order_by("-arrival")

    def arrived_by(self, revision: int) -> "NotificationQuerySet":
        return self.filter(arrived_revision__lte=revision)

    def changed_since(self, revision: int) -> "NotificationQuerySet":
        return self.filter(revision__gt=revision)


class Notification(models.Model):
    """One item for one recipient. Written only by the verbs of its inbox."""

    inbox = models.ForeignKey("notifications.Inbox", models.CASCADE, related_name="notifications")
    key = models.CharField(max_length=100)

    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", db_index=False)
    actor_name = models.CharField(max_length=150, blank=True)
    verb = models.CharField(max_length=100, blank=True)
    params = models.JSONField(default=dict, blank=True)
    title = models.CharField(max_length=200, blank=True)
    body = models.TextField(blank=True)
    url = models.CharField(max_length=2000, blank=True)
    category = models.CharField(max_length=40)
    level = models.CharField(max_length=10)
    reason = models.CharField(max_length=200, blank=True)
    target = models.CharField(
        max_length=200, blank=True
    )  # "shop.order:17"; no relation, so that it survives its object
    target_label = models.CharField(max_length=200, blank=True)

    revision = models.BigIntegerField(null=True)  # of its last change; empty until it is stamped
    arrived_revision = models.BigIntegerField(null=True)
    arrival = models.BigIntegerField(null=True)  # µs since 1970, strictly growing within an inbox: the order of lists
    read_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    retracted_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "key"], name="key_once_per_inbox")]
        indexes = [
            models.Index(fields=["inbox", "revision"], name="notification_changes"),
            models.Index(fields=["inbox", "id"], name="notification_pending", condition=Q(revision=None)),
            models.Index(
                fields=["inbox", "-arrival"],
                name="notification_active",
                condition=Q(archived_at=None, retracted_at=None, revision__isnull=False),
            ),
            models.Index(
                fields=["inbox", "category", "-arrival"],
                name="notification_category",
                condition=Q(archived_at=None, retracted_at=None, revision__isnull=False),
            ),
            models.Index(
                fields=["inbox", "-arrival"],
                name="notification_unread",
                condition=Q(read_at=None, archived_at=None, retracted_at=None, revision__isnull=False),
            ),
            models.Index(
                fields=["inbox", "-arrival"],
                name="notification_archived",
                condition=Q(archived_at__isnull=False, retracted_at=None, revision__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title_text

    def get_absolute_url(self) -> str:
        """Opens it: marks it as read and leads to its link, or shows it whole."""
        return reverse("notifications:open", args=[self.key])

    @property
    def parts(self) -> dict[str, Any]:
        return {"actor": self.actor_name, "target": self.target_label, **self.params}

    @property
    def title_text(self) -> str:
        """At most 200 characters, also where the parts of a verb are long."""
        sentence = self.sentence
        return sentence if len(sentence) <= TITLE_LIMIT else Truncator(sentence).chars(TITLE_LIMIT)

    @property
    def title_html(self) -> SafeString:
        if self.verb and len(self.sentence) <= TITLE_LIMIT:
            return verbs.render_html(self.verb, self.parts)
        return format_html("<bdi>{}</bdi>", self.title_text)

    @property
    def sentence(self) -> str:
        return verbs.render_text(self.verb, self.parts) if self.verb else self.title

    @property
    def page_title(self) -> str:
        """Of its own page. One that was taken back hides what it said."""
        return gettext("Withdrawn") if self.retracted_at else self.title_text

    @property
    def excerpt(self) -> str:
        """The body as lists show it: one paragraph of at most 280 characters."""
        return Truncator(" ".join(self.body_text[: EXCERPT_LENGTH * 4].split())).chars(EXCERPT_LENGTH)

    @property
    def body_text(self) -> str:
        """With a verb, the body is a text of ours too, and is shown in the reader's language where that is known."""
        return gettext(self.body) if self.verb and self.body else self.body

    @property
    def reason_text(self) -> str:
        return gettext(self.reason) if self.reason else ""

    @property
    def arrived_at(self) -> datetime:
        return datetime.fromtimestamp((self.arrival or 0) / 1_000_000, UTC)

    @property
    def is_unread(self) -> bool:
        return self.read_at is None

    @cached_property
    def category_shown(self) -> categories.Category:
        return categories.find(self.category)

    @property
    def category_label(self) -> Any:
        return self.category_shown.label

    @property
    def category_icon(self) -> str:
        return self.category_shown.icon

    @property
    def actor_initials(self) -> str:
        return "".join(word[0] for word in self.actor_name.split()[:2]).upper()

    @property
    def actor_hue(self) -> int:
        """0 to 11, the same for the same name everywhere."""
        return sum(self.actor_name.encode()) % 12

    def stands_in(self, view: str) -> bool:
        """Whether the list of that view shows it. The same rule as ``in_view()``, for a row in hand."""
        if self.revision is None or self.retracted_at:
            return False
        if view == "archived":
            return self.archived_at is not None
        if self.archived_at:
            return False
        return view == "all" or (view == "unread" and self.is_unread) or view == f"category:{self.category}"

    def check_same_content(self, draft: Draft) -> None:
        """Raise KeyTaken when the draft says something else than this row, naming both."""
        for name, value in draft.message().items():
            if getattr(self, name) != value:
                raise KeyTaken(
                    f"The key {self.key!r} already names a notification with {name} {getattr(self, name)!r}; "
                    f"now it came with {name} {value!r}."
                )


class Retraction(models.Model):
    """The wish to take a notification back, written in its sender's transaction and carried out after its commit.

    It is a row of its own because a change of the notification itself would hold a lock that its reader waits for.
    """

    notification = models.ForeignKey(Notification, models.CASCADE)
    wished_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"retraction of {self.notification_id}"


def random_key() -> str:
    return secrets.token_urlsafe(16)


def pending_inboxes(limit: int) -> list[int]:
    """Inboxes in which a writer that died left something unstamped or unretracted."""
    arrivals = Notification.objects.pending().values_list("inbox_id", flat=True)[:limit]
    wishes = Retraction.objects.values_list(F("notification__inbox_id"), flat=True)[:limit]
    return sorted({*arrivals, *wishes})
