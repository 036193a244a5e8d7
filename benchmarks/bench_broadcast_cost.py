"""What publishing costs its sender: 10, 1,000, 100,000 and 1,000,000 users, the same site, growing.

Beside it two ways of sending the same to everyone: a row of our own table for each user by `bulk_create()`, and
django-notifications-hq's `notify.send()`, in an environment of its own (`_notifications_hq.py`). What would take
minutes is not run. Times are medians of five; rows are counted in the tables, messages by what left for the bus.
"""

import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path

from _site import ROOT, running_site, table

SIZES = [10, 1_000, 100_000, 1_000_000]
TIMES = 5
BULK_LIMIT, RIVAL_LIMIT = 100_000, 10_000  # users, up to which the others are run
RIVAL = "django-notifications-hq==1.8.3", "Django==4.2.26", "setuptools==80.9.0"  # it does not run on later ones


def main() -> None:
    rows = []
    theirs = rival_times([10, 1_000, RIVAL_LIMIT])
    with running_site():
        from django.contrib.auth import get_user_model

        from notifications.models import Broadcast, Content

        ada = get_user_model().objects.get(username="ada")
        for size in SIZES:
            grow_to(size)
            drafts = [Broadcast.draft(Content(title=f"{size} {number}"), ada) for number in range(TIMES + 1)]
            drafts.pop().publish(ada)  # the first one wakes everything up
            before = rows_now(), messages_now()
            ours = median_ms([lambda draft=draft: draft.publish(ada) for draft in drafts])
            written, sent = (after - then for after, then in zip((rows_now(), messages_now()), before, strict=True))
            bulk = median_ms([write_a_row_for_each]) if size <= BULK_LIMIT else None
            rows.append([f"{size:,} users", written / TIMES, sent / TIMES, ours, bulk, theirs.get(size)])
            for draft in drafts:
                draft.end()
    report(rows, theirs)


def grow_to(size: int) -> None:
    """Accounts with inboxes, by doubling what is there."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from notifications.models import Inbox

    users = get_user_model()
    while (there := users.objects.count()) < size:
        columns = [field.column for field in users._meta.local_concrete_fields if not field.primary_key]
        copied = ", ".join("username || '-' || id" if name == "username" else name for name in columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {users._meta.db_table} ({', '.join(columns)}) "
                f"SELECT {copied} FROM {users._meta.db_table} ORDER BY id LIMIT {size - there}"
            )
            cursor.execute("UPDATE accounts_user SET username = id, is_staff = false WHERE username LIKE '%-%'")
    with connection.cursor() as cursor:
        fields = [field for field in Inbox._meta.local_concrete_fields if field.column not in {"id", "user_id"}]
        cursor.execute("SELECT id FROM accounts_user WHERE id NOT IN (SELECT user_id FROM notifications_inbox) LIMIT 1")
        if cursor.fetchone():
            names = ", ".join(field.column for field in fields)
            cursor.execute(
                f"INSERT INTO notifications_inbox (user_id, {names}) SELECT id, {', '.join(['%s'] * len(fields))} "
                "FROM accounts_user WHERE id NOT IN (SELECT user_id FROM notifications_inbox)",
                [field.get_db_prep_save(field.get_default(), connection) for field in fields],
            )


def rows_now() -> int:
    from django.apps import apps

    return sum(model.objects.count() for model in apps.get_app_config("notifications").get_models())


def messages_now() -> float:
    from notifications.live import metrics, push

    push.flush()
    return sum(
        sample.value
        for metric in metrics.NUDGES.collect()
        for sample in metric.samples
        if sample.name.endswith("total")
    )


def write_a_row_for_each() -> None:
    from notifications.models import Inbox, Notification

    content = {
        "title": "For each",
        "category": "general",
        "level": "info",
        "key": f"each{time.time_ns()}",
        "revision": 0,
    }
    ids = Inbox.objects.values_list("pk", flat=True)
    Notification.objects.bulk_create([Notification(inbox_id=pk, **content) for pk in ids])


def median_ms(acts: list[Callable[[], object]]) -> float:
    taken = []
    for act in acts:
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def rival_times(sizes: list[int]) -> dict[int, float]:
    """Milliseconds by size; its environment is made once."""
    home = ROOT / "var" / "rivals" / "notifications-hq"
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        venv.create(home, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *RIVAL], check=True)
        (home / "ready").touch()
    script = Path(__file__).with_name("_notifications_hq.py")
    said = subprocess.run([python, script, *map(str, sizes)], check=True, capture_output=True, text=True).stdout
    return {int(size): float(ms) for size, ms in (line.split() for line in said.splitlines())}


def report(rows: list[list[object]], theirs: dict[int, float]) -> None:
    print(f"\nPublishing one broadcast; medians of {TIMES}; {sys.version.split()[0]}:\n")
    head = ["", "rows", "messages", "Belfry, ms", "a row each (bulk_create), ms", "notifications-hq, ms"]
    table(head, [["-" if cell is None else cell for cell in row] for row in rows])
    first = rows[0][3]
    assert isinstance(first, float)
    print("\nAs ratios to Belfry's time at the same size, and to its own at 10 users:\n")
    table(
        ["", "own at 10", "bulk_create", "notifications-hq"],
        [
            [row[0], row[3] / first, *(cell / row[3] if isinstance(cell, float) else "-" for cell in row[4:])]  # type: ignore[operator]
            for row in rows
        ],
    )
    largest = max(theirs)
    print(f"\nnotifications-hq at {largest:,} users: {theirs[largest]:,.0f} ms. '-' was not run.")


if __name__ == "__main__":
    main()
