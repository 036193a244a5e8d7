"""The story of one notification, for staff who are asked about it: who sent it, by which rule, what became of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from . import categories
from .models import Notification, Sighting


@dataclass(frozen=True)
class Event:
    what: str
    at: datetime | None
    detail: str = ""


def story_of(notification: Notification) -> list[Event]:
    """What happened to it, in the order of time; what has no time of its own comes first."""
    events = [event for event in events_of(notification) if event.at or event.detail]
    return sorted(events, key=lambda event: (event.at is not None, event.at or datetime.min))


def events_of(one: Notification) -> Iterator[Event]:
    sender = (
        _("{place}, in a request of {user}").format(place=one.source, user=one.sent_by) if one.sent_by else one.source
    )
    yield Event(_("Sent"), one.sent_at, sender)
    yield Event(_("Committed, and placed in the inbox"), one.delivered_at)
    yield Event(_("Seen in the bell"), seen_at(one))
    yield Event(_("Read"), one.read_at)
    yield Event(_("Snoozed"), one.snoozed_at)
    yield Event(_("Came back from its snooze"), one.returned_at)
    yield Event(_("Saved"), one.saved_at)
    yield Event(_("Archived"), one.archived_at)
    yield Event(_("A newer event of its group took its place"), one.superseded_at)
    yield Event(_("What it was about became unavailable"), one.unavailable_at)
    yield Event(_("Withdrawn by its sender"), one.retracted_at)


def seen_at(one: Notification) -> datetime | None:
    looks = Sighting.objects.filter(inbox=one.inbox_id, revision__gte=one.arrived_revision or 0)
    first = looks.order_by("revision").first() if one.arrived_revision else None
    return first.at if first else None


def rules_of(one: Notification) -> list[tuple[str, str]]:
    """Why it was delivered to this reader: the reason that its sender gave, and what was looked at."""
    category = categories.find(one.category)
    required = _("required: cannot be switched off") if category.required else _("was not switched off")
    rules = [
        (_("Reason"), one.reason_text or _("none was given")),
        (_("Category"), f"{category.label} ({required})"),
    ]
    mutes = _("{name} (would ring although muted)") if category.required else _("{name} (was not muted)")
    if one.group_key:
        rules.append((_("Conversation"), mutes.format(name=one.group_key)))
    if one.target:
        rules.append((_("About"), mutes.format(name=one.target)))
    return rules
