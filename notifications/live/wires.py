"""The short way to a socket: a text frame that is handed to the server's transport as it is.

ASGI's ``send`` goes through a coroutine of each layer and a protocol that is made for any message; most of the time
that a frame takes is spent there. Our own server (``manage.py serve``) offers another way as an extension of the scope,
and uvicorn's protocol has a transport. Any other server, and any message but text on an open socket, goes by ``send``.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any

EXTENSION = "belfry.write"
FIN_TEXT = 0x81

Write = Callable[[bytes], None]


def short_way(scope: Mapping[str, Any], send: Any) -> Write | None:
    """Writes one text, or does nothing where the socket is open no more; None where there is no such way."""
    offered: Write | None = scope.get("extensions", {}).get(EXTENSION)
    if offered is not None:
        return offered
    protocol: Any = getattr(send, "__self__", None)
    if type(protocol).__name__ == "WebSocketsSansIOProtocol" and not protocol.conn.extensions:
        return uvicorns(protocol)
    return None


def uvicorns(protocol: Any) -> Write:
    """It keeps no state for a frame that is whole and not compressed."""

    def write(text: bytes) -> None:
        if not (protocol.close_sent or protocol.disconnected or protocol.transport.is_closing()):
            protocol.transport.write(framed(text))

    return write


def framed(text: bytes) -> bytes:
    """RFC 6455, 5.2: one whole text frame from a server, which masks nothing."""
    length = len(text)
    if length < 126:
        return bytes((FIN_TEXT, length)) + text
    if length < 65_536:
        return struct.pack(">BBH", FIN_TEXT, 126, length) + text
    return struct.pack(">BBQ", FIN_TEXT, 127, length) + text
