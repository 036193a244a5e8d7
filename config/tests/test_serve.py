"""`manage.py serve` says goodbye: sockets are closed with 1012, "come back", and the process ends with code 0."""

import contextlib
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config.tests.raw import Socket, sign_in
from config.tests.site import Site, environment, eventually

pytestmark = pytest.mark.process

BURST = 300  # connections at once; a kernel of default settings takes 4,096, or as many as the server asks for


def ring(site: Site, tmp_path: Path, username: str) -> None:
    """The line that the site says at its start."""
    command = [sys.executable, "manage.py", "notify", username, "Lunch is ready"]
    surroundings = environment(tmp_path, PORT=str(site.port))
    subprocess.run(command, cwd=settings.BASE_DIR, env=surroundings, check=True, capture_output=True)


def test_a_deploy_tells_every_page_to_come_back(tmp_path):
    with Site(tmp_path) as site:
        pages = {name: Socket(site.port, *sign_in(site.port, name)) for name in ("bo", "dana")}
        for name, page in pages.items():
            ring(site, tmp_path, name)
            while b"Lunch is ready" not in page.receive()[1]:
                continue
        site.child("manage.py serve").send_signal(signal.SIGTERM)
        assert [page.close_code() for page in pages.values()] == [1012, 1012]
        eventually(lambda: "serve ended with code 0" in site.output, "a clean end")
        eventually(site.is_ready, "back again", 20)
        Socket(site.port, *sign_in(site.port, "bo"))


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
