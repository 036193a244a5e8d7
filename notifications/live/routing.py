from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from . import refusals
from .consumers import LiveConsumer


async def nowhere(scope: Any, receive: Any, send: Any) -> Any:
    """Any other address: refused, and no error of ours."""
    await receive()
    refusals.note("address", scope["path"])
    await send({"type": "websocket.close"})


application = URLRouter([path("ws/live/", LiveConsumer.as_asgi()), re_path("", nowhere)])
