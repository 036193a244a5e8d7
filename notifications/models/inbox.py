from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import models, transaction
from django.utils.timezone import now

from notifications import categories, events
from notifications.live import push

from .bulk import insert_for_each
from .notification import Notification, NotificationQuerySet, Retraction
from .tally import Tally

DISPLAY_LIMIT = 99


class InboxQuerySet(models.QuerySet["Inbox"]):
    def of(self, user: AbstractBaseUser) -> "Inbox":
        """The user's inbox, made when missing."""
        return self.filter(user=user).first() or self.get_or_create(user=user)[0]

    def of_users(self, user_ids: Iterable[Any]) -> list[int]:
        """The ids of the inboxes of these users, in order, made where missing."""
        user_ids = set(user_ids)
        found = dict(self.filter(user__in=user_ids).values_list("user_id", "pk"))
        missing = user_ids - found.keys()
        if missing:
            insert_for_each(get_user_model()._base_manager.filter(pk__in=missing), "user", Inbox())
            found.update(self.filter(user__in=missing).values_list("user_id", "pk"))
        return sorted(found.values())

    def locked(self) -> "InboxQuerySet":
        """Locks the rows in the order of their ids. Foreign keys that point to an inbox do not wait for it."""
        return self.order_by("pk").select_for_update(no_key=True)


class Inbox(models.Model):
    """All notifications of one user, with the numbers that pages show of them."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="inbox")
    revision = models.BigIntegerField(default=0)
    floor = models.BigIntegerField(default=0)  # positions below it are too old to be caught up from
    access = models.BigIntegerField(default=0)  # grows when a session of this user may have ended
    seen_revision = models.BigIntegerField(default=0)  # arrivals up to here have been seen
    last_arrival = models.BigIntegerField(default=0)
    unseen_count = models.IntegerField(default=0)
    unread_count = models.IntegerField(default=0)
    counts = models.JSONField(default=dict)  # of the lists: "all", "archived", "category:NAME"
    shows_toasts = models.BooleanField(default=True)
    has_shortcuts = models.BooleanField(default=True)  # of the keyboard, in lists

    objects = InboxQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "inboxes"

    def __str__(self) -> str:
        return f"inbox {self.pk} of {self.user}"

    @property
    def unseen_display(self) -> str:
        return str(self.unseen_count) if self.unseen_count <= DISPLAY_LIMIT else f"{DISPLAY_LIMIT}+"

    def count_of(self, view: str) -> int:
        """How many items the list of that view has."""
        return self.unread_count if view == "unread" else self.counts.get(view, 0)

    @contextmanager
    def change(self) -> Iterator["Change"]:
        """The one door through which anything in this inbox changes.

        It locks the inbox row, so that changes commit in the order of their revisions: a page that has seen revision
        41 can trust that nothing up to 41 will still turn up. It adds one to the revision, keeps the numbers, and
        nudges the hubs after the commit. It is a transaction of its own: inside somebody else's it would hold the
        lock until that one ends, and two of those that meet in opposite orders would deadlock. When nothing was
        changed, nothing is written.
        """
        with transaction.atomic(durable=True):
            self.refresh_from_db(from_queryset=Inbox.objects.locked())
            change = Change(self)
            yield change
            if change.is_real:
                self.revision = change.revision
                self.save()
                transaction.on_commit(partial(push.nudge, {self.pk: self.revision}), robust=True)

    def mark_read(self, key: str) -> None:
        self._mark(self.notifications.listed().filter(key=key, read_at=None), read_at=now())

    def mark_unread(self, key: str) -> None:
        self._mark(self.notifications.listed().filter(key=key, read_at__isnull=False), read_at=None)

    def archive(self, key: str) -> None:
        self._mark(self.notifications.active().filter(key=key), archived_at=now())

    def unarchive(self, key: str) -> None:
        self._mark(self.notifications.archived().filter(key=key), archived_at=None)

    def mark_all_read(self, upto: int) -> None:
        """Reads what had arrived by revision ``upto``. What is on its way to the reader's page stays unread."""
        self._mark(self.notifications.unread().arrived_by(upto), read_at=now())

    def archive_all(self, upto: int) -> None:
        self._mark(self.notifications.active().arrived_by(upto), archived_at=now())

    def _mark(self, rows: NotificationQuerySet, **states: Any) -> None:
        with self.change() as change:
            change.update(rows, **states)

    def mark_seen(self, upto: int) -> None:
        """The reader has opened the bell on a page that stood at revision ``upto``."""
        with self.change() as change:
            # What arrived later has changed later, too: that has an index, and leaves few rows to look at.
            shown = self.notifications.listed().changed_since(self.seen_revision).arrived_by(upto)
            newest = shown.aggregate(newest=models.Max("arrived_revision"))["newest"]
            if newest is None or newest <= self.seen_revision:
                return
            self.seen_revision = newest
            unseen = self.notifications.unread().changed_since(newest).filter(arrived_revision__gt=newest)
            self.unseen_count = unseen.count()
            change.is_real = True

    def carry_out_retractions(self) -> None:
        """Do what ``retract()`` wished for. A retracted row stays, so that pages learn that it is gone."""
        with self.change() as change:
            wishes = Retraction.objects.filter(notification__inbox=self, notification__revision__isnull=False)
            wished = dict(wishes.values_list("pk", "notification_id"))
            change.update(self.notifications.listed().filter(pk__in=wished.values()), retracted_at=now())
            Retraction.objects.filter(pk__in=wished).delete()

    def note_access_change(self) -> None:
        """A session of this user may have ended: every socket of theirs is looked at again."""
        Inbox.objects.filter(pk=self.pk).update(access=models.F("access") + 1)

    def show_toasts(self) -> None:
        self._prefer(shows_toasts=True)

    def hide_toasts(self) -> None:
        self._prefer(shows_toasts=False)

    def enable_shortcuts(self) -> None:
        self._prefer(has_shortcuts=True)

    def disable_shortcuts(self) -> None:
        self._prefer(has_shortcuts=False)

    def _prefer(self, **preferences: bool) -> None:
        """Pages that are loaded from now on go by it; no revision tells it to those that are open."""
        Inbox.objects.filter(pk=self.pk).update(**preferences)

    def mute_category(self, name: str) -> None:
        """Nothing more of that category will be delivered. Raises ValueError for a required one."""
        if categories.get(name).required:
            raise ValueError(f"The category {name!r} cannot be switched off.")
        CategoryMute.objects.get_or_create(inbox=self, category=name)

    def unmute_category(self, name: str) -> None:
        CategoryMute.objects.filter(inbox=self, category=name).delete()

    def muted_categories(self) -> set[str]:
        return set(self.mutes.values_list("category", flat=True))


class Change:
    """One change of one inbox, under its lock."""

    def __init__(self, inbox: Inbox):
        self.inbox = inbox
        self.revision = inbox.revision + 1
        self.is_real = False

    def update(self, rows: NotificationQuerySet, **states: Any) -> None:
        """Write these states to the rows, give them this revision, and move the numbers with them."""
        tally = Tally.of_update(rows, self.inbox.seen_revision, states)
        if tally is None:
            return
        keys = list(rows.values_list("key", flat=True)) if tells(states) else []
        rows.update(revision=self.revision, **states)
        tally.apply_to(self.inbox)
        self.is_real = True
        if keys:
            transaction.on_commit(partial(tell, self.inbox, states, keys))


def tells(states: dict[str, Any]) -> bool:
    return bool(states.get("read_at") and events.notification_read.has_listeners(Notification)) or bool(
        states.get("retracted_at") and events.notification_retracted.has_listeners(Notification)
    )


def tell(inbox: Inbox, states: dict[str, Any], keys: list[str]) -> None:
    signal = events.notification_read if "read_at" in states else events.notification_retracted
    events.send(signal, Notification, inbox=inbox, keys=keys)


class CategoryMute(models.Model):
    """A category that a reader has switched off."""

    inbox = models.ForeignKey(Inbox, models.CASCADE, related_name="mutes")
    category = models.CharField(max_length=40)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "category"], name="mute_once_per_category")]

    def __str__(self) -> str:
        return f"{self.category} muted in inbox {self.inbox_id}"
