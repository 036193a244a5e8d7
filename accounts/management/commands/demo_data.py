"""manage.py demo_data: a small team with ten days behind it. Running it again adds only what is missing."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from accounts import demo
from accounts.demo.talk import ensure_threads
from notifications.broadcasting import broadcast
from notifications.delivery import notify
from notifications.models import Broadcast, Inbox, Notification

ITEMS = Path(demo.__file__).with_name("items.toml")
BROADCASTS = ITEMS.with_name("broadcasts.toml")
SNOOZE = timedelta(days=2)
UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class Command(BaseCommand):
    help = "Makes the demo's people (ada, bo, chi, dana) and fills their inboxes. Only with DEBUG."

    def handle(self, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demo's accounts have a known password: demo_data works only with DEBUG=1.")
        # Staff come last: they need not be told that the others have joined.
        users = {person.username: ensure_user(person) for person in sorted(demo.CAST, key=lambda who: who.is_staff)}
        items = tomllib.loads(ITEMS.read_text())
        added = sum(ensure_items(users[name], items[name], users) for name in items)
        ensure_threads(users, time_span)
        for said in tomllib.loads(BROADCASTS.read_text())["broadcast"]:
            ensure_broadcast(said, users["ada"])
        if options["verbosity"]:
            self.stdout.write(f"The demo is complete; {added} notifications were missing.")


def ensure_user(person: demo.DemoUser) -> Any:
    users = get_user_model()._default_manager
    user = users.filter(username=person.username).first()
    return user or users.create_user(
        person.username,
        f"{person.username}@example.com",
        demo.PASSWORD,
        display_name=person.display_name,
        language=person.language,
        time_zone=person.time_zone,
        is_staff=person.is_staff,
        is_superuser=person.is_staff,
    )


def ensure_items(user: Any, items: list[dict[str, Any]], users: dict[str, Any]) -> int:
    """Deliver what this inbox never had, and leave each item as its owner would have. How many were missing."""
    inbox = Inbox.objects.of(user)
    known = set(inbox.notifications.values_list("key", flat=True))
    missing = [item for item in items if item["key"] not in known]
    for item in missing:
        if item.get("state") != "new":
            deliver(inbox, item, users)
    if len(missing) == len(items):
        inbox.mark_seen(upto=inbox.revision)
    for item in missing:
        if item.get("state") == "new":
            deliver(inbox, item, users)
    return len(missing)


def deliver(inbox: Inbox, item: dict[str, Any], users: dict[str, Any]) -> None:
    content = {name: value for name, value in item.items() if name not in ("ago", "state")}
    content["actor"] = users.get(content.get("actor", ""), content.get("actor"))
    notification = notify(inbox.user, **content)
    if notification is None:  # its category is switched off
        return
    arrival = int((now() - time_span(item["ago"])).timestamp() * 1_000_000)
    Notification.objects.filter(pk=notification.pk).update(arrival=arrival)
    state = item.get("state", "read")
    if state in ("read", "saved", "archived"):
        inbox.mark_read(notification.key)
    if state == "saved":
        inbox.mark_saved(notification.key)
    if state == "snoozed":
        inbox.snooze(notification.key, until=now() + SNOOZE)
    if state == "archived":
        inbox.archive(notification.key)
    inbox.refresh_from_db()


def ensure_broadcast(said: dict[str, Any], author: Any) -> None:
    if Broadcast.objects.filter(key=said["key"]).exists():
        return
    content = {name: value for name, value in said.items() if name not in ("ago", "lasted")}
    ends_at = None if "lasted" in said else sunday_morning()
    one = broadcast(**content, author=author, ends_at=ends_at)
    if "lasted" in said:
        one.end(author)
    begin = now() - time_span(said["ago"])
    end = begin + time_span(said["lasted"]) if "lasted" in said else None
    one.events.update(at=begin)
    one.events.filter(what="ended").update(at=end)
    times = dict.fromkeys(("made_at", "starts_at", "published_at"), begin)
    Broadcast.objects.filter(pk=one.pk).update(**times, left_at=end, arrival=int(begin.timestamp() * 1_000_000))


def sunday_morning() -> datetime:
    """The next one, at 06:00 UTC; on a Sunday that in a week."""
    today = now().astimezone(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
    return today + timedelta(days=6 - today.weekday() or 7)


def time_span(text: str) -> timedelta:
    """A span from "9d 3h" or "40m"."""
    return timedelta(**{UNITS[part[-1]]: int(part[:-1]) for part in text.split()})
