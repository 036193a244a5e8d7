"""Readers with a session and an open page each: `python -m benchmarks.readers COUNT FILE`, in the site's surroundings.

As in life hardly two of them have the same numbers, and some have loaded older pages. A line of the file is what the
load client needs to be one of them: session, since, board, bottom, and what else stands in the resume form.
"""

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

if __name__ == "__main__":
    django.setup()

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils.timezone import now

from notifications.job_lists import stamp_of
from notifications.models import Board, Inbox

User = get_user_model()


def main(count: int, path: Path) -> None:
    User.objects.create(username="ada", is_staff=True, password="!")
    inboxes = make_inboxes(count)
    keys = make_sessions(inboxes)
    board = Board.load()
    path.write_text("".join(f"{line}\n" for line in pages(inboxes, keys, board)))


def make_inboxes(count: int) -> list[Any]:
    User.objects.bulk_create(User(username=f"reader{number:06d}", password="!") for number in range(count))
    Inbox.objects.of_users(User.objects.values_list("pk", flat=True))
    readers = Inbox.objects.filter(user__username__startswith="reader")
    inboxes = list(readers.select_related("user").order_by("user__username"))
    for number, inbox in enumerate(inboxes):
        inbox.revision = number % 1_000
        inbox.unread_count, inbox.unseen_count = number % 211, number % 103
        inbox.counts = {"all": number % 503, "archived": number % 307, "category:general": number % 401}
    Inbox.objects.bulk_update(inboxes, ["revision", "unread_count", "unseen_count", "counts"], 500)
    return inboxes


def make_sessions(inboxes: list[Any]) -> list[str]:
    store, expires = SessionStore(), now() + timedelta(days=1)
    sessions = [
        Session(session_key=f"{number:032d}", session_data=store.encode(signed_in(inbox.user)), expire_date=expires)
        for number, inbox in enumerate(inboxes)
    ]
    Session.objects.bulk_create(sessions)
    return [session.session_key for session in sessions]


def signed_in(user: Any) -> dict[str, str]:
    return {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }


def pages(inboxes: list[Any], keys: list[str], board: Any) -> Iterator[str]:
    for number, (inbox, key) in enumerate(zip(inboxes, keys, strict=True)):
        bottom = f"{number % 7 * 1_000}@{inbox.revision}.{board.revision}"
        yield "\t".join([key, str(inbox.revision), str(board.revision), bottom, form(inbox, board)])


def form(inbox: Any, board: Any) -> str:
    """The fields that do not move, as the inside of a JSON object."""
    fields = {"epoch": board.epoch, "inbox": str(inbox.pk), "view": "feed:all", "bell": "", "bell_at": ""}
    fields |= {"live": "on", "tray": stamp_of(()), "jobs": "", "jobs_at": "", "line": "0"}
    fields |= {"language": "en", "zone": "UTC", "title": "Inbox", "build": settings.BUILD_ID}
    return json.dumps(fields, separators=(",", ":"))[1:-1]


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
