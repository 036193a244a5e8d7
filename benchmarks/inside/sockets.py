"""Many pages' sockets in one process: each signs in by its cookie, says where its page stands, and reads frames.

It looks at the heads of protocol frames only, and notes when a marker has come. One loop, no library, so that thousands
of them cost little beside the server that is measured.
"""

import asyncio
import base64
import json
import os
import struct
import time

TEXT, PING, PONG = 1, 9, 10  # opcodes
HANDSHAKE = (
    "GET /ws/live/ HTTP/1.1\r\nHost: localhost:{port}\r\nOrigin: http://localhost:{port}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
    "Cookie: belfry_session={cookie}\r\n\r\n"
)


class Socket(asyncio.Protocol):
    """One page's. ``arrivals`` holds when each message came that has a marker in it."""

    def __init__(self, port: int, cookie: str, form: dict[str, str], marker: bytes) -> None:
        self.port, self.cookie, self.form, self.marker = port, cookie, form, marker
        self.received = bytearray()
        self.is_open = False
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard = asyncio.Event()
        self.arrivals: dict[bytes, list[float]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(HANDSHAKE.format(port=self.port, key=key, cookie=self.cookie).encode())

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.is_open:
            head, end, rest = bytes(self.received).partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head, head
            self.is_open, self.received = True, bytearray(rest)
            self.transport.write(masked(json.dumps(self.form).encode()))
            self.opened.set_result(None)
        while (message := self.take()) is not None:
            opcode, payload = message
            if opcode == PING:
                self.transport.write(masked(payload, PONG))
            elif opcode == TEXT:
                self.note(payload)

    def take(self) -> tuple[int, bytes] | None:
        """The next whole message, with its opcode; the server's are neither masked nor split."""
        data = self.received
        if len(data) < 10 and len(data) < 2 + (data[1] & 127 if len(data) > 1 else 8):
            return None
        length, start = data[1] & 127, 2
        if length == 126:
            length, start = struct.unpack_from(">H", data, 2)[0], 4
        elif length == 127:
            length, start = struct.unpack_from(">Q", data, 2)[0], 10
        if len(data) < start + length:
            return None
        opcode, payload = data[0] & 15, bytes(data[start : start + length])
        del data[: start + length]
        return opcode, payload

    def note(self, message: bytes) -> None:
        at = message.find(self.marker)
        if at >= 0:
            name = message[at + len(self.marker) : at + len(self.marker) + 20].split(b"@")[0]
            self.arrivals.setdefault(name, []).append(time.time())
            self.heard.set()

    async def has(self, name: bytes) -> None:
        """Wait until the message with this after its marker has come."""
        while name not in self.arrivals:
            self.heard.clear()
            await self.heard.wait()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("The server did not open the socket."))


def masked(payload: bytes, opcode: int = TEXT) -> bytes:
    """A message from a client, masked with zeros: the payload stays as it is."""
    length = len(payload)
    first = 0x80 | opcode
    head = struct.pack(">BB", first, 0x80 | length) if length < 126 else struct.pack(">BBH", first, 0xFE, length)
    return head + b"\0\0\0\0" + payload
