"""What a request is answered that fails: 503 while the database is away, full or too slow, and 500 otherwise."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error as broken

RETRY_AFTER = 5  # seconds; as long as a request waits for a connection before it gives up


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500, which runs while the exception is being handled."""
    if not isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return broken(request)
    return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": str(RETRY_AFTER)})
