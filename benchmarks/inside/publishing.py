"""Within a site: what publishing costs its sender as the site grows. `python -m benchmarks.inside.publishing SIZE ...`
prints a line of JSON for each size. Rows are counted in the tables, messages by what has left for the bus."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.apps import apps  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.db import connection  # noqa: E402

from notifications.live import metrics, push  # noqa: E402
from notifications.models import Broadcast, Content, Inbox, Notification  # noqa: E402

TIMES = 5
BULK_LIMIT = 100_000  # users, up to which a row for each of them is written to compare

User = get_user_model()


def main(sizes: list[int]) -> None:
    ada = User.objects.get(username="ada")
    for size in sizes:
        grow_to(size)
        print(json.dumps({"size": size, **costs(ada, size)}), flush=True)


def costs(ada: Any, size: int) -> dict[str, Any]:
    drafts = [Broadcast.draft(Content(title=f"{size} {number}"), ada) for number in range(TIMES + 1)]
    drafts.pop().publish(ada)  # the first one wakes everything up
    before = rows_now(), messages_now()
    ours = milliseconds([lambda draft=draft: draft.publish(ada) for draft in drafts])
    written, sent = ((now - then) / TIMES for now, then in zip((rows_now(), messages_now()), before, strict=True))
    for draft in drafts:
        draft.end()
    bulk = milliseconds([write_a_row_for_each]) if size <= BULK_LIMIT else []
    return {"rows": written, "messages": sent, "ms": ours, "bulk": statistics.median(bulk) if bulk else None}


def grow_to(size: int) -> None:
    """Accounts with inboxes, by doubling what is there."""
    table = User._meta.db_table
    columns = [field.column for field in User._meta.local_concrete_fields if not field.primary_key]
    copied = ", ".join("username || '-' || id" if name == "username" else name for name in columns)
    names = ", ".join(columns)
    while (there := User.objects.count()) < size:
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({names}) SELECT {copied} FROM {table} ORDER BY id LIMIT {size - there}"
            )
            cursor.execute(f"UPDATE {table} SET username = id, is_staff = false WHERE username LIKE '%-%'")
    give_inboxes()


def give_inboxes() -> None:
    """To whom has none."""
    fields = [field for field in Inbox._meta.local_concrete_fields if field.column not in {"id", "user_id"}]
    names = ", ".join(field.column for field in fields)
    values = [field.get_db_prep_save(field.get_default(), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO notifications_inbox (user_id, {names}) SELECT id, {', '.join(['%s'] * len(fields))} "
            "FROM accounts_user WHERE id NOT IN (SELECT user_id FROM notifications_inbox)",
            values,
        )


def rows_now() -> int:
    return sum(model.objects.count() for model in apps.get_app_config("notifications").get_models())


def messages_now() -> float:
    push.flush()
    samples = [sample for metric in metrics.NUDGES.collect() for sample in metric.samples]
    return sum(sample.value for sample in samples if sample.name.endswith("total"))


def write_a_row_for_each() -> None:
    content = {"title": "For each", "category": "general", "level": "info", "revision": 0}
    ids = Inbox.objects.values_list("pk", flat=True)
    key = f"each{time.time_ns()}"
    Notification.objects.bulk_create([Notification(inbox_id=pk, key=key, **content) for pk in ids])


def milliseconds(acts: list[Callable[[], object]]) -> list[float]:
    taken = []
    for act in acts:
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
