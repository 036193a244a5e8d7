"""The noticeboard: the broadcasts that are running, and what each reader sees of them.

They are few, so each process keeps them in memory, named by the revision of the board, and asks again when that has
grown. What is running and whom it addresses is judged when it is looked at: nothing has to be written for an end, and
nobody's numbers have to be corrected.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from . import clock
from .audience import REASONS, addressed
from .board import Board
from .broadcast import PUBLISHED, Broadcast
from .notification import Notification

if TYPE_CHECKING:
    from .inbox import Inbox

GONE_LIMIT = 200  # broadcasts that have left, and of whose leaving a page that was away is told one by one


@dataclass(frozen=True)
class Noticeboard:
    epoch: str
    revision: int
    running: tuple[Broadcast, ...]  # published, and not known to have ended
    gone: tuple[Broadcast, ...]  # what has left, the last first; of these only revision and place are known
    floor: int  # positions below it are too old to be caught up from

    @classmethod
    def current(cls, known: tuple[str, int] | None = None) -> Self:
        """As it is now; or at least as it was at this epoch and revision, which may spare the question."""
        global _kept
        kept = _kept
        if known is not None and kept is not None and kept.epoch == known[0] and kept.revision >= known[1]:
            return kept  # type: ignore[return-value]
        board = Board.load()
        if kept is None or (kept.epoch, kept.revision) != (board.epoch, board.revision):
            _kept = kept = cls.read(board, kept)
        return kept  # type: ignore[return-value]

    @classmethod
    def read(cls, board: Board, kept: "Noticeboard | None" = None) -> Self:
        """The board's revision was read before. What was published since waits for the next look, so that nothing is
        told twice; other changes are shown already, and will be told once more, which a page does not notice. What has
        not changed since ``kept`` is taken from there."""
        published = Broadcast.objects.filter(state=PUBLISHED).exclude(arrived_revision__gt=board.revision)
        revisions = dict(published.order_by("-arrival").values_list("pk", "revision"))
        known = {one.pk: one for one in kept.running} if kept and kept.epoch == board.epoch else {}
        found = {pk: known[pk] for pk in revisions.keys() & known if known[pk].revision == revisions[pk]}
        if new := revisions.keys() - found.keys():
            found |= published.in_bulk(new)
        running = tuple(found[pk] for pk in revisions if pk in found)
        left = Broadcast.objects.exclude(state=PUBLISHED).filter(revision__isnull=False).order_by("-revision")
        gone = tuple(left.only("revision", "arrival")[: GONE_LIMIT + 1])
        floor = max(board.floor, (gone[-1].revision or 0) if len(gone) > GONE_LIMIT else 0)
        return cls(board.epoch, board.revision, running, gone, floor)

    def live(self, moment: datetime | None = None) -> list[Broadcast]:
        moment = moment or clock.now()
        return [broadcast for broadcast in self.running if broadcast.is_live(moment)]

    def left_since(self, revision: int) -> list[Broadcast]:
        """What pages at that position may still show: what has left since, or has ended by the clock."""
        moment = clock.now()
        overdue = [broadcast for broadcast in self.running if not broadcast.is_live(moment)]
        return overdue + [broadcast for broadcast in self.gone if (broadcast.revision or 0) > revision]

    def next_end(self) -> datetime | None:
        """When the next one ends by the clock."""
        moment = clock.now()
        return min((one.ends_at for one in self.running if one.ends_at and one.ends_at > moment), default=None)

    def read_by(self, inboxes: Iterable["Inbox"]) -> None:
        """Give each of these inboxes its ``announcements``, newest first. One query, and one for each kind of audience;
        none while nothing is running."""
        readers = list(inboxes)
        live = self.live()
        for inbox in readers:
            inbox.noticeboard, inbox.announcements = self, []
        if not live or not readers:
            return
        for_whom = addressed(live, readers)
        own: dict[int, dict[int | None, Notification]] = defaultdict(dict)
        ids = [inbox.pk for inbox in readers if for_whom[inbox.pk]]
        copies = Notification.objects.filter(inbox__in=ids, broadcast__in=[broadcast.pk for broadcast in live])
        for row in copies if ids else ():
            own[row.inbox_id][row.broadcast_id] = row
        for inbox in readers:
            mine = own[inbox.pk]
            inbox.announcements = [
                announcement(broadcast, mine[broadcast.pk]) if broadcast.pk in mine else untouched(broadcast)
                for broadcast in live
                if broadcast.pk in for_whom[inbox.pk]
            ]


_kept: Noticeboard | None = None


def untouched(broadcast: Broadcast) -> Notification:
    """What everybody sees of it who has done nothing with it: one row for all, made once."""
    row: Notification = broadcast.__dict__.get("untouched") or announcement(broadcast)
    broadcast.__dict__["untouched"] = row
    return row


def announcement(broadcast: Broadcast, own: Notification | None = None) -> Notification:
    """What a reader sees of it: the broadcast's words, and what the reader has done since it was shown."""
    row: Notification = own or broadcast.row()
    row.broadcast = broadcast
    row.title, row.body, row.level, row.url = broadcast.title, broadcast.body_text, broadcast.level, broadcast.url
    row.reason = REASONS.get(broadcast.audience, "")
    row.is_outdated = row.shown_revision != broadcast.shown_revision
    for name, value in as_it_began(row, broadcast).items() if row.is_outdated else ():
        setattr(row, name, value)
    return row


def as_it_began(row: Notification, broadcast: Broadcast) -> dict[str, Any]:
    """The columns of a row that was there before its broadcast was shown once more, or published once more: then it has
    another place, too."""
    columns = {**dict.fromkeys(DONE), "shown_revision": broadcast.shown_revision}
    if (row.shown_revision or 0) < (broadcast.arrived_revision or 0):
        columns |= {**dict.fromkeys(OF_ITS_PLACE), "arrival": broadcast.arrival}
    return columns


#: What a reader has done with a broadcast, and what means nothing any more when it is shown once more.
DONE = ("seen_at", "read_at", "archived_at", "dismissed_at", "acknowledged_at")
OF_ITS_PLACE = ("snoozed_at", "snoozed_until", "returned_at", "arrived_revision")
