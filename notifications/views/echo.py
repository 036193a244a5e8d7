"""A test of the way to the reader's page and back."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications import echo
from notifications.live.echo_frames import echo_html

from .answers import act, frame_of, refuse, way_back


@act
def send_echo(request: Any) -> HttpResponse | None:
    """Where the page has a socket, the hub tells it the result. Where it has none, nothing can come back."""
    try:
        sent = echo.send_echo(request.user)
    except echo.TooSoon as error:
        return refuse(request, too_soon(error.wait))
    if request.htmx and request.POST.get("live") == "on":
        return None
    echo.take_back([(request.user, sent.key)])
    trip = echo.Trip(sent.times)
    if request.htmx:
        return HttpResponse(frame_of(request, request.POST) + echo_html(trip))
    messages.success(request, in_words(trip))
    return HttpResponseRedirect(way_back(request))


def too_soon(wait: int) -> str:
    said = ngettext(
        "One test at a time, please. You can send the next one in {count} second.",
        "One test at a time, please. You can send the next one in {count} seconds.",
        wait,
    )
    return said.format(count=wait)


def in_words(trip: echo.Trip) -> str:
    written, stamped = (localize(part.milliseconds) for part in trip.parts)
    if not trip.was_stamped:
        return _("The test was written in {written} ms. Its place in your inbox it gets a moment later.").format(
            written=written
        )
    return _(
        "The test was written in {written} ms and put in its place in {stamped} ms. The rest of the way can only be "
        "tried with JavaScript."
    ).format(written=written, stamped=stamped)
