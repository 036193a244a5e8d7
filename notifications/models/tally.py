"""The numbers of an inbox, moved along with its rows instead of being counted again."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from django.db.models import BooleanField, Count, ExpressionWrapper, F, Func, JSONField, Q

if TYPE_CHECKING:
    from .inbox import Inbox
    from .notification import Notification, NotificationQuerySet

UNREAD = "unread"
UNSEEN = "unseen"

#: What a row's place depends on, and the column that says it: empty is no.
STATES = {
    "is_read": "read_at",
    "is_archived": "archived_at",
    "is_snoozed": "snoozed_until",
    "is_saved": "saved_at",
    "is_retracted": "retracted_at",
    "is_superseded": "superseded_at",
}


class Tally(Counter[str]):
    """How much is to be added to each number: "unseen", "unread", and the lists "all", "archived", "category:NAME"."""

    @classmethod
    def of_update(cls, rows: "NotificationQuerySet", seen_revision: int, states: dict[str, Any]) -> "Tally":
        """What the numbers change by when these rows get these states."""
        groups = groups_of(rows, seen_revision)
        after = {name: states[column] is not None for name, column in STATES.items() if column in states}
        if "arrived_revision" in states:
            after["is_new"] = True
        tally = cls()
        for group in groups:
            tally.add(places(group), -group["n"])
            tally.add(places({**group, **after}), group["n"])
        return tally

    @classmethod
    def of_removal(cls, rows: "NotificationQuerySet", seen_revision: int) -> "Tally":
        tally = cls()
        for group in groups_of(rows, seen_revision):
            tally.add(places(group), -group["n"])
        return tally

    def add(self, names: set[str], n: int) -> None:
        self.update(dict.fromkeys(names, n))

    def apply_to(self, inbox: "Inbox") -> None:
        """For an inbox in hand, whose row is locked."""
        inbox.unseen_count += self[UNSEEN]
        inbox.unread_count += self[UNREAD]
        counts = Counter(inbox.counts)
        counts.update({name: n for name, n in self.items() if name not in {UNSEEN, UNREAD}})
        inbox.counts = {name: n for name, n in counts.items() if n}

    def as_update(self) -> dict[str, Any]:
        """The same for many rows in one statement: the arguments of ``update()``."""
        lists = {name: n for name, n in self.items() if n and name not in {UNSEEN, UNREAD}}
        return {
            "unseen_count": F("unseen_count") + self[UNSEEN],
            "unread_count": F("unread_count") + self[UNREAD],
            **({"counts": AddToCounts(lists)} if lists else {}),
        }


def groups_of(rows: "NotificationQuerySet", seen_revision: int) -> list[dict[str, Any]]:
    """How many of these rows are in each state that matters for the numbers, but for broadcasts."""
    flags = {name: flag(**{f"{column}__isnull": False}) for name, column in STATES.items()}
    return list(
        rows.of_their_own()
        .order_by()
        .annotate(**flags, is_new=flag(arrived_revision__gt=seen_revision))
        .values("category", *STATES, "is_new")
        .annotate(n=Count("pk"))
    )


def flag(**lookup: Any) -> ExpressionWrapper:
    return ExpressionWrapper(Q(**lookup), output_field=BooleanField())


def state_of(row: "Notification", seen_revision: int) -> dict[str, Any]:
    """The same for a row in hand."""
    flags = {name: getattr(row, column) is not None for name, column in STATES.items()}
    return {"category": row.category, "is_new": (row.arrived_revision or 0) > seen_revision, **flags}


def places(state: dict[str, Any]) -> set[str]:
    """The numbers in which a notification of this state counts."""
    if state.get("is_retracted") or state.get("is_superseded"):
        return set()
    saved = {"saved"} if state.get("is_saved") else set()
    if state.get("is_archived"):
        return {"archived", *saved}
    if state.get("is_snoozed"):
        return {"snoozed", *saved}
    shown = {"all", f"category:{state['category']}", *saved}
    if not state.get("is_read"):
        shown.add(UNREAD)
        if state.get("is_new"):
            shown.add(UNSEEN)
    return shown


class AddToCounts(Func):
    """The JSON object ``counts`` with numbers added to some of its names, computed by the database."""

    def __init__(self, steps: dict[str, int]):
        super().__init__(F("counts"), output_field=JSONField())
        self.steps = steps

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, tuple[str | int, ...]]:
        column, _ = compiler.compile(self.get_source_expressions()[0])
        pairs = ", ".join(f"%s, coalesce(json_extract({column}, %s), 0) + %s" for _ in self.steps)
        params = [value for name, n in self.steps.items() for value in (f'$."{name}"', f'$."{name}"', n)]
        return f"json_set({column}, {pairs})", tuple(params)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:
        column, _ = compiler.compile(self.get_source_expressions()[0])
        pairs = ", ".join(f"%s::text, coalesce(({column} ->> %s::text)::bigint, 0) + %s" for _ in self.steps)
        params = [value for name, n in self.steps.items() for value in (name, name, n)]
        return f"{column} || jsonb_build_object({pairs})", params
