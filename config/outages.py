"""What a request is answered that fails: 503 while the database is away, full or too slow, and 500 otherwise."""

import re
import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error as broken

RETRY_AFTER = 5  # seconds; as long as a request waits for a connection before it gives up


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, which runs while the exception is being handled."""
    if not is_outage(sys.exc_info()[1]):
        return broken(request)
    return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": str(RETRY_AFTER)})


def is_outage(error: BaseException | None) -> bool:
    """Whether the database is away, full or too slow. SQLite says OperationalError of our mistakes, too."""
    if isinstance(error, InterfaceError):
        return True
    return isinstance(error, OperationalError) and not re.match(
        "no such |near |too many SQL|table .* has no", str(error)
    )
