"""`manage.py serve` says goodbye: sockets are closed with 1012, "come back", and the process ends with code 0."""

import base64
import contextlib
import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import html5lib
import pytest
from django.conf import settings

from config.tests.site import Site, environment, eventually

pytestmark = pytest.mark.process

TEXT, CLOSE = 1, 8
BURST = 300  # connections at once; a kernel of default settings takes 4,096, or as many as the server asks for


def sign_in(site: Site, username: str) -> tuple[str, dict[str, str]]:
    """The Cookie header of a session that has just begun, and the resume form of its inbox."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    address = f"http://127.0.0.1:{site.port}/accounts/login/"
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.open(address).read().decode())[1]
    form = {"csrfmiddlewaretoken": token, "username": username, "password": "belfry-demo"}
    page = browser.open(address, urllib.parse.urlencode(form).encode()).read().decode()
    resume = html5lib.parse(page, namespaceHTMLElements=False).find(".//form[@id='resume']")
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar), {
        field.get("name"): field.get("value", "") for field in resume.iter("input")
    }


class Socket:
    """A page that has resumed, with the few lines of RFC 6455 that this test needs."""

    def __init__(self, site: Site, username: str) -> None:
        cookie, resume = sign_in(site, username)
        self.connection = socket.create_connection(("127.0.0.1", site.port), timeout=20)
        self.stream = self.connection.makefile("rb")
        host = f"127.0.0.1:{site.port}"
        key = base64.b64encode(os.urandom(16)).decode()
        request = [
            "GET /ws/live/ HTTP/1.1",
            *(f"Host: {host}", f"Origin: http://{host}", f"Cookie: {cookie}"),
            *("Upgrade: websocket", "Connection: Upgrade"),
            *("Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"),
        ]
        self.connection.sendall("\r\n".join([*request, "", ""]).encode())
        assert b" 101 " in self.stream.readline()
        while self.stream.readline().strip():
            continue
        self.send(resume)

    def send(self, message: dict) -> None:
        payload, mask = json.dumps(message).encode(), os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        length = bytes([len(payload)]) if len(payload) < 126 else bytes([126]) + len(payload).to_bytes(2, "big")
        self.connection.sendall(bytes([0x80 | TEXT, 0x80 | length[0]]) + length[1:] + mask + masked)

    def receive(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame."""
        first, length = self.stream.read(2)
        if length >= 126:
            length = int.from_bytes(self.stream.read(2 if length == 126 else 8), "big")
        return first & 0x0F, self.stream.read(length)

    def close_code(self) -> int:
        """Read on until the server closes."""
        while True:
            opcode, payload = self.receive()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")


def ring(site: Site, tmp_path: Path, username: str) -> None:
    """The line that the site says at its start."""
    command = [sys.executable, "manage.py", "notify", username, "Lunch is ready"]
    surroundings = environment(tmp_path, PORT=str(site.port))
    subprocess.run(command, cwd=settings.BASE_DIR, env=surroundings, check=True, capture_output=True)


def test_a_deploy_tells_every_page_to_come_back(tmp_path):
    with Site(tmp_path) as site:
        pages = {name: Socket(site, name) for name in ("bo", "dana")}
        for name, page in pages.items():
            ring(site, tmp_path, name)
            while b"Lunch is ready" not in page.receive()[1]:
                continue
        site.child("manage.py serve").send_signal(signal.SIGTERM)
        assert [page.close_code() for page in pages.values()] == [1012, 1012]
        eventually(lambda: "serve ended with code 0" in site.output, "a clean end")
        eventually(site.is_ready, "back again", 20)
        Socket(site, "bo")


def test_a_port_that_is_taken_is_one_line(tmp_path):
    with Site(tmp_path) as site:
        second = Site(tmp_path, command="serve", PORT=str(site.port))
        assert second.process.wait(timeout=60) == 1
        eventually(lambda: second.lines, "its only line")
        assert [line for line in second.lines if line] == [f"CommandError: {second.lines[0][14:]}"]
        assert f"Cannot listen on 127.0.0.1:{site.port}" in second.output


def test_many_pages_that_come_back_at_once_need_not_try_twice(tmp_path):
    """The kernel keeps them waiting while the server is busy with others, here for as long as it stands still."""
    with Site(tmp_path) as site, contextlib.ExitStack() as opened:
        server = site.child("manage.py serve")
        server.suspend()
        try:
            pages = [socket.create_connection(("127.0.0.1", site.port), timeout=20) for _ in range(BURST)]
            for page in pages:
                opened.enter_context(page)
                page.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        finally:
            server.resume()
        assert [page.recv(12) for page in pages] == [b"HTTP/1.1 200"] * BURST
