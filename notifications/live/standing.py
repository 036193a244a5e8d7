"""How an inbox was when a frame was last made for it: as much of it as a frame needs that tells of broadcasts alone.

Positions make this safe. A page that stands at revision 41 of its inbox may be told of the board as if the inbox were
still at 41: that it is at 42 by now comes by the nudge of 42, or by the sweep.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, Self

from notifications.models import Audience, Inbox, Noticeboard, Notification
from notifications.models.noticeboard import announcement, untouched

from .numbers import list_names

if TYPE_CHECKING:
    from notifications.models import Broadcast

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
STATES = ("seen_at", "read_at", "archived_at", "saved_at", "dismissed_at", "acknowledged_at")


class Done(NamedTuple):
    """What a reader has done with a broadcast, as far as it shows."""

    broadcast_id: int
    arrival: int | None
    shown_revision: int | None
    snoozed_until: datetime | None
    states: tuple[str, ...]

    @classmethod
    def of(cls, row: Notification) -> Self:
        states = tuple(name for name in STATES if getattr(row, name))
        return cls(row.broadcast_id or 0, row.arrival, row.shown_revision, row.snoozed_until, states)

    def row(self, broadcast: "Broadcast") -> Notification:
        """The reader's own row, made from this: it shows the same, and is not to be saved."""
        row = broadcast.row()
        row.pk, row.arrival, row.shown_revision, row.snoozed_until = -1, *self[1:4]
        for name in self.states:
            setattr(row, name, LONG_AGO)
        return row


@dataclass(frozen=True, slots=True, weakref_slot=True)
class View:
    """What a reader sees of the board. Most have done nothing with what is running, and share one."""

    addressed: frozenset[int]  # those of the running broadcasts that are for them, and not for everyone
    done: tuple[Done, ...]

    @classmethod
    def of(cls, announcements: Iterable[Notification]) -> Self:
        addressed, done = [], []
        for row in announcements:
            broadcast = row.broadcast
            if broadcast and broadcast.audience != Audience.EVERYONE:
                addressed.append(broadcast.pk)
            if broadcast and row.pk is not None and is_touched(row, broadcast):
                done.append(Done.of(row))
        return cls(frozenset(addressed), tuple(done))

    def announcements(self, board: Noticeboard) -> list[Notification]:
        """As ``Inbox.announcements``, of everybody who has this view."""
        done = {one.broadcast_id: one for one in self.done}
        return [
            announcement(broadcast, done[broadcast.pk].row(broadcast)) if broadcast.pk in done else untouched(broadcast)
            for broadcast in board.live()
            if broadcast.audience == Audience.EVERYONE or broadcast.pk in self.addressed
        ]


def is_touched(row: Notification, broadcast: "Broadcast") -> bool:
    """Whether it shows anything else than it did in the beginning."""
    return row.arrival != broadcast.arrival or bool(row.snoozed_until) or any(getattr(row, name) for name in STATES)


@dataclass(frozen=True, slots=True)
class Standing:
    revision: int
    access: int
    unseen: int  # without broadcasts, and so are the lists
    lists: tuple[int, ...]  # in the order of ``list_names()``
    view: View

    @classmethod
    def of(cls, inbox: Inbox) -> Self:
        counts = {**inbox.counts, "unread": inbox.unread_count}
        lists = tuple(counts.get(name, 0) for name in list_names())
        return cls(inbox.revision, inbox.access, inbox.unseen_count, lists, View.of(inbox.announcements))
