from collections.abc import Container, Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models, router
from django.db.models import F, Min, Q
from django.db.models.expressions import RawSQL
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext

from notifications import categories, verbs

from . import clock, face
from .draft import TITLE_LIMIT, Draft
from .words import WordsField

EXCERPT_LENGTH = 280
PEOPLE_NAMED = 3  # of a group, newest first; the others are a number

#: The lists of an inbox beside those of its categories, and what makes a listed row stand in each of them.
LISTS: dict[str, dict[str, Any]] = {
    "all": {"archived_at": None, "snoozed_until": None},
    "unread": {"archived_at": None, "snoozed_until": None, "read_at": None},
    "saved": {"saved_at__isnull": False},
    "snoozed": {"archived_at": None, "snoozed_until__isnull": False},
    "archived": {"archived_at__isnull": False},
}
ARRIVAL_LISTS = ("all", "unread")  # those of them that what has just arrived is in

#: What a row gets from others after it was inserted; its words are never read back.
STAMPED = ["revision", "arrived_revision", "arrival", "delivered_at", "saved_at", "superseded_at", "group_id"]
STAMPED += ["group_size", "people", "people_count", "words"]

LISTED = {"revision__isnull": False, "retracted_at": None, "superseded_at": None}
ACTIVE = {**LISTED, **LISTS["all"]}


#: SQLite takes a partial index only where the query says its condition in the same words, and a parameter is none.
EMPTY = RawSQL("''", ())


class KeyTaken(ValueError):
    """The same key was used before, with other content."""


class NotificationQuerySet(models.QuerySet["Notification"]):
    """What lists may show is stamped: it has a revision. The adjectives build on ``listed()``."""

    def pending(self) -> "NotificationQuerySet":
        """Committed, but not yet stamped with its revision."""
        return self.filter(revision=None)

    def stamped(self) -> "NotificationQuerySet":
        return self.filter(revision__isnull=False)

    def listed(self) -> "NotificationQuerySet":
        return self.filter(**LISTED)

    def active(self) -> "NotificationQuerySet":
        return self.filter(**ACTIVE)

    def unread(self) -> "NotificationQuerySet":
        return self.listed().filter(**LISTS["unread"])

    def archived(self) -> "NotificationQuerySet":
        return self.listed().filter(**LISTS["archived"])

    def unarchived(self) -> "NotificationQuerySet":
        return self.listed().filter(archived_at=None)

    def snoozed(self) -> "NotificationQuerySet":
        return self.listed().filter(**LISTS["snoozed"])

    def saved(self) -> "NotificationQuerySet":
        """Wherever they are: put away and snoozed ones, too."""
        return self.listed().filter(**LISTS["saved"])

    def in_view(self, view: str) -> "NotificationQuerySet":
        """``all``, ``unread``, ``saved``, ``snoozed``, ``archived`` or ``category:NAME``, newest first.

        Without broadcasts, which are no matter of the database alone; see ``Inbox.announcements``.
        """
        kind, _, name = view.partition(":")
        rows = self.active().filter(category=name) if kind == "category" else self.listed().filter(**LISTS[view])
        return rows.of_their_own().order_by("-arrival")

    def of_their_own(self) -> "NotificationQuerySet":
        """But for broadcasts."""
        return self.filter(broadcast=None)

    def about(self, target: str) -> "NotificationQuerySet":
        return self.exclude(target=EMPTY).filter(target=target)

    def available(self) -> "NotificationQuerySet":
        """Neither taken back nor about something that is gone."""
        return self.filter(unavailable_at=None, retracted_at=None)

    def in_groups(self, keys: Iterable[str]) -> "NotificationQuerySet":
        """Whatever has one of these group keys, pending events included."""
        return self.exclude(group_key=EMPTY).filter(group_key__in=keys)

    def arrived_by(self, revision: int) -> "NotificationQuerySet":
        return self.filter(arrived_revision__lte=revision)

    def changed_since(self, revision: int) -> "NotificationQuerySet":
        return self.filter(revision__gt=revision)

    def with_faces(self) -> "NotificationQuerySet":
        """With what the actor's picture is made of."""
        return face.with_faces(self, "actor")  # type: ignore[return-value]


class LeanManager(models.Manager["Notification"]):
    """Without the words for searching, which nobody else needs."""

    def get_queryset(self) -> models.QuerySet["Notification"]:
        return super().get_queryset().defer("words")


NotificationManager = LeanManager.from_queryset(NotificationQuerySet)


class Notification(face.Face, models.Model):
    """One item for one recipient. Written only by the verbs of its inbox."""

    inbox = models.ForeignKey("notifications.Inbox", models.CASCADE, related_name="notifications", db_index=False)
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
    target = models.CharField(max_length=200, blank=True)  # "shop.order:17"; no relation: it outlives its object
    target_label = models.CharField(max_length=200, blank=True)
    group_key = models.CharField(max_length=100, blank=True)  # events with the same one are one row

    words = WordsField(default=list)

    source = models.CharField(max_length=200, blank=True)  # the place in the code that sent it
    sent_by = models.CharField(max_length=150, blank=True)  # whose request that was
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)

    revision = models.BigIntegerField(null=True)  # of its last change; empty until it is stamped
    arrived_revision = models.BigIntegerField(null=True)
    arrival = models.BigIntegerField(null=True)  # µs since 1970, strictly growing within an inbox: the order of lists
    read_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    snoozed_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    returned_at = models.DateTimeField(null=True)  # from its last snooze, with a new arrival
    saved_at = models.DateTimeField(null=True)
    unavailable_at = models.DateTimeField(null=True)  # what it was about is gone, or no longer its reader's to see
    retracted_at = models.DateTimeField(null=True)
    superseded_at = models.DateTimeField(null=True)  # a newer event of its group stands for it

    # A reader's own row of a broadcast, which the numbers of an inbox leave out: see models/noticeboard.py.
    broadcast = models.ForeignKey(
        "notifications.Broadcast", models.CASCADE, null=True, related_name="copies", db_index=False
    )
    seen_at = models.DateTimeField(null=True)
    dismissed_at = models.DateTimeField(null=True)
    shown_revision = models.BigIntegerField(null=True)  # of the broadcast, when these were done
    acknowledged_at = models.DateTimeField(null=True)

    group_id = models.BigIntegerField(null=True)  # the first of those that are one row; empty: this one alone
    group_size = models.IntegerField(default=1)
    people = models.JSONField(default=list)  # the newest actors of the group, each once
    people_count = models.IntegerField(default=0)

    events: "list[Notification]"  # the newest of those that it stands for; see lists.with_events()
    is_outdated = False  # of a broadcast that was shown once more: what stands in the database is older

    objects = NotificationManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "key"], name="key_once_per_inbox")]
        indexes = [
            models.Index(fields=["inbox", "revision"], name="notification_changes"),
            models.Index(fields=["inbox", "id"], name="notification_pending", condition=Q(revision=None)),
            models.Index(fields=["inbox", "-arrival"], name="notification_active", condition=Q(**ACTIVE)),
            models.Index(fields=["inbox", "category", "-arrival"], name="notification_category", condition=Q(**ACTIVE)),
            models.Index(
                fields=["inbox", "-arrival"], name="notification_unread", condition=Q(**LISTED, **LISTS["unread"])
            ),
            models.Index(
                fields=["inbox", "-arrival"],
                name="notification_archived",
                condition=Q(**LISTED, **LISTS["archived"]),
            ),
            models.Index(
                fields=["inbox", "-arrival"], name="notification_saved", condition=Q(**LISTED, **LISTS["saved"])
            ),
            models.Index(
                fields=["inbox", "-arrival"], name="notification_snoozed", condition=Q(**LISTED, **LISTS["snoozed"])
            ),
            models.Index(fields=["snoozed_until"], name="notification_due", condition=Q(**LISTED, **LISTS["snoozed"])),
            models.Index(fields=["inbox", "group_key"], name="notification_conversation", condition=~Q(group_key="")),
            models.Index(
                fields=["group_id", "-arrival"], name="notification_group", condition=Q(group_id__isnull=False)
            ),
            models.Index(fields=["target"], name="notification_target", condition=~Q(target="")),
            models.Index(
                fields=["actor", "inbox", "-arrival"], name="notification_actor", condition=Q(actor__isnull=False)
            ),
            models.Index(
                fields=["broadcast", "inbox"], name="notification_copies", condition=Q(broadcast__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.title_text

    def get_absolute_url(self) -> str:
        """Opens it: marks it as read and leads to its link, or shows it whole."""
        return reverse("notifications:open", args=[self.key])

    @property
    def parts(self) -> dict[str, Any]:
        return {"actor": self.actor_name, "target": self.target_label, "count": self.group_size, **self.params}

    @property
    def title_text(self) -> str:
        """At most 200 characters, also where the parts of a verb are long."""
        sentence = self.sentence
        return sentence if len(sentence) <= TITLE_LIMIT else Truncator(sentence).chars(TITLE_LIMIT)

    @property
    def title_html(self) -> SafeString:
        if self.unavailable_at:
            return format_html("{}", self.sentence)
        if self.verb and len(self.sentence) <= TITLE_LIMIT:
            return verbs.render_html(self.verb, {**self.parts, "actor": self.people_html}, self.event_count)
        return format_html("<bdi>{}</bdi>", self.title_text)

    @property
    def sentence(self) -> str:
        if self.unavailable_at:
            return gettext("No longer available")
        if not self.verb:
            return self.title
        return verbs.render_text(self.verb, {**self.parts, "actor": self.people_text}, self.event_count)

    @property
    def event_count(self) -> int:
        """How many events its sentence is about."""
        return self.group_size if self.superseded_at is None else 1

    @property
    def people_text(self) -> str:
        """Who did it: the actor, or all of the group: "Ana, Bo and 3 others"."""
        return phrase(self.people, self.people_count) if self.speaks_for_others else self.actor_name

    @property
    def people_html(self) -> str:
        """The same, escaped, each name isolated for mixed writing directions."""
        if not self.speaks_for_others:
            return self.actor_name
        return mark_safe(phrase([format_html("<bdi>{}</bdi>", name) for name in self.people], self.people_count))

    @property
    def speaks_for_others(self) -> bool:
        """An event that another stands for says what it was by itself: some of its people may have been taken back."""
        return self.people_count > 1 and self.superseded_at is None

    @property
    def page_title(self) -> str:
        """Of its own page. One that was taken back hides what it said."""
        return gettext("Withdrawn") if self.retracted_at else self.title_text

    @property
    def excerpt(self) -> str:
        """The body as lists show it: one paragraph of at most 280 characters."""
        text = " ".join(self.body_text[: EXCERPT_LENGTH * 4].split())
        return text if len(text) <= EXCERPT_LENGTH else Truncator(text).chars(EXCERPT_LENGTH)

    @property
    def body_text(self) -> str:
        """With a verb, the body is a text of ours too, and is shown in the reader's language where that is known;
        unless it quotes somebody."""
        if self.unavailable_at:
            return ""
        is_ours = self.verb and self.body and not verbs.quotes(self.verb)
        return gettext(self.body) if is_ours else self.body

    @property
    def link(self) -> str:
        return "" if self.unavailable_at else self.url

    @property
    def reason_text(self) -> str:
        return gettext(self.reason) if self.reason else ""

    @property
    def unlisted_count(self) -> int:
        """How many of them its row does not list."""
        return self.earlier_count - len(self.events)

    @property
    def mute_label(self) -> str:
        """What its reader calls the conversation or the object."""
        return self.title_text if self.unavailable_at else self.target_label or self.title_text

    @property
    def earlier_count(self) -> int:
        """How many events of its group it stands for beside its own."""
        return self.group_size - 1

    @property
    def arrived_at(self) -> datetime:
        return clock.at(self.arrival or 0)

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

    def as_inserted(self) -> "Notification":
        """After its insertion, of which somebody else knows the rest: what stamping writes is read when it is asked
        for, and never what it was before."""
        self._state.adding, self._state.db = False, router.db_for_write(type(self))
        for name in STAMPED:
            del self.__dict__[name]
        return self

    def stands_in(self, view: str) -> bool:
        """Whether the list of that view shows it. The same rule as ``in_view()``, for a row in hand."""
        if self.revision is None or self.retracted_at or self.superseded_at:
            return False
        if self.broadcast_id and not (self.broadcast and self.broadcast.is_in_inbox):
            return False
        if view == "saved":
            return self.saved_at is not None
        if view == "archived" or self.archived_at:
            return view == "archived" and self.archived_at is not None
        if view == "snoozed" or self.snoozed_until:
            return view == "snoozed" and self.snoozed_until is not None
        return view == "all" or (view == "unread" and self.is_unread) or view == f"category:{self.category}"

    def has_moved_since(self, revision: int) -> bool:
        """Whether it has got another place in its lists since then."""
        return self.returned_at is not None and (self.arrived_revision or 0) > revision

    def has_only_arrived_since(self, revision: int) -> bool:
        """Whether it was in no list before, and nothing has happened to it but its arrival."""
        is_new = self.returned_at is None and revision < (self.arrived_revision or 0) == self.revision
        return is_new and self.stands_in("all") and self.saved_at is None

    @property
    def is_unseen(self) -> bool:
        """Whether the bell counts it. For broadcasts; the others are counted by their inbox."""
        return self.seen_at is None and self.stands_in("unread")

    @property
    def is_shown_as_banner(self) -> bool:
        broadcast = self.broadcast
        return broadcast is not None and broadcast.is_banner and not (self.dismissed_at or self.is_acknowledged)

    @property
    def is_acknowledged(self) -> bool:
        return self.acknowledged_at is not None

    @property
    def asks_acknowledgement(self) -> bool:
        return bool(self.broadcast_id and self.broadcast and self.broadcast.asks_acknowledgement)

    @property
    def is_over(self) -> bool:
        """A broadcast that was opened after its end."""
        return bool(self.broadcast_id and self.retracted_at)

    @property
    def is_to_be_read(self) -> bool:
        return self.read_at is None and self.archived_at is None

    def take_place_of(self, before: "Notification", known: Container[str]) -> None:
        """Stand for the event before it, too: for all of its group when that was still to be read.

        ``known`` are people of that group: those who have acted in it before.
        """
        self.saved_at = before.saved_at
        if before.is_to_be_read:
            self.group_id = before.group_id or before.pk
            self.group_size = before.group_size + 1
            name = self.actor_name
            is_new = bool(name) and name not in before.people and name not in known
            self.people_count = before.people_count + is_new
            self.people = ([name] if name else []) + [other for other in before.people if other != name]
            self.people = self.people[:PEOPLE_NAMED]

    def check_same_content(self, draft: Draft) -> None:
        """Raise KeyTaken when the draft says something else than this row, naming both."""
        for name, value in draft.message().items():
            if getattr(self, name) != value:
                raise KeyTaken(
                    f"The key {self.key!r} already names a notification with {name} {getattr(self, name)!r}; "
                    f"now it came with {name} {value!r}."
                )


class Retraction(models.Model):
    """The wish to take a notification back, or what it is about, carried out after the commit of its sender.

    It is a row of its own because a change of the notification itself would hold a lock that its reader waits for.
    """

    notification = models.ForeignKey(Notification, models.CASCADE)
    is_of_target = models.BooleanField(default=False)  # the notification stays, and says that it leads nowhere
    wished_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"retraction of {self.notification_id}"


def phrase(names: list[Any], count: int) -> str:
    """ "Ana and Bo", "Ana, Bo and Chi", "Ana, Bo and 3 others": ``names`` are the first of ``count``."""
    if count == 2:
        return gettext("{first} and {second}").format(first=names[0], second=names[1])
    others = count - 2
    if others == 1 and len(names) > 2:
        return gettext("{first}, {second} and {third}").format(first=names[0], second=names[1], third=names[2])
    text = ngettext("{first}, {second} and {count} other", "{first}, {second} and {count} others", others)
    return text.format(first=names[0], second=names[1], count=others)


def pending_inboxes(limit: int) -> list[int]:
    """Inboxes in which a writer that died left something unstamped or unretracted."""
    arrivals = Notification.objects.pending().values_list("inbox_id", flat=True)[:limit]
    wishes = Retraction.objects.values_list(F("notification__inbox_id"), flat=True)[:limit]
    return sorted({*arrivals, *wishes})


def due_inboxes(limit: int) -> list[int]:
    """Inboxes in which something was snoozed until now or earlier."""
    due = Notification.objects.snoozed().filter(snoozed_until__lte=clock.now()).order_by()
    first = due.values("inbox_id").annotate(first=Min("snoozed_until")).order_by("first")
    return sorted(row["inbox_id"] for row in first[:limit])
