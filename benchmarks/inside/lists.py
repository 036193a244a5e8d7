"""Within a site on PostgreSQL: what a reader with so many notifications costs. `python -m benchmarks.inside.lists
SIZE ...` prints a line of JSON for each size: milliseconds, queries and rows read of page, number, catch-up, search."""

import json
import sys
from typing import Any

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from benchmarks.rivals.plans import cost  # noqa: E402
from notifications.delivery import notify  # noqa: E402
from notifications.live.frames import frames_for  # noqa: E402
from notifications.live.positions import Position  # noqa: E402
from notifications.models import Inbox, Noticeboard, Notification  # noqa: E402

#: Of the copies: numbered, every third read, every fifth archived, every thousandth with a rare word.
OTHER = {
    "key": "'n' || number",
    "title": "'Number ' || number",
    "words": "(words::text || CASE WHEN number % 1000 = 0 THEN ' ''needle''' ELSE '' END)::tsvector",
    "category": "CASE WHEN number % 2 = 0 THEN 'people' ELSE 'general' END",
    "revision": "number",
    "arrived_revision": "number",
    "arrival": "arrival + number",
    "read_at": "CASE WHEN number % 3 = 0 THEN sent_at END",
    "archived_at": "CASE WHEN number % 5 = 0 THEN sent_at END",
}
MISSED = 5  # notifications that a page catches up with


def main(sizes: list[int]) -> None:
    bo = get_user_model().objects.create(username="bo")
    notify(bo, title="Number 0", body="Your report is ready.", key="first")
    there = 0
    for size in sizes:
        fill(Inbox.objects.of(bo), there + 1, size)
        there = size
        print(json.dumps({"size": size, **costs(bo)}), flush=True)


def fill(inbox: Any, start: int, end: int) -> None:
    columns = [field.column for field in Notification._meta.local_concrete_fields if not field.primary_key]
    names, copied = ", ".join(columns), ", ".join(OTHER.get(name, name) for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO notifications_notification ({names}) SELECT {copied} FROM notifications_notification, "
            f"generate_series({start + 1}, {end}) AS number WHERE key = 'first'"  # which has the revision 1
        )
        cursor.execute("VACUUM ANALYZE notifications_notification")
    inbox.revision = end
    inbox.last_arrival = inbox.notifications.order_by("-arrival").values_list("arrival", flat=True)[0]
    inbox.unread_count = inbox.unseen_count = inbox.notifications.unread().count()
    inbox.counts = {view: inbox.notifications.in_view(view).count() for view in ("all", "archived", "category:people")}
    inbox.save()


def costs(bo: Any) -> dict[str, dict[str, float]]:
    client = Client(headers={"host": "localhost"})
    client.force_login(bo)
    inbox = Inbox.objects.of(bo)
    board = Noticeboard.current()
    at = Position(since=inbox.revision - MISSED, board=board.revision, view="feed:all", language="en", zone="UTC")
    known = (board.epoch, board.revision)
    return {
        "page": cost(lambda: ok(client.get("/inbox/"))),
        "number": cost(lambda: Inbox.objects.get(pk=inbox.pk).unread_count),
        "catch-up": cost(lambda: frames_for({inbox.pk: {at}}, known)),
        "search": cost(lambda: ok(client.get("/inbox/", {"q": "needle"}))),
    }


def ok(answer: Any) -> None:
    if answer.status_code != 200:
        raise RuntimeError(f"The page was answered with {answer.status_code}.")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
