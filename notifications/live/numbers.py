"""What differs from reader to reader in a frame that many share: the bell's number, those of the lists, and positions.

The pieces are templates that are rendered once; then only their numbers are put in. Of those that say a number in
words, the ones are kept that were made lately.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from django.template.loader import render_to_string
from django.utils import translation

from notifications import categories
from notifications.lists import count_id
from notifications.models.inbox import display_of
from notifications.models.notification import LISTS

if TYPE_CHECKING:
    from notifications.models import Inbox

KEPT = 4_096  # pieces of each kind
SLOT = secrets.token_hex(8)  # begins what stands for a number where a template is rendered


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
    at = {"revision": now.revision, "board": now.board, "bottom": bottom}
    counted = numbers_pattern(tuple(now.lists), bottom is not None) % {**now.lists, **at}
    return counted + bell_html(language, now.unseen) + title_html(display_of(now.unseen), title)


@lru_cache(maxsize=KEPT)
def numbers_pattern(lists: tuple[str, ...], has_bottom: bool) -> str:
    """What says nothing but numbers, to be put in by ``%``."""
    inbox = {"revision": slot("revision"), "noticeboard": {"revision": slot("board")}}
    pieces = [render("_count.html", filter={"count_id": count_id(name), "count": slot(name)}) for name in lists]
    if has_bottom:
        pieces.append(render("_bottom_input.html", inbox=inbox, bottom=slot("bottom")))
    pieces.append(render("_cursor.html", inbox=inbox))
    html = "".join(pieces).replace("%", "%%")
    for name in (*lists, "revision", "board", "bottom"):
        html = html.replace(slot(name), f"%({name})d")
    return html


def slot(name: str) -> str:
    """Stands for that number where a template is rendered."""
    return f"{SLOT}-{name}-"


@lru_cache(maxsize=KEPT)
def bell_html(language: str, unseen: int) -> str:
    """The bell, and the browser's tab."""
    inbox = {"unseen_total": unseen, "unseen_display": display_of(unseen)}
    with translation.override(language):
        return render("_badge.html", inbox=inbox) + render("_favicon.html", inbox=inbox)


@lru_cache(maxsize=KEPT)
def title_html(unseen: str, title: str) -> str:
    """``unseen`` as the bell shows it."""
    inbox = {"unseen_total": unseen != "0", "unseen_display": unseen}
    return f"<title>{render('_title.html', inbox=inbox, page_title=title)}</title>"


def render(template: str, **context: object) -> str:
    return render_to_string(f"notifications/{template}", {**context, "oob": True})
