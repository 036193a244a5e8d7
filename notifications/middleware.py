from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from . import origins
from .models import Inbox


class InboxMiddleware:
    """``request.inbox``: the signed-in user's inbox, looked up when it is first used; None for strangers.

    What the request sends is known to come from its user.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.inbox = SimpleLazyObject(lambda: inbox_of(request))  # type: ignore[attr-defined]
        token = origins.requester.set(lambda: request.user.get_username())
        try:
            return self.get_response(request)
        finally:
            origins.requester.reset(token)


def inbox_of(request: HttpRequest) -> Inbox | None:
    return Inbox.objects.of(request.user) if request.user.is_authenticated else None
