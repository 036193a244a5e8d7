"""A browser for tests in a few lines: sign-in over HTTP, and a WebSocket by hand, which may misbehave in any way."""

import base64
import http.cookiejar
import json
import os
import re
import socket
import urllib.parse
import urllib.request

import html5lib

CONTINUATION, TEXT, CLOSE, PING, PONG = 0, 1, 8, 9, 10
FIN = 0x80


def sign_in(port: int, username: str) -> tuple[str, dict[str, str]]:
    """The Cookie header of a session that has just begun, and the resume form of its inbox."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    address = f"http://127.0.0.1:{port}/accounts/login/"
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.open(address).read().decode())[1]
    form = {"csrfmiddlewaretoken": token, "username": username, "password": "belfry-demo"}
    page = browser.open(address, urllib.parse.urlencode(form).encode()).read().decode()
    resume = html5lib.parse(page, namespaceHTMLElements=False).find(".//form[@id='resume']")
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar), {
        field.get("name"): field.get("value", "") for field in resume.iter("input")
    }


def handshake(port: int, cookie: str = "", path: str = "/ws/live/", **replaced: str | None) -> bytes:
    """A browser's. Further arguments replace its headers; None leaves one out."""
    host = f"127.0.0.1:{port}"
    headers: dict[str, str | None] = {"Host": host, "Origin": f"http://{host}", "Cookie": cookie or None}
    headers |= {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers |= {"Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode()}
    headers |= {name.replace("_", "-").title(): value for name, value in replaced.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")


def frame(payload: bytes, first: int = FIN | TEXT, length: int | None = None) -> bytes:
    """From a browser to the server, masked with zeros. ``length`` may be a lie."""
    length = len(payload) if length is None else length
    if length < 126:
        head = bytes([first, 0x80 | length])
    elif length < 65_536:
        head = bytes([first, 0xFE]) + length.to_bytes(2, "big")
    else:
        head = bytes([first, 0xFF]) + length.to_bytes(8, "big")
    return head + bytes(4) + payload


class Raw:
    """A connection to the server."""

    def __init__(self, port: int, *, receive_buffer: int = 0) -> None:
        self.port = port
        self.connection = socket.socket()
        if receive_buffer:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.connection.settimeout(20)
        self.connection.connect(("127.0.0.1", port))
        self.stream = self.connection.makefile("rb")

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()
        self.stream.close()

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def status(self) -> int:
        """Of the answer, after its head was read; 0 when there is none."""
        try:
            line = self.stream.readline()
            while self.stream.readline().strip():
                continue
        except ConnectionError:
            return 0
        return int(line.split()[1]) if line else 0

    def receive(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame; (CLOSE, b"") where the connection was cut."""
        try:
            head = self.stream.read(2)
            if len(head) < 2:
                return CLOSE, b""
            first, length = head
            if length >= 126:
                length = int.from_bytes(self.stream.read(2 if length == 126 else 8), "big")
            return first & 0x0F, self.stream.read(length)
        except ConnectionError:
            return CLOSE, b""

    def close_code(self) -> int:
        """Read on until the server closes: its code, or 0 when it cut the connection without one."""
        while True:
            opcode, payload = self.receive()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")


class Socket(Raw):
    """A page's. With its resume form it has resumed. Whoever reads from it answers pings, as browsers do."""

    def __init__(self, port: int, cookie: str = "", form: dict[str, str] | None = None, **options: int) -> None:
        super().__init__(port, **options)
        self.send(handshake(port, cookie))
        assert self.status() == 101
        if form is not None:
            self.say(form)

    def say(self, message: object) -> None:
        self.send(frame(json.dumps(message).encode()))

    def receive(self) -> tuple[int, bytes]:
        opcode, payload = super().receive()
        if opcode != PING:
            return opcode, payload
        self.send(frame(payload, FIN | PONG))
        return self.receive()

    def hears(self, text: bytes) -> None:
        """Read on until a frame has this in it."""
        while True:
            opcode, payload = self.receive()
            assert opcode != CLOSE, f"It was closed: {payload!r}"
            if text in payload:
                return
