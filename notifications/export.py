"""An inbox as a file, for its reader to take along: CSV for spreadsheets, JSON for programs.

However much it holds, a part of it at a time is in memory. Withdrawn notifications are not in it; the broadcasts that
its reader sees come last. Texts are in the reader's language, names and times as programs like them.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import translation
from django.utils.translation import gettext_noop as _

from .job_results import Result
from .models import Inbox, Notification, clock
from .models.notification import NotificationQuerySet
from .running_job import RunningJob
from .spreadsheets import guarded, new_csv, new_file

CHUNK = 1_000  # rows in memory

COLUMNS = (
    "arrived_at",
    "title",
    "body",
    "url",
    "category",
    "level",
    "actor",
    "state",
    "read_at",
    "archived_at",
    "saved_at",
    "snoozed_until",
)

Write = Callable[[dict[str, Any]], object]


def export(job: RunningJob, kind: str, language: str) -> Result:
    """The owner's inbox as a file of that kind, a name in ``KINDS``."""
    rows, announcements = rows_of(job.inbox), job.inbox.announcements
    total = rows.count() + len(announcements)
    with translation.override(language), KINDS[kind]() as (path, write):
        for row in job.track(everything(rows, announcements), total=total, message=_("Writing")):
            write(columns_of(row))
    return Result(file=path, label=f"inbox-{clock.now():%Y-%m-%d}.{kind}")


def rows_of(inbox: Inbox) -> NotificationQuerySet:
    """Those that a newer one of their group stands for included."""
    return inbox.notifications.stamped().of_their_own().filter(retracted_at=None)


def everything(rows: NotificationQuerySet, announcements: list[Notification]) -> Iterator[Notification]:
    """The oldest first. Found by key, so that what arrives or changes meanwhile makes nothing come twice or never."""
    last = 0
    while chunk := list(rows.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        yield from chunk
        last = chunk[-1].pk
    yield from reversed(announcements)


def columns_of(row: Notification) -> dict[str, Any]:
    values = (
        stamp(row.arrived_at),
        row.title_text,
        row.body_text,
        row.link,
        row.category,
        row.level,
        row.actor_name,
        states_of(row),
        stamp(row.read_at),
        stamp(row.archived_at),
        stamp(row.saved_at),
        stamp(row.snoozed_until),
    )
    return dict(zip(COLUMNS, values, strict=True))


def states_of(row: Notification) -> list[str]:
    others = {"archived": row.archived_at, "saved": row.saved_at, "snoozed": row.snoozed_until}
    return ["unread" if row.is_unread else "read", *(name for name, moment in others.items() if moment)]


def stamp(moment: datetime | None) -> str | None:
    """ISO 8601, in UTC."""
    return moment.isoformat() if moment else None


# The kinds of files.


@contextmanager
def csv_file() -> Iterator[tuple[Path, Write]]:
    with new_csv() as (path, writer):
        writer.writerow(COLUMNS)
        yield path, lambda values: writer.writerow([guarded(cell_of(value)) for value in values.values()])


def cell_of(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else value or ""


@contextmanager
def json_file() -> Iterator[tuple[Path, Write]]:
    """One array, with an item in each line."""
    with new_file() as (path, file):
        file.write("[")
        before = "\n"

        def write(values: dict[str, Any]) -> None:
            nonlocal before
            file.write(before + json.dumps(values, ensure_ascii=False))
            before = ",\n"

        yield path, write
        file.write("\n]\n")


KINDS: dict[str, Callable[[], AbstractContextManager[tuple[Path, Write]]]] = {"csv": csv_file, "json": json_file}
