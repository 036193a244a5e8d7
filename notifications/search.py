"""Finding notifications: the words of a search, and how many there are in each list.

Each word is the beginning of one in the title, the text, the actor, the target or the sentence of the verb. Capitals
and accents make no difference.
"""

from dataclasses import dataclass

from django.db.models import Count, Q

from . import verbs
from .models import Inbox, Notification
from .models.broadcast import CATEGORY
from .models.notification import LISTS, NotificationQuerySet
from .models.words import HasWord, words_of

WORDS_LIMIT = 10
QUERY_LIMIT = 200  # characters


@dataclass(frozen=True)
class Search:
    """What is looked for: words, all of which must be there, in a list, perhaps of one category."""

    text: str = ""
    view: str = "all"  # of notification.LISTS
    category: str = ""

    @property
    def words(self) -> list[str]:
        return words_of(self.text[:QUERY_LIMIT])[:WORDS_LIMIT]

    def rows(self, inbox: Inbox) -> NotificationQuerySet:
        """What it finds, newest first."""
        found = matching(inbox.notifications.in_view(self.view), self.words)
        return found.filter(category=self.category) if self.category else found

    def announcements(self, inbox: Inbox) -> list[Notification]:
        """Which of the broadcasts that the reader sees it finds, newest first."""
        found = [row for row in inbox.announcements_in(self.view) if says(row, self.words)]
        return found if self.category in {"", CATEGORY} else []

    def counts(self, inbox: Inbox) -> dict[str, int]:
        """How many it would find with another list, and with another category: "unread", "category:comments", ..."""
        everywhere = matching(inbox.notifications.listed().of_their_own(), self.words)
        here = everywhere.filter(category=self.category) if self.category else everywhere
        lists = here.order_by().aggregate(**{view: Count("pk", filter=Q(**rule)) for view, rule in LISTS.items()})
        by_category = matching(inbox.notifications.in_view(self.view), self.words).order_by().values("category")
        categories = {f"category:{row['category']}": row["n"] for row in by_category.annotate(n=Count("pk"))}
        posted = [row for row in inbox.announcements if says(row, self.words)]
        for view in lists if self.category in {"", CATEGORY} else ():
            lists[view] += sum(row.stands_in(view) for row in posted)
        categories[f"category:{CATEGORY}"] = sum(row.stands_in(self.view) for row in posted)
        return {**lists, **categories}


def matching(rows: NotificationQuerySet, words: list[str]) -> NotificationQuerySet:
    """The rows that have all of these words in what they say, or in the sentence of their verb.

    What is no longer available is not found by what it said.
    """
    for word in words:
        rows = rows.filter(Q(HasWord(word)) | Q(verb__in=saying(word)))
    return rows.filter(unavailable_at=None) if words else rows


def says(row: Notification, words: list[str]) -> bool:
    """The same for one in hand."""
    own = words_of(row.title, row.body)
    return all(any(one.startswith(word) for one in own) for word in words)


def saying(word: str) -> list[str]:
    """The verbs in whose sentence a word begins like this."""
    return [name for name, text in verbs.texts().items() if any(one.startswith(word) for one in words_of(text))]
