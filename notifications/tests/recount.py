"""The numbers of an inbox, counted anew from its rows."""

from collections import Counter
from typing import Any

from notifications.models import Inbox, Notification


def recount(inbox: Inbox) -> dict[str, Any]:
    rows = [row for row in Notification.objects.filter(inbox=inbox) if is_listed(row)]
    active = [row for row in rows if not row.archived_at and not row.snoozed_until]
    unread = [row for row in active if not row.read_at]
    lists = Counter(["all"] * len(active) + [f"category:{row.category}" for row in active])
    lists["saved"] = len([row for row in rows if row.saved_at])
    lists["archived"] = len([row for row in rows if row.archived_at])
    lists["snoozed"] = len(rows) - len(active) - lists["archived"]
    return {
        "unread": len(unread),
        "unseen": len([row for row in unread if row.arrived_revision > inbox.seen_revision]),
        "lists": {name: n for name, n in lists.items() if n},
    }


def is_listed(row: Notification) -> bool:
    return bool(row.revision) and not row.broadcast_id and not row.retracted_at and not row.superseded_at


def kept(inbox: Inbox) -> dict[str, Any]:
    """The same numbers as the inbox keeps them, from the database."""
    inbox.refresh_from_db()
    return {
        "unread": inbox.unread_count,
        "unseen": inbox.unseen_count,
        "lists": {name: n for name, n in inbox.counts.items() if n},
    }
