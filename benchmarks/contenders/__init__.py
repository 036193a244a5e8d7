"""Those who compete. Each starts its server on the server's core, and says how sockets are opened and messages sent."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from benchmarks.processes import Process
from notifications.management.valkey import valkey_command

#: What rivals send, about as long as a row of a list is; ours render their own.
HTML = (
    '<li id="notification-{number}" class="notification" data-level="info" data-state="unread"><article>'
    '<svg class="icon" aria-hidden="true"><use href="#icon-megaphone"/></svg>'
    '<h3><span class="visually-hidden">Unread:</span> <a href="/inbox/broadcast-{number}/">@@{number}@@ Maintenance on'
    ' Sunday</a></h3><time datetime="2026-11-20T09:30:00+00:00">just now</time><p class="excerpt" dir="auto">We move to'
    ' new machines on Sunday between eight and nine. Please save your work before.</p><div class="acts"><button'
    ' type="submit" form="act" formaction="/inbox/broadcast-{number}/read/">Mark as read</button></div></article></li>'
)


@dataclass(frozen=True)
class Door:
    """How one opens a socket there."""

    port: int
    path: str = "/"  # %d in it is the number of the socket
    pages: Path | None = None  # a line for each socket: its session, where its page stands, and its form
    cookie: str = ""  # the name of the session's
    hello: str = ""  # what a socket says first
    live: str = ""  # what its first text frame starts with; of pages, what stands in it. Empty: it is live when open
    before: str = ""  # what stands before a message's marker where that counts
    at_once: int = 50


@dataclass
class House:
    """A server and what it needs, running."""

    server: Process
    door: Door
    address: str  # where the publisher finds what it publishes by
    environment: dict[str, str]  # the publisher's


class Contender:
    """``with contender.running(directory, sockets) as house:`` its server runs in the block."""

    name: str  # as in the tables
    module: str  # whose ``Sender`` publishes
    most = 1_000  # messages in one block
    quiet = 0.3  # seconds after the last message until all that follows from it is over
    catches_up = False  # whether a page that was away gets what it has missed
    is_foreign = False  # whether it comes from elsewhere than PyPI

    def missing(self) -> str:
        """Why it cannot take part on this machine, or ""."""
        return ""

    def running(self, directory: Path, sockets: int) -> AbstractContextManager[House]:
        raise NotImplementedError


@contextmanager
def valkey(directory: Path) -> Iterator[Path]:
    """The bus, by its unix socket."""
    path = directory / "valkey.sock"
    with Process("valkey", valkey_command(path, directory / "valkey"), directory) as process:
        process.wait_until(lambda: answers(path), "Valkey answers")
        yield path


def answers(path: Path) -> bool:
    try:
        return bool(redis.Redis(unix_socket_path=str(path)).ping())
    except redis.RedisError:
        return False
