"""The door for everyone's own code: ``notify``, ``notify_many``, ``retract``, ``close``, and their async twins.

All of them are safe inside and outside of transactions: what a rolled-back transaction or savepoint sent was never
there, and nothing is shown before the commit.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, Group
from django.db import models, transaction
from django.db.models import QuerySet

from . import categories, events, origins, targets, verbs
from .models import Draft, Inbox, Mute, Notification, Retraction, clock
from .models.bulk import insert_for_each, insert_once
from .models.draft import check_key, random_key
from .models.face import display_name
from .models.notification import NotificationQuerySet
from .models.stamping import settle
from .models.words import words_of

log = logging.getLogger(__name__)

BATCH = 2_500  # recipients per statement
CLOSED_AT_ONCE = 100  # inboxes; the tick sees to the others, so that a request does not wait for thousands


@dataclass
class Sent:
    """What became of a ``notify_many()``."""

    count: int = 0
    skipped: dict[str, int] = field(default_factory=dict)  # "inactive", "muted": how many


def notify(recipient: AbstractBaseUser, *, key: str = "", **content: Any) -> Notification | None:
    """Put one notification into the recipient's inbox.

    ``content`` is either ``title="..."`` (at most 200 characters, shown as it is) or ``verb="..."`` with
    ``params={...}`` (rendered in the reader's language), and any of ``body`` (4,000 characters), ``url`` (http(s) or a
    path of this site), ``category``, ``level``, ``actor`` (a user or a name), ``target`` (a model instance or a
    name), ``reason`` and ``group_key`` (events with the same one are one row). The same ``key`` again returns the
    first notification.

    Returns None, after a ``notification_skipped`` signal and a line in the log, when the recipient is inactive or has
    muted the category, the conversation (``group_key``) or the target. Raises InvalidNotification, UnknownCategory,
    UnknownVerb or KeyTaken; all of them are ValueErrors that say what was expected.
    """
    draft = make_draft(**content)
    if key:
        check_key(key)
    if not recipient.is_active:
        skip(recipient, "inactive")
        return None
    inbox_id = Inbox.objects.id_of(recipient)
    if is_muted(inbox_id, draft):
        skip(recipient, "muted")
        return None
    row = put_one(inbox_id, key or random_key(), draft)
    if row.pk:
        return row.as_inserted()
    there = Notification.objects.get(inbox=inbox_id, key=row.key)
    there.check_same_content(draft)
    return there


def notify_many(
    recipients: Iterable[AbstractBaseUser] | QuerySet[Any] | Group, *, key: str = "", **content: Any
) -> Sent:
    """The same for many: users, a queryset of users, or a group, in statements for 2,500 recipients each.

    Returns how many have it (those who had the same ``key`` before included) and how many were skipped and why.
    """
    draft = make_draft(**content)
    if key:
        check_key(key)
    key = key or random_key()
    sent = Sent()
    people = active_flags(recipients)
    while batch := list(islice(people, BATCH)):
        skipped = why_skipped(batch, draft)
        for reason in skipped.values():
            sent.skipped[reason] = sent.skipped.get(reason, 0) + 1
        inbox_ids = Inbox.objects.of_users(pk for pk, _ in batch if pk not in skipped)
        new = put(inbox_ids, key, draft)
        if new < len(inbox_ids):
            check_same_content(inbox_ids, key, draft)
        sent.count += len(inbox_ids)
    return sent


def retract(recipient: Any, key: str) -> bool:
    """Take a notification back: it leaves every page. False when there is none of that key.

    Its key stays taken: a later ``notify()`` with it returns the retracted one. Broadcasts are not among them: they are
    taken back for all whom they address, by ``Broadcast.withdraw()``.
    """
    notification = Notification.objects.of_their_own().filter(inbox__user=recipient, key=key).first()
    if notification is None:
        return False
    with transaction.atomic():
        Retraction.objects.create(notification=notification)
        settle_after_commit([notification.inbox_id])
    return True


def close(target: models.Model, recipients: Iterable[AbstractBaseUser] | None = None) -> int:
    """What was sent about this object says "No longer available", and asks for nothing any more.

    For everybody, or for those who may not see it any longer. Models that are registered in ``targets`` do so by
    themselves when a row is deleted. Returns how many notifications that are.
    """
    rows = Notification.objects.about(targets.name_of(target)).available()
    if recipients is not None:
        rows = rows.filter(inbox__user__in=[user.pk for user in recipients])
    return wish_for_each(rows, Retraction(is_of_target=True))


def wish_for_each(rows: NotificationQuerySet, wish: Retraction) -> int:
    """Carried out after the commit; where there are many, by the tick. How many they are."""
    with transaction.atomic():
        inbox_ids = list(rows.order_by().values_list("inbox_id", flat=True).distinct())
        count = insert_for_each(rows, "notification", wish)
        settle_after_commit(inbox_ids[:CLOSED_AT_ONCE])
    return count


def notify_whole(recipient: AbstractBaseUser, *, key: str = "", **content: Any) -> Notification | None:
    """As ``notify()``, for callers that cannot ask the database when they look at what came of it."""
    notification = notify(recipient, key=key, **content)
    if notification:
        notification.refresh_from_db(fields=notification.get_deferred_fields() - {"words"})
    return notification


anotify = origins.for_async(notify_whole)
anotify_many = origins.for_async(notify_many)
aretract = origins.for_async(retract)
aclose = origins.for_async(close)


def make_draft(actor: Any = None, target: Any = None, **content: Any) -> Draft:
    """The checked content, with actor and target taken down by name, so that the row outlives them."""
    for name in ("title", "body", "url", "reason", "group_key"):
        if name in content:
            content[name] = "" if content[name] is None else str(content[name])
    if isinstance(actor, AbstractBaseUser):
        content |= {"actor_id": actor.pk, "actor_name": display_name(actor)}
    elif actor:
        content["actor_name"] = str(actor)
    if isinstance(target, models.Model):
        content |= {"target": targets.name_of(target), "target_label": str(target)[:200]}
        content["url"] = content.get("url") or address_of(target)
    elif target:
        content["target_label"] = str(target)
    return Draft(**content)


def address_of(target: models.Model) -> str:
    return target.get_absolute_url() if hasattr(target, "get_absolute_url") else ""


def active_flags(recipients: Any) -> Iterator[tuple[Any, bool]]:
    """(id, is active) of each recipient, each once."""
    users = get_user_model()._default_manager
    if isinstance(recipients, Group):
        recipients = users.filter(groups=recipients)
    if isinstance(recipients, QuerySet) and recipients.query.is_sliced:
        recipients = users.filter(pk__in=recipients.values("pk"))
    if isinstance(recipients, QuerySet):
        return iter(recipients.order_by("pk").values_list("pk", "is_active").distinct())
    return iter({user.pk: user.is_active for user in recipients}.items())


def why_skipped(people: list[tuple[Any, bool]], draft: Draft) -> dict[Any, str]:
    """For each of these (id, is active) who gets nothing, the reason."""
    skipped = {pk: "inactive" for pk, is_active in people if not is_active}
    if not categories.get(draft.category).required:
        mutes = Mute.objects.about(category=draft.category, group_key=draft.group_key, target=draft.target)
        muted = mutes.filter(inbox__user__in=[pk for pk, _ in people])
        skipped |= dict.fromkeys(muted.values_list("inbox__user_id", flat=True), "muted")
    return skipped


def is_muted(inbox_id: int, draft: Draft) -> bool:
    about = {"category": draft.category, "group_key": draft.group_key, "target": draft.target}
    return not categories.get(draft.category).required and Mute.silences(inbox_id, **about)


def skip(recipient: AbstractBaseUser, reason: str) -> None:
    log.info("Nothing was delivered to %s: %s.", recipient, reason)
    events.send(events.notification_skipped, Notification, user=recipient, reason=reason)


def put_one(inbox_id: int, key: str, draft: Draft) -> Notification:
    """Into one inbox, in the caller's transaction; shown after its commit. Without an id where the key was there."""
    row = row_of(draft, key)
    row.inbox_id = inbox_id
    with transaction.atomic():
        row.pk = insert_once(row)
        settle_after_commit([inbox_id])
    return row


def put(inbox_ids: list[int], key: str, draft: Draft) -> int:
    """Into these inboxes, in the caller's transaction; shown after its commit. Returns how many are new."""
    with transaction.atomic():
        new = insert(inbox_ids, key, draft)
        settle_after_commit(inbox_ids)
    return new


def insert(inbox_ids: list[int], key: str, draft: Draft) -> int:
    """Rows for these inboxes; where the key is there already, that row stays as it is. Returns how many are new."""
    return insert_for_each(Inbox.objects.filter(pk__in=inbox_ids), "inbox", row_of(draft, key))


def row_of(draft: Draft, key: str) -> Notification:
    """As it is inserted, for whomever it may be."""
    row = Notification(key=key, **draft.fields(), sent_at=clock.now(), **origins.current())
    parts = map(verbs.said, draft.params.values())
    row.words = words_of(draft.title, draft.body, draft.actor_name, draft.target_label, *parts)  # type: ignore[assignment]
    if draft.group_key and draft.actor_name:
        row.people, row.people_count = [draft.actor_name], 1
    return row


def check_same_content(inbox_ids: list[int], key: str, draft: Draft) -> None:
    other = Notification.objects.filter(inbox__in=inbox_ids, key=key).exclude(**draft.message()).first()
    if other:
        other.check_same_content(draft)


def settle_after_commit(inbox_ids: list[int]) -> None:
    """Stamp once per transaction, after its commit, for all that it sent.

    Every call registers a callback of its own, since those of a rolled-back savepoint are dropped. The first one
    that runs does the work for all: it looks at what is committed, whoever asked for it.
    """
    connection = transaction.get_connection()
    waiting: set[int] = connection.__dict__.setdefault("belfry_waiting", set())
    waiting.update(inbox_ids)

    def settle_waiting() -> None:
        if waiting:
            ids = waiting.copy()
            waiting.clear()
            settle(ids)

    transaction.on_commit(settle_waiting, robust=True)
