"""Where a notification comes from: the place in the code that sent it, and whose request that was.

For staff who are asked "why did I get this?".
"""

import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import FrameType

#: Says the name of the user whose request is being answered.
requester: ContextVar[Callable[[], str]] = ContextVar("belfry_requester", default=str)

#: What only passes a call on.
BETWEEN = (
    "notifications.delivery",
    "notifications.origins",
    "asgiref.",
    "concurrent.futures",
    "contextlib",
    "threading",
)


def current() -> dict[str, str]:
    """The columns ``source``, like "shop.signals.tell_customer", and ``sent_by`` of what is sent now."""
    return {"source": place_of(sys._getframe(1))[:200], "sent_by": requester.get()()[:150]}


def place_of(frame: FrameType | None) -> str:
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(BETWEEN):
            return f"{module}.{frame.f_code.co_qualname}"
        frame = frame.f_back
    return ""
