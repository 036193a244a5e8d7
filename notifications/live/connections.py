"""What one connection may cost us under Daphne, which by itself waits, buffers and queues without limits.

Every deadline stands: a byte now and then does not move it. Whoever opens connections and says nothing, competes with
nobody but others of that kind: above the limit the oldest of them gives way to the newest.
"""

import time
from typing import Any

from autobahn.twisted.websocket import ConnectionDeny
from daphne.http_protocol import HTTPFactory
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.web.http import HTTPChannel

from . import refusals, wires

HEAD_SECONDS = 15.0  # from the connection to the end of its first request's head
BODY_SECONDS = 120.0  # for the body of a request
IDLE_SECONDS = 60.0  # until the next request on the same connection has come
LARGEST_BODY = 32 * 1024 * 1024  # bytes; views have limits of their own, and say so in words
WAITING_LIMIT = 5_000  # connections that owe us a request, or the rest of one
ASK_SECONDS = 10.0  # in which nothing was heard, after which what a browser gets next asks whether it is there
PING_SECONDS = 28.0  # after which it is asked in any case; with each heartbeat it is cheaper
GONE_SECONDS = 40.0  # and after which it is not there
PING = b"\x89\x00"  # RFC 6455, 5.5.2: one without a word in it
FRAMES = (100, 10.0)  # frames from one browser, pings and fragments included; and in how many seconds
LARGEST_MESSAGE = 4096  # bytes of a message from a browser, however many fragments it comes in

_waiting: dict["Channel", None] = {}  # the oldest first


class Channel(HTTPChannel):
    """A connection that speaks HTTP, until it is upgraded."""

    abortTimeout = 5  # noqa: N815  (Twisted's name)
    is_turned_away = is_lost = False
    received = 0  # bytes of the body
    transport: Any

    def connectionMade(self) -> None:  # noqa: N802
        super().connectionMade()
        self.setTimeout(HEAD_SECONDS)
        self._wait()

    def _wait(self) -> None:
        if self.is_lost:
            return
        _waiting.pop(self, None)
        _waiting[self] = None
        if len(_waiting) > WAITING_LIMIT:
            oldest = next(iter(_waiting))
            del _waiting[oldest]
            refusals.note("half-open")
            oldest.transport.abortConnection()

    def resetTimeout(self) -> None:  # noqa: N802
        """Whatever comes in, the deadline stands."""

    def allHeadersReceived(self) -> None:  # noqa: N802
        super().allHeadersReceived()
        self.received = 0
        self.setTimeout(BODY_SECONDS)
        if self.length is None or self.length > 0:
            upgrades = self.requests[-1].requestHeaders.getRawHeaders(b"Upgrade", [])
            if self.length and self.length > LARGEST_BODY:
                self._turn_away(b"413 Content Too Large")
            elif any(one.lower() == b"websocket" for one in upgrades):
                self._turn_away(b"400 Bad Request")

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802
        self.received += len(data)
        if self.is_turned_away:
            return
        if self.length is None and self.received > LARGEST_BODY:
            self._turn_away(b"413 Content Too Large")
        else:
            super().rawDataReceived(data)

    def _turn_away(self, status: bytes) -> None:
        refusals.note("too large")
        self.is_turned_away = True
        self.transport.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        self.loseConnection()

    def allContentReceived(self) -> None:  # noqa: N802
        _waiting.pop(self, None)
        self.setTimeout(IDLE_SECONDS)  # it comes into force when the request is answered
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:  # noqa: N802
        self._wait()
        super().requestDone(request)

    def timeoutConnection(self) -> None:  # noqa: N802
        if self.requests:
            refusals.note("slow")
        super().timeoutConnection()

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        self.is_lost = True
        _waiting.pop(self, None)
        super().connectionLost(reason)


class SocketProtocol(WebSocketProtocol):
    """A connection that speaks WebSocket.

    It may close with 1008, 1012 and 1013, too. Autobahn's `sendClose()` lets an application say 1000 and 3000 to 4999
    only, and raises on the others. They are for servers to say, and browsers act on them: a page comes back after 1012,
    and would stay away after 1000.
    """

    _counted, _counted_since = 0, 0.0
    _heard_at, _is_to_be_asked, _is_asked = 0.0, False, False

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802  (Daphne's name)
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code=code or 1000)

    def onOpen(self) -> None:  # noqa: N802
        """What the handshake said is with the application by now; it takes as much memory as all the rest."""
        super().onOpen()
        self._heard_at = time.monotonic()
        self.http_request_data = b""
        self.http_headers.clear()  # those of ``request``, too

    def handle_reply(self, message: dict[str, Any]) -> None:
        """Daphne knows no refusal but 403; ASGI knows any, in an extension."""
        if message["type"] == "websocket.http.response.start":
            self.handshake_deferred.errback(ConnectionDeny(code=message["status"], reason="Not now"))
            del self.handshake_deferred
            self.server.protocol_disconnected(self)
        elif message["type"] != "websocket.http.response.body":
            super().handle_reply(message)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Who speaks before we have answered is no browser, and would be kept in memory until we do."""
        if self.state == self.STATE_CONNECTING and hasattr(self, "handshake_deferred"):
            self._drop("too early")
        else:
            self._heard_at, self._is_to_be_asked, self._is_asked = time.monotonic(), False, False
            super().dataReceived(data)

    def check_timeouts(self) -> None:
        """Daphne asks every two seconds. Its own pings, with a timer for each answer, take most of the time that an
        idle socket costs."""
        if self.state != self.STATE_OPEN:
            super().check_timeouts()
            return
        silent = time.monotonic() - self._heard_at
        if silent > GONE_SECONDS:
            self.dropConnection(abort=True)
        elif not self._is_asked and silent > PING_SECONDS:
            self._ask()
        elif not self._is_asked and silent > ASK_SECONDS:
            self._is_to_be_asked = True

    def _ask(self, after: bytes = b"") -> None:
        self._is_to_be_asked, self._is_asked = False, True
        self._write(after + PING)

    def onFrameBegin(self) -> None:  # noqa: N802
        limit, seconds = FRAMES
        moment = time.monotonic()
        if moment - self._counted_since > seconds:
            self._counted, self._counted_since = 0, moment
        self._counted += 1
        if self._counted > limit:
            self._drop("flood")
        else:
            super().onFrameBegin()

    def onMessageFrameBegin(self, length: int) -> None:  # noqa: N802
        super().onMessageFrameBegin(length)
        if self.message_data_total_length > LARGEST_MESSAGE:
            self._drop("too large")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        if self.state == self.STATE_OPEN:  # what comes while it is closing is not queued for anybody
            super().onMessage(payload, isBinary)

    def write_text(self, text: bytes) -> None:
        """One text frame at once, past autobahn, which takes three times as long for it; what the socket does not take
        waits in the transport, as all that it sends."""
        if self.state == self.STATE_OPEN:
            (self._ask if self._is_to_be_asked else self._write)(wires.framed(text))

    def _write(self, frame: bytes) -> None:
        transport = self.transport
        is_free = not transport.dataBuffer and getattr(transport, "_tempDataLen", 1) == 0
        sent = transport.writeSomeData(frame) if is_free else 0
        if not isinstance(sent, int):  # the connection is lost, which reading from it tells
            return
        if sent < len(frame):
            transport.write(frame[sent:])

    def _drop(self, reason: str) -> None:
        refusals.note(reason)
        self.dropConnection(abort=True)


def set_limits() -> None:
    """For every server of Daphne's in this process."""
    HTTPFactory.protocol = Channel
    WebSocketFactory.protocol = SocketProtocol
