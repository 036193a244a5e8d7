"""How a broadcast will look to readers: rows that are in no database, for the very templates that readers get."""

from django.utils.translation import gettext as _

from notifications.models import Broadcast, Content, Notification, clock, markdown
from notifications.models.broadcast import PUBLISHED
from notifications.models.draft import InvalidNotification, check_url
from notifications.models.noticeboard import announcement

SCHEMES = {"light": -1, "dark": -2}  # in place of ids: each pane has ids of its own, and none that a real row has


def sample(content: Content, number: int = -1) -> Notification:
    broadcast = Broadcast(pk=number, **content.columns())
    broadcast.body_html = markdown.html_of(content.body)
    broadcast.url = content.url if is_address(content.url) else ""  # what is still being typed leads nowhere
    broadcast.title = content.title.strip() or _("Your title")
    broadcast.state, broadcast.arrival = PUBLISHED, clock.microseconds()
    return announcement(broadcast)


def is_address(url: str) -> bool:
    try:
        check_url(url)
    except InvalidNotification:
        return False
    return True


def sample_of(broadcast: Broadcast) -> Notification:
    """Of one that is there already, without asking for its people, who may be many."""
    return sample(Content(**{name: getattr(broadcast, name) for name in Content().columns()}))


def panes(content: Content) -> list[tuple[str, Notification]]:
    return [(scheme, sample(content, number)) for scheme, number in SCHEMES.items()]
