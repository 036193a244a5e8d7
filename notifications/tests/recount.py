"""The numbers of an inbox, counted anew from its rows."""

from collections import Counter
from typing import Any

from notifications.models import Inbox, Notification


def recount(inbox: Inbox) -> dict[str, Any]:
    rows = [row for row in Notification.objects.filter(inbox=inbox) if row.revision and not row.retracted_at]
    active = [row for row in rows if not row.archived_at]
    unread = [row for row in active if not row.read_at]
    lists = Counter(["all"] * len(active) + [f"category:{row.category}" for row in active])
    lists["archived"] = len(rows) - len(active)
    return {
        "unread": len(unread),
        "unseen": len([row for row in unread if row.arrived_revision > inbox.seen_revision]),
        "lists": {name: n for name, n in lists.items() if n},
    }


def kept(inbox: Inbox) -> dict[str, Any]:
    """The same numbers as the inbox keeps them, from the database."""
    inbox.refresh_from_db()
    return {"unread": inbox.unread_count, "unseen": inbox.unseen_count, "lists": inbox.counts}
