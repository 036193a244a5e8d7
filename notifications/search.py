"""Finding notifications: the words of a search, where they may stand, and how many there are in each list.

PostgreSQL compares as full text, each word as the beginning of one. SQLite compares plainly; there, capitals and small
letters are told apart outside of A to Z.
"""

import re
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Count, F, Func, Q, Value

from . import verbs
from .models import Inbox
from .models.notification import NotificationQuerySet

WORDS_LIMIT = 10
QUERY_LIMIT = 200  # characters
FIELDS = ("title", "body", "actor_name", "target_label")


@dataclass(frozen=True)
class Search:
    """What is looked for: words, all of which must be there, in a list, perhaps of one category."""

    text: str = ""
    view: str = "all"  # of notification.LISTS
    category: str = ""

    @property
    def words(self) -> list[str]:
        return re.findall(r"\w+", self.text[:QUERY_LIMIT])[:WORDS_LIMIT]

    def rows(self, inbox: Inbox) -> NotificationQuerySet:
        """What it finds, newest first."""
        found = matching(inbox.notifications.in_view(self.view), self.words)
        return found.filter(category=self.category) if self.category else found

    def counts(self, inbox: Inbox) -> dict[str, int]:
        """How many it would find with another list, and with another category: "unread", "category:comments", ..."""
        everywhere = matching(inbox.notifications.listed(), self.words)
        here = everywhere.filter(category=self.category) if self.category else everywhere
        lists = here.order_by().aggregate(**{view: Count("pk", filter=standing_in(view)) for view in LISTED_IN})
        by_category = matching(inbox.notifications.in_view(self.view), self.words).order_by().values("category")
        categories = {f"category:{row['category']}": row["n"] for row in by_category.annotate(n=Count("pk"))}
        return {**lists, **categories}


#: What makes a listed row stand in each list: the same rules as the adjectives of its queryset.
LISTED_IN: dict[str, dict[str, Any]] = {
    "all": {"archived_at": None, "snoozed_until": None},
    "unread": {"archived_at": None, "snoozed_until": None, "read_at": None},
    "saved": {"saved_at__isnull": False},
    "snoozed": {"archived_at": None, "snoozed_until__isnull": False},
    "archived": {"archived_at__isnull": False},
}


def standing_in(view: str) -> Q:
    return Q(**LISTED_IN[view])


def matching(rows: NotificationQuerySet, words: list[str]) -> NotificationQuerySet:
    """The rows that have all of these words in title, body, actor or target, or in the sentence of their verb.

    What is no longer available is not found by what it said.
    """
    for word in words:
        rows = rows.filter(contains(word) | Q(verb__in=verbs.saying(word)))
    return rows.filter(unavailable_at=None) if words else rows


def contains(word: str) -> Q:
    if connection.vendor == "postgresql":
        return Q(Matches(f"'{word}':*"))
    places = Q()
    for field in FIELDS:
        places |= Q(**{f"{field}__icontains": word})
    return places


class Matches(Func):
    """Whether the fields, taken together, match a query of PostgreSQL's full-text search.

    Without an index: an inbox is small, and an index would be written at every change of every row.
    """

    output_field = BooleanField()

    def __init__(self, query: str):
        super().__init__(*(F(field) for field in FIELDS), Value(query))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:
        compiled = [compiler.compile(source) for source in self.get_source_expressions()]
        *columns, query = [sql for sql, _ in compiled]
        text = f"to_tsvector('simple', concat_ws(' ', {', '.join(columns)}))"
        return f"{text} @@ to_tsquery('simple', {query})", [param for _, params in compiled for param in params]
