"""What a page at some position lacks of an inbox and of the board: rows, before they are HTML."""

from collections import defaultdict
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q

from notifications.lists import with_events
from notifications.models import Broadcast, Inbox, Notification, clock
from notifications.models.broadcast import CATEGORY

from .positions import Position

CHANGES_LIMIT = 300  # more than this are not caught up with one by one
ROWS_LIMIT = 5_000  # changed rows in one query for all


@dataclass(frozen=True)
class Missing:
    """The rows that are missing, those that leave included; None when only the full list will do."""

    rows: list[Notification] | None
    is_posted: bool = False  # whether broadcasts are among them


def missing_at(inbox: Inbox, position: Position, rows: list[Notification]) -> Missing:
    """What has changed since that position; ``rows`` are those of the inbox."""
    if not can_catch_up(inbox, position):
        return Missing(None)
    missing = [row for row in rows if (row.revision or 0) > position.lacks_from]
    if len(missing) > CHANGES_LIMIT:
        return Missing(None)
    posted = announcements_missing(inbox, position)
    return Missing(missing + posted, bool(posted))


def announcements_missing(inbox: Inbox, position: Position) -> list[Notification]:
    """The broadcasts that have changed, or with which the reader has done something; those that may have to leave."""
    since, board = position.lacks_board_from, inbox.noticeboard
    changed = [row for row in inbox.announcements if (row.revision or 0) > position.lacks_from or is_newer(row, since)]
    seen = {row.broadcast_id for row in inbox.announcements}
    others = [one for one in board.live() if one.pk not in seen and (one.revision or 0) > since]
    return changed + [gone(broadcast) for broadcast in [*board.left_since(since), *others]]


def is_newer(row: Notification, board: int) -> bool:
    broadcast = broadcast_of(row)
    return broadcast is not None and (broadcast.revision or 0) > board


def gone(broadcast: Broadcast) -> Notification:
    """One that this reader sees no more."""
    row = Notification(key=broadcast.row_key, category=CATEGORY, arrival=broadcast.arrival, retracted_at=clock.now())
    row.broadcast = broadcast
    return row


def is_gone(row: Notification) -> bool:
    return bool(row.broadcast_id and row.retracted_at)


def broadcast_of(row: Notification) -> Broadcast | None:
    """Of an announcement that its reader sees."""
    return row.broadcast if row.broadcast_id and not row.retracted_at else None


def has_moved(row: Notification, position: Position) -> bool:
    """Whether it has got another place since then; a broadcast by being taken back and published once more."""
    broadcast = broadcast_of(row)
    arrived = broadcast.arrived_revision if broadcast else 0
    return row.has_moved_since(position.lacks_from) or (arrived or 0) > position.lacks_board_from


def is_news(row: Notification, position: Position) -> bool:
    """Whether it arrived after that position, or was shown once more."""
    broadcast = broadcast_of(row)
    shown = broadcast.shown_revision if broadcast else 0
    return (row.arrived_revision or 0) > (position.since or 0) or (shown or 0) > (position.board or 0)


def is_within(inbox: Inbox, position: Position) -> bool:
    return position.since is not None and inbox.floor <= position.lacks_from <= position.since <= inbox.revision


def can_catch_up(inbox: Inbox, position: Position) -> bool:
    if position.board is None:
        return False
    board = inbox.noticeboard
    return is_within(inbox, position) and board.floor <= position.lacks_board_from <= position.board <= board.revision


def is_at_end(inbox: Inbox, position: Position) -> bool:
    has_all = position.since == position.lacks_from == inbox.revision
    return has_all and position.board == position.lacks_board_from == inbox.noticeboard.revision


def changed_rows(inboxes: dict[int, Inbox], wanted: dict[int, set[Position]]) -> dict[int, list[Notification]]:
    """The rows that any of the wanted positions lacks, one more than the limit at most per inbox that is far behind."""
    changed: dict[int, list[Notification]] = defaultdict(list)
    near: dict[int, int] = {}
    for inbox_id, inbox in inboxes.items():
        sinces = [position.lacks_from for position in wanted[inbox_id] if is_within(inbox, position)]
        if not sinces or min(sinces) == inbox.revision:
            continue
        if inbox.revision - min(sinces) > CHANGES_LIMIT:
            changed[inbox_id] = newest_changes(inbox, min(sinces))
        else:
            near[inbox_id] = min(sinces)
    if near:
        lacking = [lacked(inboxes[inbox_id], since) for inbox_id, since in near.items()]
        rows = list(Notification.objects.with_faces().filter(reduce(or_, lacking))[: ROWS_LIMIT + 1])
        if len(rows) > ROWS_LIMIT:  # one change can be of all the rows of an inbox
            rows = [row for inbox_id, since in near.items() for row in newest_changes(inboxes[inbox_id], since)]
        for row in rows:
            changed[row.inbox_id].append(row)
    with_events([row for rows in changed.values() for row in rows])
    return changed


def lacked(inbox: Inbox, since: int) -> Q:
    """What has changed since then, but for the reader's own rows of broadcasts, which are told of in another way, and
    for what commits after the inbox was read: counted here, they would hide that more than the limit is missing."""
    return Q(inbox=inbox.pk, broadcast=None, revision__gt=since, revision__lte=inbox.revision)


def newest_changes(inbox: Inbox, since: int) -> list[Notification]:
    rows = Notification.objects.with_faces().filter(lacked(inbox, since))
    return list(rows.order_by("-revision")[: CHANGES_LIMIT + 1])
