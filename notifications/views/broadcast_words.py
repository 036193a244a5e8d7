"""Broadcasts in the words of staff: states, deeds, values of fields, and what a button will do."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from notifications.forms import LEVELS, PLACEMENTS
from notifications.models import Audience, Broadcast, BroadcastEvent, Content, clock
from notifications.models.broadcast import DRAFT, ENDED, PUBLISHED, SCHEDULED, WITHDRAWN
from notifications.models.broadcast_event import CREATED, EDITED, REMINDED, REMINDING, SHOWN_AGAIN

STATES = {
    DRAFT: gettext_lazy("Draft"),
    SCHEDULED: gettext_lazy("Scheduled"),
    PUBLISHED: gettext_lazy("Running"),
    ENDED: gettext_lazy("Ended"),
    WITHDRAWN: gettext_lazy("Withdrawn"),
}
DEEDS = {
    CREATED: gettext_lazy("wrote it"),
    EDITED: gettext_lazy("changed it"),
    SHOWN_AGAIN: gettext_lazy("changed it and showed it again"),
    "scheduled": gettext_lazy("scheduled it"),
    "published": gettext_lazy("published it"),
    "cancelled": gettext_lazy("cancelled it"),
    "undone": gettext_lazy("took the publication back"),
    "ended": gettext_lazy("ended it"),
    "withdrawn": gettext_lazy("withdrew it"),
    REMINDING: gettext_lazy("reminded those who have not confirmed"),
    REMINDED: gettext_lazy("reminded those who have not confirmed"),
}
FIELDS = {
    "title": gettext_lazy("Title"),
    "body": gettext_lazy("Text"),
    "url": gettext_lazy("Link"),
    "level": gettext_lazy("Level"),
    "placement": gettext_lazy("Shown in"),
    "is_dismissible": gettext_lazy("Can be dismissed"),
    "asks_acknowledgement": gettext_lazy("Asks to confirm"),
    "audience": gettext_lazy("For"),
    "groups": gettext_lazy("Groups"),
    "people": gettext_lazy("People"),
    "starts_at": gettext_lazy("Starts"),
    "ends_at": gettext_lazy("Ends"),
}
WORDS = {
    "level": dict(LEVELS),
    "placement": dict(PLACEMENTS),
    "audience": dict(Audience.choices),
}


def describe(shown: Broadcast, moment: datetime) -> Broadcast:
    """With its state by the clock, and with words for its parts."""
    is_over = shown.state == PUBLISHED and not shown.is_live(moment)
    shown.state_now = ENDED if is_over else shown.state  # type: ignore[attr-defined]
    shown.state_label = STATES[shown.state_now]  # type: ignore[attr-defined]
    shown.level_label = WORDS["level"].get(shown.level, shown.level)  # type: ignore[attr-defined]
    shown.placement_label = WORDS["placement"].get(shown.placement, shown.placement)  # type: ignore[attr-defined]
    shown.audience_label = audience_words(shown)  # type: ignore[attr-defined]
    return shown


def audience_words(shown: Any) -> str:
    if shown.audience == Audience.GROUPS:
        return ", ".join(group.name for group in shown.groups.all())
    if shown.audience == Audience.PEOPLE:
        count = shown.people_count + len(shown.names.splitlines())
        return ngettext("{count} named person", "{count} named people", count).format(count=grouped(count))
    return str(WORDS["audience"][shown.audience])


def publish_label(content: Content | Broadcast, reach: int) -> str:
    """What the button does that publishes it."""
    if content.starts_at and content.starts_at > clock.now():
        said = ngettext("Schedule for {count} person", "Schedule for {count} people", reach)
    else:
        said = ngettext("Publish to {count} person", "Publish to {count} people", reach)
    return said.format(count=grouped(reach))


def too_late(shown: Broadcast) -> str:
    return _("That cannot be done any more: its state is “{state}” now. Nothing was changed.").format(
        state=STATES[shown.state]
    )


def told(event: BroadcastEvent) -> dict[str, Any]:
    """One line of the history."""
    changes = [
        {"label": FIELDS.get(name, name), "before": in_words(name, before), "after": in_words(name, after)}
        for name, (before, after) in event.changes.items()
        if name in FIELDS and event.what not in (REMINDING, REMINDED)
    ]
    return {"event": event, "deed": DEEDS.get(event.what, event.what), "changes": changes}


def in_words(name: str, value: Any) -> str:
    """A value of a broadcast, as staff read it."""
    if value is None or value == "" or value == []:
        return _("nothing")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    if name in ("starts_at", "ends_at"):
        moment = value if isinstance(value, datetime) else parse_datetime(value)
        return date_format(timezone.localtime(moment), "DATETIME_FORMAT") if moment else str(value)
    return str(WORDS.get(name, {}).get(value, value))


def grouped(count: int) -> str:
    return number_format(count, force_grouping=True)
