"""Where a notification comes from: the place in the code that sent it, and whose request that was.

For staff who are asked "why did I get this?".
"""

import sys
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from functools import wraps
from types import FrameType
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async

P = ParamSpec("P")
R = TypeVar("R")

#: Says the name of the user whose request is being answered.
requester: ContextVar[Callable[[], str]] = ContextVar("belfry_requester", default=str)

#: The place that has called one of the functions for async code: the thread that does the work has a stack of its own.
caller: ContextVar[str] = ContextVar("belfry_caller", default="")

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
    return {"source": (caller.get() or place_of(sys._getframe(1)))[:200], "sent_by": requester.get()()[:150]}


def place_of(frame: FrameType | None) -> str:
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(BETWEEN):
            return f"{module}.{frame.f_code.co_qualname}"
        frame = frame.f_back
    return ""


def for_async(function: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """The same function for async callers, of whom it remembers the place."""

    @wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        token = caller.set(place_of(sys._getframe(1)))
        try:
            return await sync_to_async(function)(*args, **kwargs)
        finally:
            caller.reset(token)

    return call
