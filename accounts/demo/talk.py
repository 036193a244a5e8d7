"""The demo's rooms and threads, as if they had been there for days."""

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils.timezone import now

from notifications import telling
from notifications.models import Inbox, Message, Thread
from notifications.threads import content_of, name_of_room

THREADS = Path(__file__).with_name("threads.toml")


def ensure_threads(users: dict[str, Any], moment_of: Any) -> int:
    """Those that are missing; how many. ``moment_of`` makes a time of "2d 3h"."""
    wanted = tomllib.loads(THREADS.read_text())["thread"]
    return sum(ensure_thread(one, users, moment_of) for one in wanted)


def ensure_thread(wanted: dict[str, Any], users: dict[str, Any], moment_of: Any) -> bool:
    inboxes = {name: Inbox.objects.of(users[name]) for name in wanted["people"]}
    thread = made(wanted, inboxes)
    if thread.last_number:
        return False
    for said in wanted["said"]:
        say(thread, inboxes, said, now() - moment_of(said["ago"]))
    telling.tell(Thread.objects.get(pk=thread.pk))
    return True


def made(wanted: dict[str, Any], inboxes: dict[str, Inbox]) -> Thread:
    if "title" not in wanted:
        return Thread.begin(*inboxes.values())
    name = name_of_room(wanted["title"])
    found = Thread.objects.rooms().filter(topic=f"room:{name}").first()
    if found is None:
        is_open = wanted.get("is_open", True)
        found = Thread.make_room(
            name, wanted["title"], inboxes[wanted["keeper"]], about=wanted["about"], is_open=is_open
        )
        found.admit([inbox.pk for inbox in inboxes.values()])
    return found


def say(thread: Thread, inboxes: dict[str, Inbox], said: dict[str, Any], at: datetime) -> None:
    """At that time. What is not new has been read by everybody."""
    message = thread.post(inboxes[said["by"]], content_of(said["text"]), f"demo-{thread.last_number}")
    arrival = int(at.timestamp() * 1_000_000)
    Message.objects.filter(pk=message.pk).update(arrival=arrival)
    Thread.objects.filter(pk=thread.pk).update(last_arrival=arrival)
    if not said.get("new"):
        thread.follows.update(read_number=message.number)
        Thread.objects.filter(pk=thread.pk).update(told_number=message.number)
    thread.refresh_from_db()
