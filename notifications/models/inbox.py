from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import models, transaction
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from notifications import categories, targets
from notifications.live import push

from . import clock, grouping
from .broadcast import KEY_START
from .bulk import insert_for_each, update_each
from .change import Change
from .mute import CATEGORY, Mute
from .noticeboard import DONE, OF_ITS_PLACE, Noticeboard
from .notification import Notification, NotificationQuerySet, Retraction
from .prepared import Prepared
from .reach import Reach
from .sighting import Sighting
from .undo import Undo

DISPLAY_LIMIT = 99
SNOOZE_LIMIT = timedelta(days=366)
RETURNS_LIMIT = 100  # snoozed items brought back in one transaction


def display_of(count: int) -> str:
    """A number as the bell shows it."""
    return str(count) if count <= DISPLAY_LIMIT else f"{DISPLAY_LIMIT}+"


class InvalidSnooze(ValueError):
    """A time that nothing can be snoozed until."""


class InboxQuerySet(models.QuerySet["Inbox"]):
    def of(self, user: AbstractBaseUser) -> "Inbox":
        """The user's inbox, made when missing."""
        return self.filter(user=user).first() or self.get_or_create(user=user)[0]

    def id_of(self, user: AbstractBaseUser) -> int:
        """The id of the user's inbox, made when missing."""
        found = ID_OF(user.pk)
        return int(found[0][0]) if found else self.of(user).pk

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
    is_invisible = models.BooleanField(default=False)  # nobody sees that this reader is here

    objects = InboxQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "inboxes"

    def __str__(self) -> str:
        return f"inbox {self.pk} of {self.user}"

    @cached_property
    def announcements(self) -> list[Notification]:
        """The broadcasts that this reader sees now, as rows of theirs, newest first. ``Noticeboard.read_by()`` gives
        them to many inboxes at once."""
        Noticeboard.current().read_by([self])
        return self.announcements

    @cached_property
    def noticeboard(self) -> Noticeboard:
        """What says so."""
        Noticeboard.current().read_by([self])
        return self.noticeboard

    @property
    def banners(self) -> list[Notification]:
        """The heaviest first, and of those the newest."""
        shown = [row for row in self.announcements if row.is_shown_as_banner]
        return sorted(shown, key=lambda row: row.broadcast.weight if row.broadcast else 0, reverse=True)

    @property
    def unseen_total(self) -> int:
        """The bell's number."""
        return self.unseen_count + sum(row.is_unseen for row in self.announcements)

    @property
    def unseen_display(self) -> str:
        return display_of(self.unseen_total)

    def count_of(self, view: str) -> int:
        """How many items the list of that view has."""
        stored = self.unread_count if view == "unread" else self.counts.get(view, 0)
        return stored + len(self.announcements_in(view))

    def announcements_in(self, view: str) -> list[Notification]:
        return [row for row in self.announcements if row.stands_in(view)]

    def announcement(self, key: str) -> Notification | None:
        return next((row for row in self.announcements if row.key == key), None)

    def collect(self) -> None:
        """The reader came by, and what is running has reached them. No number and no revision changes."""
        Reach.note(self.pk, [row.broadcast_id or 0 for row in self.announcements if row.pk is None])

    def forget_announcements(self) -> None:
        """They are read anew when they are next used."""
        for name in ("announcements", "noticeboard"):
            self.__dict__.pop(name, None)

    def refresh_for_reader(self) -> None:
        """Another group, or staff by now: every page looks anew, since other broadcasts may address them."""
        with self.change() as change:
            self.floor = change.revision
            change.is_real = True

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
            self.forget_announcements()
            change = Change(self)
            yield change
            if change.is_real:
                self.revision = change.revision
                self.save()
                transaction.on_commit(partial(push.nudge, {self.pk: self.revision}), robust=True)

    def row_of(self, notification: Notification) -> str:
        """The key of the row that stands for it: its own, or that of a newer event of its group."""
        if notification.superseded_at is None:
            return notification.key
        top = self.notifications.listed().filter(group_id=notification.group_id).first()
        return top.key if top else notification.key

    def mark_read(self, *keys: str) -> Undo:
        return self._mark(self.notifications.listed().filter(key__in=keys, read_at=None), "read_at", keys)

    def mark_unread(self, *keys: str) -> None:
        """But for what is no longer available, which asks for nothing."""
        rows = self.notifications.listed().filter(key__in=keys, read_at__isnull=False, unavailable_at=None)
        self._unmark(rows, "read_at", keys)

    def archive(self, *keys: str) -> Undo:
        return self._mark(self.notifications.unarchived().filter(key__in=keys), "archived_at", keys)

    def unarchive(self, *keys: str) -> None:
        self._unmark(self.notifications.archived().filter(key__in=keys), "archived_at", keys)

    def mark_saved(self, *keys: str) -> None:
        self._mark(self.notifications.listed().filter(key__in=keys, saved_at=None), "saved_at", keys)

    def mark_unsaved(self, *keys: str) -> None:
        self._unmark(self.notifications.saved().filter(key__in=keys), "saved_at", keys)

    def dismiss(self, key: str) -> None:
        """Take a banner away; its reader has dealt with it. Those that are not dismissible stay."""
        with self.change() as change:
            own = self._own([key])
            row = self.announcement(key)
            if row and row.broadcast and row.broadcast.is_dismissible and row.is_shown_as_banner:
                moment = clock.now()
                change.update(own.filter(read_at=None), read_at=moment)
                change.update(own.filter(seen_at=None), seen_at=moment)
                change.update(own.filter(dismissed_at=None), dismissed_at=moment)

    def acknowledge(self, key: str) -> None:
        """Its reader says: I have read this."""
        with self.change() as change:
            own = self._own([key])
            row = self.announcement(key)
            if row and row.broadcast and row.asks_acknowledgement:
                moment = clock.now()
                change.update(own.filter(read_at=None), read_at=moment)
                change.update(own.filter(acknowledged_at=None), acknowledged_at=moment)
                reminders = self.notifications.unread().about(targets.name_of(row.broadcast))
                change.update(reminders, read_at=moment)

    def mark_all_read(self, upto: int, board: int = 0) -> Undo:
        """Reads what had arrived by revision ``upto`` of the inbox, and ``board`` of the board. What is on its way to
        the reader's page stays unread."""
        return self._mark_all("unread", upto, board, "read_at")

    def archive_all(self, upto: int, board: int = 0) -> Undo:
        return self._mark_all("all", upto, board, "archived_at")

    def _mark_all(self, view: str, upto: int, board: int, state: str) -> Undo:
        with self.change() as change:
            moment = clock.now()
            own = self._own(row.key for row in self._shown_by(board) if row.stands_in(view))
            count = change.update(own.filter(**{state: None}), **{state: moment})
            count += change.update(self.notifications.in_view(view).arrived_by(upto), **{state: moment})
            return Undo(self.pk, state, moment, change.revision, count)

    def _shown_by(self, board: int) -> list[Notification]:
        """The announcements that pages at that position of the board have shown."""
        return [row for row in self.announcements if row.broadcast and (row.broadcast.shown_revision or 0) <= board]

    def _mark(self, rows: NotificationQuerySet, state: str, keys: Iterable[str]) -> Undo:
        """Put these rows into a state, which bears the time of this act, so that it can be undone."""
        with self.change() as change:
            self._own(keys)
            moment = clock.now()
            count = change.update(rows, **{state: moment})
            return Undo(self.pk, state, moment, change.revision, count)

    def _unmark(self, rows: NotificationQuerySet, state: str, keys: Iterable[str]) -> None:
        with self.change() as change:
            self._own(keys)
            change.update(rows, **{state: None})

    def _own(self, keys: Iterable[str]) -> NotificationQuerySet:
        """The reader's own rows of those of these keys that are broadcasts, ready to be written: made where they are
        missing, and without what was done before the broadcast was shown once more."""
        wanted = {key for key in keys if key.startswith(KEY_START)}
        rows = [row for row in self.announcements if row.key in wanted] if wanted else []
        self._make_own(rows)
        outdated = [row for row in rows if row.pk is not None and row.is_outdated]
        update_each(outdated, [*DONE, *OF_ITS_PLACE, "arrival", "shown_revision"])
        return self.notifications.filter(key__in=wanted, broadcast__isnull=False)

    def _make_own(self, announcements: Iterable[Notification]) -> None:
        """Those of them that are missing, in one statement; somebody else may be making them, too."""
        own: list[Notification] = []
        for row in announcements:
            if row.pk is None and row.broadcast:
                own.append(row.broadcast.row(self))
        Notification.objects.bulk_create(own, ignore_conflicts=True)

    def snooze(self, *keys: str, until: datetime) -> Undo:
        """Out of sight until then. Raises InvalidSnooze for a time that is over or more than a year away."""
        with self.change() as change:
            self._own(keys)
            moment = clock.now()
            if not moment < until <= moment + SNOOZE_LIMIT:
                raise InvalidSnooze(_("Choose a time in the future, at most a year from now."))
            rows = self.notifications.unarchived().filter(key__in=keys).exclude(snoozed_until=until)
            before = {row.key: [str(row.snoozed_at), str(row.snoozed_until)] for row in rows if row.snoozed_until}
            count = change.update(rows, snoozed_at=moment, snoozed_until=until)
            return Undo(self.pk, "snoozed_at", moment, change.revision, count, before)

    def unsnooze(self, *keys: str) -> None:
        with self.change() as change:
            change.update(self.notifications.snoozed().filter(key__in=keys), snoozed_at=None, snoozed_until=None)

    def bring_back_due(self) -> bool:
        """What was snoozed until now or earlier arrives once more. True when there may be more of it."""
        with self.change() as change:
            due = self.notifications.snoozed().filter(snoozed_until__lte=clock.now())
            rows = list(due.order_by("snoozed_until", "arrival")[:RETURNS_LIMIT])
            for row in rows:
                change.bring_back(row)
            return len(rows) == RETURNS_LIMIT

    def undo(self, undo: Undo) -> int:
        """Give the rows of an act the states back that they had before it, but for those that have others since.

        How many they were.
        """
        with self.change() as change:
            rows = self.notifications.changed_since(undo.revision - 1).filter(**{undo.state: undo.at})
            if undo.state == "read_at":
                rows = rows.filter(unavailable_at=None)
            if undo.state != "snoozed_at":
                return change.update(rows, **{undo.state: None})
            count = 0
            for key, (since, until) in undo.before.items():
                times = {"snoozed_at": datetime.fromisoformat(since), "snoozed_until": datetime.fromisoformat(until)}
                count += change.update(rows.filter(key=key), **times)
            return count + change.update(rows, snoozed_at=None, snoozed_until=None)

    def mark_seen(self, upto: int, board: int = 0) -> None:
        """The reader has opened the bell on a page that stood at revision ``upto``, and at ``board`` of the board."""
        with self.change() as change:
            unseen = self._own([row.key for row in self._shown_by(board) if row.is_unseen])
            change.update(unseen, seen_at=clock.now())
            # What arrived later has changed later, too: that has an index, and leaves few rows to look at.
            shown = self.notifications.listed().of_their_own().changed_since(self.seen_revision).arrived_by(upto)
            newest = shown.aggregate(newest=models.Max("arrived_revision"))["newest"]
            if newest is None or newest <= self.seen_revision:
                return
            self.seen_revision = newest
            later = self.notifications.unread().of_their_own().changed_since(newest)
            self.unseen_count = later.filter(arrived_revision__gt=newest).count()
            Sighting.objects.create(inbox=self, revision=newest, at=clock.now())
            change.is_real = True

    def mark_unavailable(self, *keys: str) -> None:
        """What these were about is gone, or not this reader's any more: they say so, and ask for nothing."""
        with self.change() as change:
            self._close(change, self.notifications.stamped().filter(key__in=keys, unavailable_at=None))

    def _close(self, change: Change, rows: NotificationQuerySet) -> None:
        moment = clock.now()
        found = list(rows.values_list("pk", "group_key"))
        closed = self.notifications.filter(pk__in=[pk for pk, _ in found], unavailable_at=None)
        change.update(closed.filter(read_at=None), unavailable_at=moment, read_at=moment)
        change.update(closed, unavailable_at=moment)
        grouping.mend(change, {group_key for _, group_key in found if group_key})

    def carry_out_retractions(self) -> None:
        """Do what ``retract()`` and ``close()`` wished for. A retracted row stays, so that pages learn that it is
        gone."""
        with self.change() as change:
            wishes = Retraction.objects.filter(notification__inbox=self, notification__revision__isnull=False)
            row = ("notification_id", "notification__group_key")
            wished = list(wishes.values_list("pk", "is_of_target", *row))
            closed = [pk for _, is_of_target, pk, _ in wished if is_of_target]
            if closed:
                self._close(change, self.notifications.filter(pk__in=closed))
            taken_back = {pk: group_key for _, is_of_target, pk, group_key in wished if not is_of_target}
            change.update(self.notifications.filter(pk__in=taken_back, retracted_at=None), retracted_at=clock.now())
            grouping.mend(change, set(taken_back.values()) - {""})
            Retraction.objects.filter(pk__in=[pk for pk, *_ in wished]).delete()

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

    def become_invisible(self) -> None:
        self._prefer(is_invisible=True)

    def become_visible(self) -> None:
        self._prefer(is_invisible=False)

    def _prefer(self, **preferences: bool) -> None:
        """Pages that are loaded from now on go by it; no revision tells it to those that are open."""
        Inbox.objects.filter(pk=self.pk).update(**preferences)

    def mute_category(self, name: str) -> None:
        """Nothing more of that category will be delivered. Raises ValueError for a required one."""
        if categories.get(name).required:
            raise ValueError(f"The category {name!r} cannot be switched off.")
        Mute.put(self, CATEGORY, name)

    def unmute_category(self, name: str) -> None:
        self.mutes.filter(kind=CATEGORY, name=name).delete()

    def muted_categories(self) -> set[str]:
        return set(self.mutes.in_force().filter(kind=CATEGORY).values_list("name", flat=True))

    def mute(self, kind: str, name: str, label: str, until: datetime | None) -> None:
        """Nothing more of this conversation or about this object will be delivered until then; None is always."""
        Mute.put(self, kind, name, label, until)

    def unmute(self, pk: int) -> None:
        self.mutes.filter(pk=pk).delete()


ID_OF = Prepared(Inbox, lambda user: Inbox.objects.filter(user=user).values_list("pk").query)
