"""A served site and windows to look at it: the real server in a process of its own, and a real Chromium."""

import http.client
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, expect

from config.tests.site import eventually, free_port
from notifications.models import Board
from notifications.tests import children

expect.set_options(timeout=15_000)

BOARDS = count(1_000, 1_000)  # revisions

REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`Violation of ${event.violatedDirective} by ${event.blockedURI}`));
"""
IGNORED = (
    "Failed to load resource",  # the network is cut, or an answer is an error: tests do that on purpose
    "WebSocket connection to",
    "htmx:ws:error",
    "net::ERR_",
    "Failed to fetch",
)


class Server:
    """`manage.py serve` on the test database. Every verb may be said twice."""

    def __init__(self, log: Path, **other: str) -> None:
        self.port = free_port()
        self.log, self.other = log, other
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Run, and answer."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                self.command(),
                cwd=settings.BASE_DIR,
                env={**environment(), **self.other},
                stdout=self.log.open("ab"),
                stderr=subprocess.STDOUT,
            )
        eventually(self.answers, "the server answers")

    def command(self) -> list[str]:
        return [sys.executable, "manage.py", "serve", "--port", str(self.port)]

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            asked.request("GET", "/livez")
            return asked.getresponse().status == 200
        except OSError:
            return False
        finally:
            asked.close()

    def kill(self) -> None:
        """Gone at once, as by kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """Asked to end: it says goodbye to its sockets first."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()


def environment() -> dict[str, str]:
    return children.environment("notifications.tests.browser.settings")


@pytest.fixture(scope="session")
def _served(django_db_setup: None, valkey_server: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("served") / "log")
    yield server
    server.kill()


@pytest.fixture
def server(_served: Server, transactional_db: None) -> Server:
    """The site, running. A test may kill it; the next one has it back."""
    # The server takes another epoch for a restored database, and a test must not see that happen.
    # What it remembers of the board belongs to the last test: revisions go on where those of this process began.
    known = {"epoch": "tests", "revision": next(BOARDS)}
    is_first = Board.objects.update_or_create(pk=1, defaults=known)[1]
    if not is_first:
        _served.kill()
    _served.start()
    return _served


class Window:
    """A browser with cookies of its own, and the tabs in it."""

    def __init__(self, context: BrowserContext, server: Server, complaints: list[str]) -> None:
        self.context, self.server = context, server
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("console", lambda line: note(complaints, line))

    def sign_in(self, user: Any) -> "Window":
        client = Client()
        client.force_login(user)
        self.take_cookies(client.cookies)
        return self

    def take_cookies(self, cookies: SimpleCookie) -> None:
        self.context.add_cookies(
            [{"name": one.key, "value": one.value, "url": self.server.url} for one in cookies.values()]
        )

    def open(self, path: str = "/inbox/", *, live: bool = True) -> Page:
        """A new tab. ``live``: wait until its socket is open."""
        page = self.context.new_page()
        page.goto(self.server.url + path)
        if live:
            is_live(page)
        return page


def note(complaints: list[str], line: Any) -> None:
    if line.type == "error" and not any(word in line.text for word in IGNORED):
        complaints.append(line.text)


def is_live(page: Page) -> None:
    """Wait until its socket is open."""
    expect(page.locator("html")).to_have_attribute("data-live", "on")


@pytest.fixture
def complaints() -> list[str]:
    """What the browsers of this test complained about: violations of the policy, errors of scripts."""
    return []


@pytest.fixture
def window(server: Server, new_context: Callable[..., BrowserContext], complaints: list[str]) -> Iterator[Any]:
    """``window(bo)`` is a browser in which Bo is signed in; ``window()`` is a stranger's.

    No page in it may violate the Content Security Policy or throw an error, whatever the test is about.
    """

    def make(user: Any = None, **options: Any) -> Window:
        made = Window(new_context(**options), server, complaints)
        return made.sign_in(user) if user is not None else made

    make.url = server.url
    yield make
    assert complaints == []
