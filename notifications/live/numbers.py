"""What differs from reader to reader in a frame that many share: the bell's number, those of the lists, and positions.

Each piece is a template that is rendered once; then only its numbers are put in. Of pieces that say a number in words,
those are kept that were made lately.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from django.template.loader import render_to_string
from django.utils import translation

from notifications import categories
from notifications.lists import count_id
from notifications.models.inbox import display_of
from notifications.models.notification import LISTS

if TYPE_CHECKING:
    from notifications.models import Inbox

KEPT = 4_096  # pieces that say a number in words, or a page's title
NUMBER = secrets.token_hex(8)  # stands for each number where a template is rendered


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of one reader, at one position."""

    revision: int
    board: int
    unseen: int
    lists: Mapping[str, int]  # those of which a frame may speak

    @classmethod
    def of(cls, inbox: "Inbox", names: Iterable[str]) -> "Numbers":
        lists = {name: inbox.count_of(name) for name in names}
        return cls(inbox.revision, inbox.noticeboard.revision, inbox.unseen_total, lists)


def list_names() -> tuple[str, ...]:
    """Of all lists that pages show a number of."""
    return (*LISTS, *(f"category:{category.name}" for category in categories.everything()))


def numbers_html(now: Numbers, language: str, title: str, bottom: int | None) -> str:
    """``title`` is the page's own; ``bottom`` is how far down its list reaches, None where it has none or is new."""
    pieces = [count_html(name, count) for name, count in now.lists.items()]
    if bottom is not None:
        pieces.append(bottom_html(bottom, now.revision, now.board))
    pieces.append(bell_html(language, now.unseen))
    pieces.append(favicon_html(now.unseen > 0))
    pieces.append(title_html(display_of(now.unseen), title))
    pieces.append(cursor_html(now.revision, now.board))
    return "".join(pieces)


def count_html(name: str, count: int) -> str:
    before, between, after = count_pattern(name)
    return f"{before}{count}{between}{count}{after}"


@cache
def count_pattern(name: str) -> list[str]:
    return pattern("_count.html", {"filter": {"count_id": count_id(name), "count": NUMBER}, "oob": True})


def bottom_html(bottom: int, revision: int, board: int) -> str:
    before, between, after = bottom_pattern(bottom)
    return f"{before}{revision}{between}{board}{after}"


@lru_cache(maxsize=KEPT)
def bottom_pattern(bottom: int) -> list[str]:
    return pattern("_bottom_input.html", {"bottom": bottom, **at(NUMBER), "oob": True})


def cursor_html(revision: int, board: int) -> str:
    before, between, after = cursor_pattern()
    return f"{before}{revision}{between}{board}{after}"


@cache
def cursor_pattern() -> list[str]:
    return pattern("_cursor.html", {**at(NUMBER), "oob": True})


@lru_cache(maxsize=KEPT)
def bell_html(language: str, unseen: int) -> str:
    with translation.override(language):
        inbox = {"unseen_total": unseen, "unseen_display": display_of(unseen)}
        return render_to_string("notifications/_badge.html", {"inbox": inbox, "oob": True})


@cache
def favicon_html(has_news: bool) -> str:
    return render_to_string("notifications/_favicon.html", {"inbox": {"unseen_total": has_news}, "oob": True})


@lru_cache(maxsize=KEPT)
def title_html(unseen: str, title: str) -> str:
    """``unseen`` as the bell shows it."""
    inbox = {"unseen_total": unseen != "0", "unseen_display": unseen}
    text = render_to_string("notifications/_title.html", {"inbox": inbox, "page_title": title})
    return f"<title>{text}</title>"


def pattern(template: str, context: dict[str, object]) -> list[str]:
    """What stands before, between and after its numbers."""
    return render_to_string(f"notifications/{template}", context).split(NUMBER)


def at(number: str) -> dict[str, object]:
    """For templates that say a position."""
    return {"inbox": {"revision": number, "noticeboard": {"revision": number}}}
