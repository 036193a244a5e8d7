"""What a change of the board says to pages that lack nothing else: one text for all who see the same.

Their inboxes are not looked at again; see `standing.py`. Where that would not be exact, the answer is None, and the
page gets a frame as any other does.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils import timezone, translation

from notifications.models import Audience, Inbox, Noticeboard, Notification

from .frames import Made, Told, is_shareable, tell
from .missing import missing_at
from .numbers import Numbers, list_names, numbers_html
from .positions import Position
from .standing import Standing, View


class Onlooker(NamedTuple):
    """All that the text depends on."""

    view: View
    board: int  # where the page stands
    list: str  # the view of the page
    language: str
    zone: str
    title: str
    may_toast: bool
    toasted: int

    @classmethod
    def at(cls, position: Position, view: View) -> "Onlooker | None":
        """None for a page that lacks something else, or shows what only its inbox knows."""
        has_all = position.since == position.lacks_from and position.board == position.lacks_board_from
        if not position.is_simple or position.board is None or not has_all:
            return None
        page = position.view, position.language, position.zone, position.title
        return cls(view, position.board, *page, position.may_toast, position.toasted)

    @property
    def position(self) -> Position:
        return Position(0, self.board, self.list, 0, None, None, False, *self[3:])


@dataclass(frozen=True, slots=True)
class News:
    html: bytes
    board: int  # where such a page stands after it
    count: int  # how many arrivals it tells of by toasts
    reached: tuple[int, ...]
    lowest: int  # the place of the oldest broadcast that it tells of
    unseen: int  # what broadcasts add to the numbers of whoever sees them so
    lists: tuple[tuple[str, int, int], ...]  # name, place in a standing, and what they add
    has_list: bool
    language: str
    title: str

    def numbers(self, standing: Standing, bottom: int) -> str:
        """For the page of a reader who stands there."""
        lists = {name: standing.lists[at] + more for name, at, more in self.lists}
        now = Numbers(standing.revision, self.board, standing.unseen + self.unseen, lists)
        return numbers_html(now, self.language, self.title, bottom if self.has_list else None)


def news_for(onlookers: Collection[Onlooker], known: tuple[str, int]) -> dict[Onlooker, News | None]:
    """At most two queries, however many they are."""
    board = Noticeboard.current(known)
    made: Made = {}
    kept = kept_of_what_arrived(board, min(one.board for one in onlookers))
    return {one: news_at(one, board, made) if is_for_all_alike(board, one.board, kept) else None for one in onlookers}


def kept_of_what_arrived(board: Noticeboard, since: int) -> set[int | None]:
    """The broadcasts that arrived after that and of which somebody has kept something from an earlier publication."""
    arrived = [one.pk for one in board.live() if (one.arrived_revision or 0) > since]
    rows = Notification.objects.filter(broadcast__in=arrived, saved_at__isnull=False)
    return set(rows.values_list("broadcast_id", flat=True).distinct()) if arrived else set()


def is_for_all_alike(board: Noticeboard, since: int, kept: set[int | None]) -> bool:
    """Whether all that has changed after that is for everyone, and looks the same to all who see the same."""
    changed = [one for one in board.live() if (one.revision or 0) > since]
    has_kept = any(one.pk in kept and (one.arrived_revision or 0) > since for one in changed)
    return not has_kept and all(one.audience == Audience.EVERYONE for one in changed)


def news_at(onlooker: Onlooker, board: Noticeboard, made: Made) -> News | None:
    inbox = Inbox(revision=0)  # stands for those of all who see this
    inbox.noticeboard, inbox.announcements = board, onlooker.view.announcements(board)
    position = onlooker.position
    missing = missing_at(inbox, position, [])
    if not missing.rows or not is_shareable(inbox, position, missing):
        return None
    with translation.override(position.language), timezone.override(ZoneInfo(position.zone)):
        told = tell(inbox, position, missing, made)
    return News(
        told.html.encode(),
        board.revision,
        told.news,
        told.reached,
        lowest=min(row.arrival or 0 for row in missing.rows),
        unseen=inbox.unseen_total,
        lists=numbers_told(inbox, position, told),
        has_list=bool(position.list_view),
        language=position.language,
        title=told.title,
    )


def numbers_told(inbox: Inbox, position: Position, told: Told) -> tuple[tuple[str, int, int], ...]:
    names = list_names() if position.list_view else ()
    return tuple(
        (name, at, len(inbox.announcements_in(name)))
        for at, name in enumerate(names)
        if told.lists is None or name in told.lists
    )
