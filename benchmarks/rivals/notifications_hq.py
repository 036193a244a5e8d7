"""django-notifications-hq in an environment of its own, for it needs an older Django, and has the name of our app.

`notifications_hq.py send SIZE ...`: how long `notify.send()` to so many users takes, on SQLite.
`notifications_hq.py lists URL SIZE ...`: list and unread count of a reader with so many notifications, on PostgreSQL.
Each prints a line of JSON for each size.
"""

import json
import sys
import tempfile
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings

PAGE = 30  # notifications, as on a page of ours


def main(what: str, *words: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{directory}/db.sqlite3"}
        set_up(postgresql(words[0]) if what == "lists" else sqlite)
        if what == "lists":
            lists([int(word) for word in words[1:]])
        else:
            send([int(word) for word in words])


def postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname])[0]
    user = {"USER": parts.username or "postgres", "PASSWORD": parts.password or "", "PORT": parts.port or ""}
    return {"ENGINE": "django.db.backends.postgresql", "NAME": parts.path[1:], "HOST": host, **user}


def set_up(database: dict[str, Any]) -> None:
    settings.configure(
        SECRET_KEY="benchmark",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "notifications"],
        DATABASES={"default": database},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=True,
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def send(sizes: list[int]) -> None:
    from django.contrib.auth.models import User
    from django.db import connection

    from notifications.signals import notify

    connection.cursor().execute("PRAGMA journal_mode=WAL")
    connection.cursor().execute("PRAGMA synchronous=NORMAL")
    actor = User.objects.create(username="actor")
    for size in sizes:
        there = User.objects.count()
        User.objects.bulk_create([User(username=f"user{number}") for number in range(there, size)])
        began = time.perf_counter()
        notify.send(actor, recipient=User.objects.all(), verb="announced", description="Maintenance")
        print(json.dumps({"size": size, "ms": (time.perf_counter() - began) * 1000}), flush=True)


def lists(sizes: list[int]) -> None:
    from django.contrib.auth.models import User
    from plans import cost

    from notifications.signals import notify

    actor, reader = User.objects.create(username="actor"), User.objects.create(username="bo")
    notify.send(actor, recipient=reader, verb="announced", description="Maintenance")
    there = 1
    for size in sizes:
        fill(there, size)
        there = size
        page = cost(lambda: [str(one) for one in reader.notifications.all()[:PAGE]])
        number = cost(lambda: reader.notifications.unread().count())
        print(json.dumps({"size": size, "page": page, "number": number}), flush=True)


def fill(there: int, size: int) -> None:
    """Copies of the first one; every third is read."""
    from django.db import connection

    from notifications.models import Notification

    other = {"unread": "number % 3 <> 0", "timestamp": "timestamp + number * interval '1 second'"}
    columns = [field.column for field in Notification._meta.local_concrete_fields if not field.primary_key]
    copied = ", ".join(other.get(name, name) for name in columns)
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO notifications_notification ({names}) SELECT {copied} FROM notifications_notification, "
            f"generate_series({there + 1}, {size}) AS number WHERE notifications_notification.id = 1"
        )
        cursor.execute("VACUUM ANALYZE notifications_notification")


if __name__ == "__main__":
    main(*sys.argv[1:])
