"""The door for everyone's own code to speak to many: ``broadcast``, ``remind``, and ``abroadcast`` for async callers.

What is said here is checked as the form checks it. The verbs of a broadcast that is there are its own: ``end()``,
``withdraw()``, ``rewrite()``.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import AbstractBaseUser, Group
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from .delivery import notify_many
from .models import Audience, Broadcast, BroadcastEvent, Content, InvalidBroadcast, KeyTaken, clock
from .models.broadcast import CATEGORY, DRAFT
from .models.broadcast_content import ids_of
from .models.broadcast_event import CREATED, EDITED, REMINDING, SHOWN_AGAIN
from .models.draft import KEY

REMINDED_AT_ONCE = 1_000  # people; more are reminded by a task
BATCH = 1_000  # people reminded in one go of that task


class BroadcastInTransaction(RuntimeError):
    """A broadcast was begun inside of a transaction, whose end it cannot wait for."""


def broadcast(
    title: str,
    *,
    body: str = "",
    url: str = "",
    level: str = "info",
    placement: str = "inbox",
    audience: Any = "everyone",
    is_dismissible: bool = True,
    asks_acknowledgement: bool = False,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    author: Any = None,
    key: str = "",
) -> Broadcast:
    """Say something to an audience: now, or from ``starts_at`` on.

    ``audience`` is "everyone", "staff", "group:NAME", "user:NAME", a group, a user, a queryset, or several groups or
    several users. The same ``key`` again says nothing a second time and returns the first broadcast. Raises
    InvalidBroadcast with every mistake at its field, KeyTaken where the key names one with other content, and
    BroadcastInTransaction inside of a transaction: it takes its turn under a lock that must not wait for the caller.
    """
    if key and not KEY.fullmatch(key):
        raise InvalidBroadcast({"key": _("A key is 1 to 100 of A-Z, a-z, 0-9, - and _.")})
    content = Content(
        title=str(title).strip(),
        body=str(body),
        url=str(url),
        level=level,
        placement=placement,
        is_dismissible=is_dismissible,
        asks_acknowledgement=asks_acknowledgement,
        starts_at=aware("starts_at", starts_at),
        ends_at=aware("ends_at", ends_at),
        **audience_of(audience),
    )
    try:
        return send(content, author, key)
    except RuntimeError as error:
        if not transaction.get_connection().in_atomic_block:
            raise
        raise BroadcastInTransaction(
            "broadcast() was called inside of a transaction. Call it after the commit, "
            "for example by transaction.on_commit()."
        ) from error


abroadcast = sync_to_async(broadcast)


def send(content: Content, author: Any, key: str) -> Broadcast:
    """Begin and publish. What a caller who was killed in between has left is published by its repetition."""
    found = Broadcast.objects.filter(key=key).first() if key else None
    if found is None:
        found = Broadcast.draft(content, author, key=key)  # somebody else's by now, perhaps
    if key:
        check_same_content(found, content)
    if found.state == DRAFT and not found.events.exclude(what=CREATED).exists():
        found.publish(author)
    return found


def aware(name: str, moment: datetime | None) -> datetime | None:
    if moment is not None and timezone.is_naive(moment):
        raise InvalidBroadcast({name: _("Give a time with its zone; got {moment}.").format(moment=moment)})
    return moment


def may_broadcast(user: Any) -> bool:
    """By the pages; broadcast() asks nobody."""
    return bool(user.is_staff and user.has_perm("notifications.broadcast"))


# Whom it is for.


def audience_of(given: Any) -> dict[str, Any]:
    """``audience``, ``groups`` and ``names`` of a content. Raises InvalidBroadcast."""
    rules = [given] if isinstance(given, str | Group | AbstractBaseUser) else list(given)
    if rules in (["everyone"], ["staff"]):
        return {"audience": rules[0]}
    groups = [group_of(rule) for rule in rules if is_group(rule)]
    people = [rule for rule in rules if is_person(rule)]
    if len(groups) + len(people) < len(rules) or (groups and people):
        named = ", ".join(str(rule) for rule in rules)[:200]
        expected = _("Address everyone, staff, groups or users, and only one of these; got {named}.")
        raise InvalidBroadcast({"audience": expected.format(named=named)})
    if groups:
        return {"audience": Audience.GROUPS, "groups": groups}
    return {"audience": Audience.PEOPLE, "names": names_of(people)}


def is_group(rule: Any) -> bool:
    return isinstance(rule, Group) or (isinstance(rule, str) and rule.startswith("group:"))


def is_person(rule: Any) -> bool:
    return isinstance(rule, AbstractBaseUser) or (isinstance(rule, str) and rule.startswith("user:"))


def group_of(rule: Any) -> Group:
    if isinstance(rule, Group):
        return rule
    name = rule.removeprefix("group:")
    found = Group.objects.filter(name=name).first()
    if found is None:
        raise InvalidBroadcast({"groups": _("There is no group {name}.").format(name=repr(name))})
    return found


def names_of(people: Iterable[Any]) -> list[str]:
    """Their user names, without users who are not active: nobody would see it there."""
    return [
        person.removeprefix("user:") if isinstance(person, str) else person.get_username()
        for person in people
        if isinstance(person, str) or person.is_active
    ]


# Once only.


def check_same_content(found: Broadcast, content: Content) -> None:
    """Raise KeyTaken unless the broadcast has begun with this content, however it was edited since."""
    began = beginnings(found)
    for name, value in content.columns().items():
        before = began.get(name, getattr(found, name))
        is_same = is_same_start(found, before, value) if name == "starts_at" else before == value
        if not is_same:
            raise taken(found, name, before, value)
    groups = set(began.get("groups", [str(group) for group in found.groups.all()]))
    if content.groups and groups != {str(group) for group in content.groups}:
        raise taken(found, "groups", sorted(groups), sorted(str(group) for group in content.groups))
    if content.names and "people" not in began and people_of(found) != ids_of(content.names):
        raise taken(found, "people", f"{len(people_of(found))} named", f"{len(set(content.names))} named")


def taken(found: Broadcast, name: str, before: Any, value: Any) -> KeyTaken:
    return KeyTaken(
        f"The key {found.key!r} already names a broadcast with {name} {before!s:.200}; "
        f"now it came with {name} {value!s:.200}."
    )


def beginnings(found: Broadcast) -> dict[str, Any]:
    """What editing has changed, as it was at first."""
    began: dict[str, Any] = {}
    for event in found.events.filter(what__in=(EDITED, SHOWN_AGAIN)):  # the newest first
        began |= {name: before for name, (before, _after) in event.changes.items()}
    times = {name: datetime.fromisoformat(began[name]) for name in ("starts_at", "ends_at") if began.get(name)}
    return {**began, **times}


def is_same_start(found: Broadcast, before: datetime | None, value: datetime | None) -> bool:
    """What was to start at once has got the time of its publication since."""
    if before == value:
        return True
    publication = found.events.filter(what__in=("scheduled", "published")).order_by("at", "pk").first()
    moment = publication.at if publication else clock.now()
    return (before is None or before <= moment) and (value is None or value <= moment)


def people_of(found: Broadcast) -> set[Any]:
    return {*found.people.values_list("pk", flat=True), *ids_of(found.names.splitlines())}


# "I have read this".


def remind(broadcast: Broadcast, by: Any = None) -> int:
    """Ask exactly those who are addressed and have not acknowledged it. Returns how many they are.

    More than 1,000 are asked by a task. Again within a minute, it asks nobody a second time. Raises WrongState unless
    the broadcast is running and asks for acknowledgement.
    """
    event = broadcast.note_reminder(by)
    count = int(event.changes["people"][1])
    if event.what == REMINDING and count <= REMINDED_AT_ONCE:
        send_reminders(event)
    return count


def send_reminders(event: BroadcastEvent) -> None:
    """Send what is left of a reminder. Safe to run twice, and from two places."""
    after = None
    while (after := send_some_reminders(event, after)) is not None:
        continue


def send_some_reminders(event: BroadcastEvent, after: Any = None) -> Any:
    """To the next of those whose id is above ``after``: the last id of them, None when nobody was left."""
    broadcast = event.broadcast
    people = broadcast.lacking_acknowledgement().order_by("pk")
    if after is not None:
        people = people.filter(pk__gt=after)
    batch = list(people[:BATCH]) if broadcast.is_live(clock.now()) else []
    if not batch:
        event.finish_reminder()
        return None
    notify_many(
        batch,
        key=f"announcement-reminder-{event.pk}",
        verb="broadcast.reminder",
        actor=event.by or event.by_name,
        target=broadcast,
        url=reverse("notifications:open", args=[broadcast.row_key]),
        category=CATEGORY,
        level=broadcast.level,
        reason=gettext_noop("Because you have not confirmed it"),
    )
    return batch[-1].pk
