"""An echo: a notification that its reader sends to themselves, to see how long each part of its way takes.

It is a row like any other. Its params hold the times of whoever wrote it, for the hub that tells the rest: they may be
two processes. They are written when the row is already on its way, so that they cost it nothing.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime

from .notification import Notification

ECHO_START = "echo-"
VERB = "echo.sent"
SPACING = 10  # seconds; of an inbox at most one echo begins in each span of so many


@dataclass(frozen=True)
class Times:
    """µs since 1970, by the clock of whoever wrote it."""

    began: int
    committed: int
    placed: int | None  # in the transaction that stamped it; None: it waits for the tick
    stamped: int  # when that was seen to be over


def keys_at(moment: datetime) -> tuple[str, str]:
    """The one key that an echo can have at that moment, and the one before: two at once are one."""
    span = int(moment.timestamp()) // SPACING
    return f"{ECHO_START}{span}", f"{ECHO_START}{span - 1}"


def seconds_left(moment: datetime) -> int:
    """Until there is another key."""
    return SPACING - int(moment.timestamp()) % SPACING


def note_times(pk: int, times: Times) -> None:
    """No change of the inbox: no page shows them."""
    Notification.objects.filter(pk=pk).update(params=asdict(times))


def times_of(inbox_id: int, key: str) -> Times | None:
    """None until they are written down."""
    row = Notification.objects.filter(inbox=inbox_id, key=key).only("params", "delivered_at").first()
    if row is None or not row.params:
        return None
    return replace(Times(**row.params), placed=placed_at(row))


def placed_at(row: Notification) -> int | None:
    return int(row.delivered_at.timestamp() * 1_000_000) if row.delivered_at else None
