"""A page without a browser, for a shell on a machine of the site: a session, a socket, and the form of its reader."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from notifications.live import codes
from notifications.models import Board, Inbox

from .shell_door import Door, NoWay, socket_at

SESSION_SECONDS = 300  # after which its session is nobody's, should this process be killed
FIELDS = {"since": "cursor", "board": "board", "receipt": "receipt"}  # of the form, by their ids


@contextmanager
def open_page(site: str, user: Any) -> Iterator["ShellPage"]:
    """A live page of that user. Raises NoWay where there is none."""
    door = Door.of(site)
    with session_of(user) as key, socket_at(door, key) as socket:
        page = ShellPage(socket, user)
        page.say()
        yield page


@contextmanager
def session_of(user: Any) -> Iterator[str]:
    """The key of a session in which this user is signed in, as long as it is needed."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = user._meta.pk.value_to_string(user)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.set_expiry(SESSION_SECONDS)
    session.create()
    try:
        yield session.session_key
    finally:
        session.delete()


class ShellPage:
    def __init__(self, socket: ClientConnection, user: Any) -> None:
        board, inbox = Board.load(), Inbox.objects.of(user)
        self._socket = socket
        self.form = {
            "since": str(inbox.revision),
            "board": str(board.revision),
            "epoch": board.epoch,
            "inbox": str(inbox.pk),
            "view": "none",
            "receipt": "",
            "language": "en",
            "zone": settings.TIME_ZONE,
            "build": settings.BUILD_ID,
        }

    def say(self) -> None:
        """Its form: to resume, and to acknowledge."""
        self._socket.send(json.dumps(self.form))

    def frames(self, seconds: float) -> Iterator[str]:
        """Those that come in that time; what wants to be acknowledged at once is. Raises NoWay when the server closes
        the socket."""
        until = time.monotonic() + seconds
        try:
            while (left := until - time.monotonic()) > 0:
                frame = str(self._socket.recv(timeout=left))
                if not frame.startswith("{"):
                    self._take(frame)
                    yield frame
        except TimeoutError:
            return
        except ConnectionClosed as error:
            raise NoWay(why_closed(error.rcvd.code if error.rcvd else None)) from None

    def _take(self, frame: str) -> None:
        for name, id_ in FIELDS.items():
            if found := re.search(rf'id="{id_}" value="([^"]*)"', frame):
                self.form[name] = found[1]
        if "data-at-once" in frame:
            self.say()


def why_closed(code: int | None) -> str:
    if code == codes.SIGNED_OUT:
        return "The site takes this session for signed out. Has this shell the site's DATABASE_URL and SECRET_KEY?"
    if code == codes.NOT_ALLOWED:
        return "The site takes this session for somebody else's. Has this shell the site's DATABASE_URL?"
    return f"The server has closed the socket ({code or 'without a code'}). Its log says why."
