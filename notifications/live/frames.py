"""Frames: everything that a page at some position lacks, as one piece of HTML.

Resuming, live changes, polling and the answers to acts without a socket all come through here, so that a page can reach
the same state in one way only. A frame carries absolute values (the number is 7, never "one more") and pieces that
name their place by id, so that applying it twice does no harm.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone, translation

from notifications import lists
from notifications.lists import (
    Filter,
    address,
    bell_of,
    day_order,
    filters_of,
    item_of,
    local_day,
    page_of,
    with_events,
)
from notifications.models import Inbox, Noticeboard, Notification, clock
from notifications.models.broadcast import CATEGORY, KEY_START
from notifications.models.notification import ARRIVAL_LISTS, LISTS

from .positions import LARGEST, Position

CHANGES_LIMIT = 300  # more than this are not caught up with one by one
FRAME_LIMIT = 256 * 1024  # bytes
TOAST_LIMIT = 3
ROWS_LIMIT = 5_000  # changed rows in one query for all
CHUNK = 300  # inboxes per query; SQLite cannot take an OR of 1,000
REVISION = secrets.token_hex(8)  # stands for the inbox's revision in what many inboxes share
BOTTOM = 'id="bottom-{0}" value="{0}@'  # and this, with a 0, for how far down their pages reach


@dataclass(frozen=True)
class Frame:
    revision: int  # the position of a page after it
    board: int
    html: str
    is_empty: bool = False  # there was nothing to tell
    bottom: int | None = None  # how far down the page reaches after a full list; None leaves it as it is
    news: int = 0  # how many arrivals it tells of by toasts
    reached: tuple[int, ...] = ()  # the broadcasts in it of which the reader has no own row yet


@dataclass(frozen=True)
class Missed:
    """What a page lacks of an inbox; the rows are None when only the full list will do."""

    rows: list[Notification] | None
    is_posted: bool = False  # whether broadcasts are among them, or have left


def frames_for(
    wanted: dict[int, set[Position]], known: tuple[str, int] | None = None
) -> dict[int, dict[Position, Frame]]:
    """For each inbox and each position in it the frame that brings such a page up to date. Two queries per chunk, and
    one more while broadcasts are running.

    ``known`` is the epoch, and the board's revision as far as it is known. Inboxes that are gone are missing.
    """
    frames: dict[int, dict[Position, Frame]] = {}
    noticeboard = Noticeboard.current(known)
    shared: dict[tuple[object, ...], Frame] = {}
    ids = sorted(wanted)
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        inboxes = Inbox.objects.in_bulk(chunk)  # positions first, then rows: what commits in between comes next time
        changed = changed_rows(inboxes, wanted)
        noticeboard.read_by(inboxes.values())
        for inbox_id, inbox in inboxes.items():
            rows = changed[inbox_id]
            rendered: dict[tuple[str, ...], str] = {}
            frames[inbox_id] = {
                position: frame_for(inbox, position, rows, rendered, shared) for position in wanted[inbox_id]
            }
    return frames


def frame_for(
    inbox: Inbox,
    position: Position,
    rows: list[Notification],
    rendered: dict[tuple[str, ...], str],
    shared: dict[tuple[object, ...], Frame],
) -> Frame:
    missed = missed_by(inbox, position, rows)
    if is_at_end(inbox, position) and missed.rows == []:
        return Frame(inbox.revision, inbox.noticeboard.revision, "", is_empty=True)
    if not is_shareable(inbox, position, missed):
        return make_frame(inbox, position, missed, rendered)
    alike = likeness(inbox, position)
    if alike not in shared:
        anybodys = copy(inbox)
        anybodys.revision = REVISION
        shared[alike] = make_frame(anybodys, replace(position, bottom=0), missed, {})
    html = shared[alike].html.replace(REVISION, str(inbox.revision))
    html = html.replace(BOTTOM.format(0), BOTTOM.format(position.bottom))
    return replace(shared[alike], revision=inbox.revision, html=html)


def make_frame(inbox: Inbox, position: Position, missed: Missed, rendered: dict[tuple[str, ...], str]) -> Frame:
    with translation.override(position.language), timezone.override(ZoneInfo(position.zone)):
        frame = render(inbox, position, missed, rendered)
        length = lists.PAGE_LENGTH
        while len(frame.html.encode()) > FRAME_LIMIT and length > 1:
            frame = render(inbox, position, Missed(None), rendered, length)
            length //= 2
    return frame


def is_shareable(inbox: Inbox, position: Position, missed: Missed) -> bool:
    """Whether it tells of broadcasts only: then readers who see the same get the same frame, however many they are."""
    rows = missed.rows or []
    is_simple = position.view in {"none", "feed:all", "feed:unread"} and not position.is_bell_open
    if not rows or not is_simple or position.lacks_from != inbox.revision:
        return False
    return all(row.broadcast_id and (not position.bottom or is_above(row, position.bottom)) for row in rows)


def is_above(row: Notification, bottom: int) -> bool:
    """Whether it concerns the part of the list that a page has loaded, and nothing that is older."""
    return not is_gone(row) and (row.arrival or 0) >= bottom


def likeness(inbox: Inbox, position: Position) -> tuple[object, ...]:
    """All that such a frame depends on."""
    rows = [(row.broadcast_id, row.pk is None, row.snoozed_until, *done(row)) for row in inbox.announcements]
    numbers = (inbox.unseen_count, inbox.unread_count, *sorted(inbox.counts.items()))
    return replace(position, since=None, bottom=0, loaded_at=None), numbers, tuple(rows)


def done(row: Notification) -> tuple[bool, ...]:
    moments = (row.seen_at, row.read_at, row.archived_at, row.saved_at, row.dismissed_at, row.acknowledged_at)
    return tuple(moment is not None for moment in moments)


def missed_by(inbox: Inbox, position: Position, rows: list[Notification]) -> Missed:
    """What has changed since that position."""
    if not can_catch_up(inbox, position):
        return Missed(None)
    missed = [row for row in rows if (row.revision or 0) > position.lacks_from and row.broadcast_id is None]
    posted = announcements_missed(inbox, position)
    rows_and_posted = missed + posted
    return Missed(rows_and_posted if len(missed) <= CHANGES_LIMIT else None, bool(posted))


def announcements_missed(inbox: Inbox, position: Position) -> list[Notification]:
    """The broadcasts that have changed, or with which the reader has done something; those that may have to leave."""
    since = position.lacks_board_from
    changed = [row for row in inbox.announcements if is_changed(row, position)]
    left = inbox.noticeboard.left_since(since)
    seen = {row.key for row in inbox.announcements}
    for broadcast in inbox.noticeboard.live():
        if broadcast.row_key not in seen and (broadcast.revision or 0) > since:
            left.append(broadcast.row_key)
    return changed + [gone(key) for key in left]


def is_changed(row: Notification, position: Position) -> bool:
    revision = row.broadcast.revision if row.broadcast else None
    return (row.revision or 0) > position.lacks_from or (revision or 0) > position.lacks_board_from


def gone(key: str) -> Notification:
    """A broadcast that this reader sees no more."""
    pk = int(key.removeprefix(KEY_START))
    return Notification(key=key, broadcast_id=pk, category=CATEGORY, retracted_at=clock.now(), arrival=LARGEST)


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
        rows = list(Notification.objects.filter(reduce(or_, lacking))[: ROWS_LIMIT + 1])
        if len(rows) > ROWS_LIMIT:  # one change can be of all the rows of an inbox
            rows = [row for inbox_id, since in near.items() for row in newest_changes(inboxes[inbox_id], since)]
        for row in rows:
            changed[row.inbox_id].append(row)
    with_events([row for rows in changed.values() for row in rows])
    return changed


def is_within(inbox: Inbox, position: Position) -> bool:
    return position.since is not None and inbox.floor <= position.lacks_from <= position.since <= inbox.revision


def lacked(inbox: Inbox, since: int) -> Q:
    """What has changed since then. What commits after the inbox was read is left for the next frame: counted here, it
    would hide that more than the limit is missing."""
    return Q(inbox=inbox.pk, revision__gt=since, revision__lte=inbox.revision)


def newest_changes(inbox: Inbox, since: int) -> list[Notification]:
    return list(Notification.objects.filter(lacked(inbox, since)).order_by("-revision")[: CHANGES_LIMIT + 1])


def render(
    inbox: Inbox,
    position: Position,
    missed: Missed,
    rendered: dict[tuple[str, ...], str],
    length: int | None = None,
) -> Frame:
    """What was missed, or the full list: of a page's length, or shorter where that would be too large a frame."""
    rows = missed.rows
    news, toasts = toasts_context(inbox, position, rows)
    context = {
        "inbox": inbox,
        "epoch": inbox.noticeboard.epoch if rows is None else "",
        "page_title": position.title,
        "bell": bell_of(inbox) if position.is_bell_open else None,
        "is_bell_open": position.is_bell_open,
        "has_banners": rows is None or missed.is_posted,
        "taken_back": [row.key for row in rows or () if row.retracted_at],
        **(item_context(inbox, position)),
        **toasts,
    }
    full = None
    if position.list_view:
        filters = filters_of(inbox, position.list_view)
        if rows is None:
            context["filters"] = filters
            context["full"] = full = page_of(inbox, position.list_view, length=length)
        else:
            context["filters"] = touched(filters, position, rows)
            context |= feed_context(position, rows, rendered) | older_context(inbox, position, rows)
    if position.view == "found":
        context |= found_context(position, rows)
    html = render_to_string("notifications/frame.html", context)
    shown = inbox.announcements if rows is None else [row for row in rows if row.broadcast_id and not row.retracted_at]
    reached = tuple(row.broadcast_id or 0 for row in shown if row.pk is None)
    return Frame(
        inbox.revision,
        inbox.noticeboard.revision,
        html,
        bottom=full.bottom if full else None,
        news=news,
        reached=reached,
    )


def touched(filters: list[Filter], position: Position, missed: list[Notification]) -> list[Filter]:
    """The lists whose numbers may have moved: that of a category moves with rows of that category only, and what has
    just arrived leaves the lists alone that it is not in."""
    has_only_arrivals = missed and all(row.has_only_arrived_since(position.lacks_from) for row in missed)
    names = {*(ARRIVAL_LISTS if has_only_arrivals else LISTS), *(f"category:{row.category}" for row in missed)}
    return [one for one in filters if one.name in names]


def feed_context(
    position: Position, missed: list[Notification], rendered: dict[tuple[str, ...], str]
) -> dict[str, object]:
    """The rows that enter or stay in the page's list, and the keys of those that leave it.

    Below the page's oldest item nothing enters: it is reached by "older", as on a fresh page.
    """
    entering, leaving, days = [], [], set()
    for row in sorted(missed, key=lambda row: row.arrival or 0, reverse=True):
        if (row.arrival or 0) < position.bottom:
            continue
        is_in = row.stands_in(position.list_view)
        if is_in:
            entering.append(row_html(row, position, rendered))
            days.add(local_day(row))
        if not is_in or has_moved(row, position):  # what is there already would keep its old place
            leaving.append(row.key)
    return {"entering": entering, "leaving": leaving, "days": days_context(days), "bottom": position.bottom}


def has_moved(row: Notification, position: Position) -> bool:
    """Whether it has got another place since then; a broadcast by being taken back and published once more."""
    arrived = row.broadcast.arrived_revision if row.broadcast_id and not row.retracted_at and row.broadcast else None
    return row.has_moved_since(position.lacks_from) or (arrived or 0) > position.lacks_board_from


def is_gone(row: Notification) -> bool:
    return bool(row.broadcast_id and row.retracted_at)


def older_context(inbox: Inbox, position: Position, missed: list[Notification]) -> dict[str, object]:
    """Whether there is anything older than what the page has loaded, where that may have changed."""
    since = position.lacks_from
    if not any((row.arrival or 0) < position.bottom or row.has_moved_since(since) or is_gone(row) for row in missed):
        return {}
    older = bool(position.bottom) and (
        any((row.arrival or 0) < position.bottom for row in inbox.announcements_in(position.list_view))
        or inbox.notifications.in_view(position.list_view).filter(arrival__lt=position.bottom).exists()
    )
    return {"has_older": True, "older_url": address(position.list_view, before=position.bottom) if older else ""}


def found_context(position: Position, missed: list[Notification] | None) -> dict[str, object]:
    """The page of a search: its rows change where they stand, and what has arrived is offered."""
    gone = [row for row in missed or [] if row.retracted_at or row.superseded_at]
    arrived = [row for row in missed or [] if is_news(row, position)]
    changed = [row for row in missed or [] if row not in gone and row not in arrived]
    return {
        "leaving": [row.key for row in gone],
        "changed": changed,
        "is_outdated": missed is None or bool(arrived),
    }


def days_context(days: Iterable[date]) -> list[dict[str, object]]:
    return [{"day": day, "order": day_order(day)} for day in sorted(days, reverse=True)]


def row_html(row: Notification, position: Position, rendered: dict[tuple[str, ...], str]) -> str:
    """The row as a page shows it, rendered once per language and zone."""
    known = (row.key, position.language, position.zone)
    if known not in rendered:
        context = {"n": row, "place": "notification"}
        rendered[known] = render_to_string("notifications/_notification.html", context)
    return rendered[known]


def item_context(inbox: Inbox, position: Position) -> dict[str, object]:
    """The one item of an item's own page, as it is now."""
    if not position.item_key:
        return {}
    item = item_of(inbox, position.item_key)
    if item is None:
        return {}
    with_events([item])
    return {"item": item, "page_title": item.page_title}


def toasts_context(
    inbox: Inbox, position: Position, missed: list[Notification] | None
) -> tuple[int, dict[str, object]]:
    """How much news there is for a page that is live, and its toasts. An open bell shows it, and needs none.

    In a storm the first three come one by one; whatever follows is one summary with the number of it all, until
    the outlet has seen no news for a while.
    """
    if not position.may_toast or position.is_bell_open:
        return 0, {}
    free = max(TOAST_LIMIT - position.toasted, 0)
    count, toasts = news_of(inbox, position, missed, free)
    more = position.toasted + count - TOAST_LIMIT if count > free else 0
    return count, {"toasts": toasts, "more": more}


def news_of(
    inbox: Inbox, position: Position, missed: list[Notification] | None, limit: int
) -> tuple[int, list[Notification]]:
    """What has arrived since and is still unread: how many, and the first of them."""
    since = position.since or 0
    posted = [row for row in inbox.announcements_in("unread") if is_news(row, position)]
    if missed is None:
        if not can_catch_up(inbox, position):
            return 0, []
        rows = inbox.notifications.in_view("unread").arrived_by(inbox.revision).filter(arrived_revision__gt=since)
        return rows.count() + len(posted), [*rows.order_by("arrival")[:limit], *posted][:limit]
    news = [row for row in missed if row.stands_in("unread") and is_news(row, position)]
    return len(news), sorted(news, key=lambda row: row.arrival or 0)[:limit]


def is_news(row: Notification, position: Position) -> bool:
    """Whether it arrived after that position, or was shown once more."""
    if row.broadcast_id and not row.retracted_at and row.broadcast:
        shown = row.broadcast.shown_revision or 0
        return shown > (position.board or 0) or (row.arrived_revision or 0) > (position.since or 0)
    return (row.arrived_revision or 0) > (position.since or 0)
