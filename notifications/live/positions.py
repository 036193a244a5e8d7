"""What a page says of itself in its resume form: how far it has come, and what it shows.

The form comes from a browser, so anything may stand in it. What is missing or strange means "unknown", and the answer
to that is the safe one, the full list.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self
from zoneinfo import available_timezones

from django.conf import settings

from notifications import categories
from notifications.models.draft import KEY, UNPRINTABLE
from notifications.models.notification import LISTS

LARGEST = 2**63 - 1
SIMPLE_VIEWS = ("none", "feed:all", "feed:unread")


@dataclass(frozen=True)
class Position:
    """Where a page stands. Equal positions of one inbox get equal frames."""

    since: int | None = None  # the inbox's revision that it shows; None is unknown
    board: int | None = None  # that of the board
    view: str = "none"  # "feed:all", "feed:unread", ..., "feed:category:NAME", "found", "item:KEY" or "none"
    bottom: int = 0  # the arrival of the oldest item that it has loaded; 0 is all of them
    loaded_at: int | None = None  # the revision of the oldest thing that it has loaded by itself; None is nothing
    loaded_board: int | None = None  # and that of the board
    is_bell_open: bool = False
    language: str = ""
    zone: str = ""
    title: str = ""
    may_toast: bool = False  # arrivals are news on a live page, not on one that catches up
    toasted: int = 0  # how many were news lately: after the first three they are only counted

    @classmethod
    def from_form(cls, form: Mapping[str, Any], epoch: str) -> Self:
        is_of_now = form.get("epoch") == epoch
        view = view_of(form.get("view"))
        bottom, listed_at = bottom_of(form.get("bottom")) if is_feed(view) else (0, None)
        bell_at = stamp_of(form.get("bell_at")) if form.get("bell") == "1" else None
        loaded = [stamp for stamp in (listed_at, bell_at) if stamp is not None]
        return cls(
            since=number(form.get("since")) if is_of_now and (listed_at or not is_feed(view)) else None,
            board=number(form.get("board")) if is_of_now else None,
            view=view,
            bottom=bottom,
            loaded_at=min((revision for revision, _ in loaded), default=None),
            loaded_board=min((board for _, board in loaded), default=None),
            is_bell_open=form.get("bell") == "1",
            language=language_of(form.get("language")),
            zone=zone_of(form.get("zone")),
            title=text(form.get("title"))[:200],
        )

    def moved(self, **to: Any) -> Self:
        """The same page further on. As `replace()`, in a quarter of its time: each frame moves each of its pages."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, **to)
        return other

    @property
    def lacks_from(self) -> int:
        """What has changed after this revision is missing; what a page loads by itself may be older than the rest."""
        return min(self.since or 0, self.loaded_at if self.loaded_at is not None else LARGEST)

    @property
    def lacks_board_from(self) -> int:
        """The same of the board."""
        return min(self.board or 0, self.loaded_board if self.loaded_board is not None else LARGEST)

    @property
    def list_view(self) -> str:
        """The view of the feed that the page shows, or ""."""
        return self.view.removeprefix("feed:") if is_feed(self.view) else ""

    @property
    def is_simple(self) -> bool:
        """Whether it shows nothing of an inbox that a frame of news would have to ask for."""
        return self.view in SIMPLE_VIEWS and not self.is_bell_open

    @property
    def item_key(self) -> str:
        return self.view.removeprefix("item:") if self.view.startswith("item:") else ""


def text(value: object) -> str:
    return UNPRINTABLE.sub("", value) if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """A revision, or None."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value, re.ASCII) and int(value) <= LARGEST:
        return int(value)
    return None


def view_of(value: object) -> str:
    kind, _, rest = text(value).partition(":")
    if kind == "item" and KEY.fullmatch(rest):
        return f"item:{rest}"
    if kind == "feed" and is_list(rest):
        return f"feed:{rest}"
    return "found" if value == "found" else "none"


def is_feed(view: str) -> bool:
    return view.startswith("feed:")


def is_list(name: str) -> bool:
    """Whether it names a list of the inbox: one that every inbox has, or category:NAME of a known category."""
    if name in LISTS:
        return True
    return name.removeprefix("category:") in {category.name for category in categories.everything()} and ":" in name


def bottom_of(value: object) -> tuple[int, tuple[int, int] | None]:
    """Of "ARRIVAL@REVISION.BOARD" the oldest item that is loaded, and what it was loaded at; None is unknown."""
    arrival, _, stamp = text(value).partition("@")
    return number(arrival) or 0, stamp_of(stamp) if number(arrival) is not None else None


def stamp_of(value: object) -> tuple[int, int] | None:
    """Of "REVISION.BOARD" the two numbers; None is unknown."""
    revision, _, board = text(value).partition(".")
    numbers = number(revision), number(board)
    return (numbers[0], numbers[1]) if numbers[0] is not None and numbers[1] is not None else None


def language_of(value: object) -> str:
    return value if isinstance(value, str) and value in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def zone_of(value: object) -> str:
    return value if isinstance(value, str) and value in time_zones() else settings.TIME_ZONE


@cache
def time_zones() -> set[str]:
    """All that are known; looking for them takes 10 ms, as long as a hundred frames."""
    return available_timezones()
