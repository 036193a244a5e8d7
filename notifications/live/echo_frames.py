"""What a page is told of an echo, as HTML."""

from dataclasses import replace

from django.template.loader import render_to_string
from django.utils import translation

from notifications.echo import Trip
from notifications.models.echo import times_of

from .positions import Position


def echo_frame(inbox_id: int, key: str, trip: Trip, position: Position, is_last_try: bool) -> str:
    """Empty while whoever wrote the echo has not noted when; the last try does without."""
    times = times_of(inbox_id, key)
    if times is None and not is_last_try:
        return ""
    with translation.override(position.language):
        return echo_html(replace(trip, times=times)) + render_to_string("notifications/_receipt.html")


def echo_html(trip: Trip) -> str:
    """In the active language, for the page of settings; another page has no place for it."""
    said = render_to_string("notifications/_echo.html", {"trip": trip})
    return f'<hx-partial hx-target="#echo" hx-swap="innerHTML">{said}</hx-partial>'
