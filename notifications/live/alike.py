"""Arrivals that look the same to many readers: told once, and for each of them only keys and places are put in.

`notify_many()` writes the same to thousands. Their rows differ in nothing that a page shows but in the key, and in the
place in their list to the microsecond.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace

from notifications.models import Notification

from .positions import Position

ROWS = 4  # in one frame; more of them are seldom the same for two readers
KEYS = tuple(secrets.token_hex(8) for _ in range(ROWS))  # stand for the keys where a template is rendered
PLACES = tuple(secrets.token_hex(8) for _ in range(ROWS))  # and for the places
#: The columns that show in the row of an arrival. Others show only when something has been done with it since.
SHOWN = (
    *("actor_id", "actor_name", "verb", "title", "body", "category", "level", "reason", "target", "target_label"),
    *("read_at", "saved_at", "unavailable_at", "acknowledged_at"),
)

Looks = tuple[object, ...]


def looks_of(position: Position, rows: Sequence[Notification] | None) -> Looks | None:
    """All that the frame of such a page depends on, but for keys and places; None where it depends on more."""
    if not rows or len(rows) > ROWS or not position.is_simple:
        return None
    since = position.since
    if since is None or position.lacks_from != since or position.lacks_board_from != position.board:
        return None
    if not all(is_plain(row, since) and (row.arrival or 0) >= position.bottom for row in rows):
        return None
    page = replace(position, since=None, board=None, bottom=0, loaded_at=None, loaded_board=None)
    return page, *map(look_of, rows)


def is_plain(row: Notification, since: int) -> bool:
    return row.group_size == 1 and not row.broadcast_id and row.has_only_arrived_since(since)


def look_of(row: Notification) -> Looks:
    values = row.__dict__
    written = repr((row.params, row.people)) if row.params or row.people else ""
    return (*[values[name] for name in SHOWN], row.actor_face, written, (row.arrival or 0) // 1_000_000)


def in_order(rows: Sequence[Notification]) -> list[Notification]:
    return sorted(rows, key=lambda row: row.arrival or 0)


def nameless(rows: Sequence[Notification]) -> list[Notification]:
    """The same rows for anybody: each with a key that stands for whichever there will be."""
    made = []
    for key, row in zip(KEYS, rows, strict=False):
        other = Notification()
        other.__dict__.update(row.__dict__, key=key)
        made.append(other)
    return made


def placeless(html: str, rows: Sequence[Notification]) -> str:
    """What was made of those, with something that stands for their places, too."""
    for key, place, row in zip(KEYS, PLACES, rows, strict=False):
        row_begins = f'-{key}" class="notification" data-order="{{}}"'
        html = html.replace(row_begins.format(row.arrival), row_begins.format(place))
    return html


def named(html: str, rows: Sequence[Notification]) -> str:
    """With the keys and the places of these rows."""
    for key, place, row in zip(KEYS, PLACES, rows, strict=False):
        html = html.replace(key, row.key).replace(place, str(row.arrival))
    return html
