"""How a broadcast will look to readers: rows that are in no database, for the very templates that readers get."""

from typing import Any

from django.utils.translation import gettext as _

from notifications.models import Broadcast, Content, Notification, clock, markdown
from notifications.models.broadcast import PUBLISHED
from notifications.models.noticeboard import announcement

SCHEMES = {"light": -1, "dark": -2}  # in place of ids: each pane has ids of its own, and none that a real row has


def sample(content: Content, inbox: Any, number: int = -1) -> Notification:
    broadcast = Broadcast(pk=number, **content.columns())
    broadcast.body_html = markdown.html_of(content.body)
    broadcast.title = content.title.strip() or _("Your title")
    broadcast.state, broadcast.arrival = PUBLISHED, clock.microseconds()
    return announcement(broadcast)


def sample_of(broadcast: Broadcast, inbox: Any) -> Notification:
    """Of one that is there already, without asking for its people, who may be many."""
    return sample(Content(**{name: getattr(broadcast, name) for name in Content().columns()}), inbox)


def panes(content: Content, inbox: Any) -> list[tuple[str, Notification]]:
    return [(scheme, sample(content, inbox, number)) for scheme, number in SCHEMES.items()]
