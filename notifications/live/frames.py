"""Frames: everything that a page at some position lacks, as one piece of HTML.

Resuming, live changes, polling and the answers to acts without a socket all come through here, so that a page can reach
the same state in one way only. A frame carries absolute values (the number is 7, never "one more") and pieces that
name their place by id, so that applying it twice does no harm.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils import timezone, translation

from notifications import lists
from notifications.lists import (
    address,
    bell_of,
    day_order,
    item_of,
    local_day,
    page_of,
    with_events,
)
from notifications.models import Inbox, Noticeboard, Notification, faces
from notifications.models.echo import ECHO_START
from notifications.models.job import JOB_START
from notifications.models.notification import ARRIVAL_LISTS, LISTS

from .alike import in_order, looks_of, named, nameless, placeless
from .missing import Missing, can_catch_up, changed_rows, has_moved, is_at_end, is_gone, is_news, missing_at
from .numbers import Numbers, list_names, numbers_html
from .positions import Position
from .standing import Standing

FRAME_LIMIT = 256 * 1024  # bytes
TOAST_LIMIT = 3
CHUNK = 300  # inboxes per query; SQLite cannot take an OR of 1,000
RECEIPT = 'name="receipt"'  # of the field that a page gives back; what is written about is escaped
RECEIPT_AT_ONCE = f"{RECEIPT} data-at-once"


class Echo(NamedTuple):
    """One that is told of in a frame."""

    key: str
    revision: int


@dataclass(frozen=True)
class Frame:
    revision: int  # the position of a page after it
    board: int
    html: str
    is_empty: bool = False  # there was nothing to tell
    bottom: int | None = None  # how far down the page reaches after a full list; None leaves it as it is
    news: int = 0  # how many arrivals it tells of by toasts
    tells_of_jobs: bool = False  # whether a job's end is in it
    echo: Echo | None = None
    reached: tuple[int, ...] = ()  # the broadcasts in it of which the reader has no own row yet
    access: int = 0  # of the inbox, when it was read
    standing: Standing | None = None  # how the inbox was then


@dataclass(frozen=True)
class Told:
    """What a frame tells, but for numbers: the same for all readers who see the same."""

    html: str
    lists: frozenset[str] | None  # whose numbers may have moved; None is all
    title: str  # of the page
    bottom: int | None
    news: int
    reached: tuple[int, ...]


#: What was made already for these frames: by what it depends on.
Made = dict[tuple[object, ...], object]


def frames_for(
    wanted: dict[int, set[Position]], known: tuple[str, int] | None = None
) -> dict[int, dict[Position, Frame]]:
    """For each inbox and each position in it the frame that brings such a page up to date. Two queries per chunk, and
    one more while broadcasts are running.

    ``known`` is the epoch, and the board's revision as far as it is known. Inboxes that are gone are missing.
    """
    frames: dict[int, dict[Position, Frame]] = {}
    noticeboard = Noticeboard.current(known)
    made: Made = {}
    ids = sorted(wanted)
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        inboxes = Inbox.objects.in_bulk(chunk)  # positions first, then rows: what commits in between comes next time
        changed = changed_rows(inboxes, wanted)
        noticeboard.read_by(inboxes.values())
        for inbox_id, inbox in inboxes.items():
            rows = changed[inbox_id]
            frames[inbox_id] = {position: frame_for(inbox, position, rows, made) for position in wanted[inbox_id]}
    return frames


def frame_for(inbox: Inbox, position: Position, rows: list[Notification], made: Made) -> Frame:
    missing = missing_at(inbox, position, rows)
    if is_at_end(inbox, position) and missing.rows == []:
        board = inbox.noticeboard.revision
        return Frame(inbox.revision, board, "", is_empty=True, access=inbox.access, standing=Standing.of(inbox))
    with translation.override(position.language), timezone.override(ZoneInfo(position.zone)):
        told = tell_all_alike(inbox, position, missing, made)
        html = told.html + numbers(inbox, position, told)
        length = lists.PAGE_LENGTH
        while len(html.encode()) > FRAME_LIMIT and length > 1:
            told = tell(inbox, position, Missing(None), made, length)
            html = told.html + numbers(inbox, position, told)
            length //= 2
    board = inbox.noticeboard.revision
    echo = echo_in(position, missing.rows or [])
    return Frame(
        inbox.revision,
        board,
        html.replace(RECEIPT, RECEIPT_AT_ONCE) if echo else html,
        bottom=told.bottom,
        news=told.news,
        tells_of_jobs=missing.rows is None or any(row.key.startswith(JOB_START) for row in missing.rows),
        echo=echo,
        reached=told.reached,
        access=inbox.access,
        standing=Standing.of(inbox),
    )


def echo_in(position: Position, rows: list[Notification]) -> Echo | None:
    """The echo that has just arrived. Its page acknowledges it at once, and not with what comes in two seconds."""
    came = [row for row in rows if row.key.startswith(ECHO_START) and row.stands_in("all") and is_news(row, position)]
    return max((Echo(row.key, row.arrived_revision or 0) for row in came), key=lambda echo: echo.revision, default=None)


# What is told.


def tell_all_alike(inbox: Inbox, position: Position, missing: Missing, made: Made) -> Told:
    """Made once for all readers who see the same, where nothing but broadcasts is told of, or nothing but arrivals
    that look alike; however many they are."""
    if not is_shareable(inbox, position, missing):
        return tell_arrivals(inbox, position, missing, made)
    alike = ("told", replace(position, since=None, bottom=0, loaded_at=None), *map(look_of, inbox.announcements))
    if alike not in made:
        made[alike] = tell(inbox, replace(position, bottom=0), missing, made)
    return made[alike]  # type: ignore[return-value]


def tell_arrivals(inbox: Inbox, position: Position, missing: Missing, made: Made) -> Told:
    rows = in_order(missing.rows or [])
    looks = None if missing.is_posted else looks_of(position, rows)
    if looks is None:
        return tell(inbox, position, missing, made)
    alike = ("arrived", *looks)
    if alike not in made:
        told = tell(inbox, position, Missing(nameless(rows)), {})
        made[alike] = replace(told, html=placeless(told.html, rows))
    told = made[alike]  # type: ignore[assignment]
    return replace(told, html=named(told.html, rows))


def is_shareable(inbox: Inbox, position: Position, missing: Missing) -> bool:
    """Whether it depends on the broadcasts that the reader sees, and on nothing else of the inbox."""
    if missing.rows is None or not position.is_simple or position.lacks_from != inbox.revision:
        return False
    return all(row.broadcast_id and (row.arrival or 0) >= position.bottom for row in missing.rows)


def look_of(row: Notification) -> tuple[object, ...]:
    """All that an announcement shows, to one reader and not to another."""
    done = (row.seen_at, row.read_at, row.archived_at, row.saved_at, row.dismissed_at, row.acknowledged_at)
    return row.broadcast_id, row.pk is None, row.arrival, row.snoozed_until, *(moment is not None for moment in done)


def tell(inbox: Inbox, position: Position, missing: Missing, made: Made, length: int | None = None) -> Told:
    """What is missing, or the full list: of a page's length, or shorter where that would be too large a frame."""
    rows = missing.rows
    news, toasts = toasts_context(inbox, position, rows)
    item = item_at(inbox, position)
    context = {
        "inbox": inbox,
        "epoch": inbox.noticeboard.epoch if rows is None else "",
        "reader": inbox.user if rows is None and faces.are_known() else None,
        "bell": bell_of(inbox) if position.is_bell_open else None,
        "is_bell_open": position.is_bell_open,
        "has_banners": rows is None or missing.is_posted,
        "taken_back": [row.key for row in rows or () if row.retracted_at],
        "item": item,
        **toasts,
    }
    full = None
    if position.list_view and rows is None:
        context["full"] = full = page_of(inbox, position.list_view, length=length)
    elif position.list_view:
        context |= feed_context(position, rows or [], made) | older_context(inbox, position, rows or [])
    if position.view == "found":
        context |= found_context(position, rows)
    shown = inbox.announcements if rows is None else [row for row in rows if row.broadcast_id and not is_gone(row)]
    return Told(
        render_to_string("notifications/frame.html", context),
        lists=touched(position, rows),
        title=item.page_title if item else position.title,
        bottom=full.bottom if full else None,
        news=news,
        reached=tuple(row.broadcast_id or 0 for row in shown if row.pk is None),
    )


def touched(position: Position, missing: list[Notification] | None) -> frozenset[str] | None:
    """The lists whose numbers may have moved: that of a category moves with rows of that category only, and what has
    just arrived leaves the lists alone that it is not in."""
    if not position.list_view:
        return frozenset()
    if missing is None:
        return None
    has_only_arrivals = missing and all(row.has_only_arrived_since(position.lacks_from) for row in missing)
    return frozenset(
        [*(ARRIVAL_LISTS if has_only_arrivals else LISTS), *(f"category:{row.category}" for row in missing)]
    )


def numbers(inbox: Inbox, position: Position, told: Told) -> str:
    """All that differs from reader to reader."""
    names = [name for name in list_names() if told.lists is None or name in told.lists] if position.list_view else []
    bottom = position.bottom if position.list_view and told.bottom is None else None
    return numbers_html(Numbers.of(inbox, names), position.language, told.title, bottom)


def once(made: Made, of: tuple[object, ...], template: str, context: dict[str, object]) -> str:
    """Rendered once for all that depend on the same."""
    known = (template, *of)
    if known not in made:
        made[known] = render_to_string(f"notifications/{template}", context)
    return str(made[known])


# Its parts.


def feed_context(position: Position, missed: list[Notification], made: Made) -> dict[str, object]:
    """The rows that enter or stay in the page's list, and the keys of those that leave it.

    Below the page's oldest item nothing enters: it is reached by "older", as on a fresh page.
    """
    entering, leaving, days = [], [], set()
    for row in sorted(missed, key=lambda row: row.arrival or 0, reverse=True):
        if (row.arrival or 0) < position.bottom and not is_gone(row):
            continue
        is_in = row.stands_in(position.list_view)
        if is_in:
            entering.append(row_html(row, position, made))
            days.add(local_day(row))
        if not is_in or has_moved(row, position):  # what is there already would keep its old place
            leaving.append(row.key)
    return {"entering": entering, "leaving": leaving, "days": days_context(days)}


def older_context(inbox: Inbox, position: Position, missed: list[Notification]) -> dict[str, object]:
    """Whether there is anything older than what the page has loaded, where that may have changed."""
    since = position.lacks_from
    if not any((row.arrival or 0) < position.bottom or row.has_moved_since(since) for row in missed):
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


def row_html(row: Notification, position: Position, made: Made) -> str:
    """The row as a page shows it, rendered once per language and zone."""
    of = (row.inbox_id, row.key, position.language, position.zone)
    return once(made, of, "_notification.html", {"n": row, "place": "notification"})


def item_at(inbox: Inbox, position: Position) -> Notification | None:
    """The one item of an item's own page, as it is now."""
    item = item_of(inbox, position.item_key) if position.item_key else None
    return with_events([item])[0] if item else None


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
