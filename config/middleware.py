"""What no page of the site takes is refused in one place, before anybody is asked who it is."""

import logging
from collections.abc import Callable

from django.core.exceptions import FieldDoesNotExist
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import reverse
from django.views.defaults import bad_request

log = logging.getLogger(__name__)

METHODS = ("GET", "HEAD", "POST")


class PlainRequestsMiddleware:
    """405 for methods that no page has; 400 for a text in another encoding than the one that all our pages have, which
    could bring what no database and no socket can carry."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in METHODS:
            return HttpResponseNotAllowed(METHODS)
        if (request.content_params or {}).get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
            return bad_request(request, ValueError("not UTF-8"))
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The administration asks the database for whatever number or field stands in its forms and addresses."""
        is_odd = isinstance(exception, (OverflowError, DataError, FieldDoesNotExist))
        if not is_odd or not request.path.startswith(reverse("admin:index")):
            return None
        log.warning("The administration was asked for something that cannot be: %r", exception)
        return bad_request(request, exception)
