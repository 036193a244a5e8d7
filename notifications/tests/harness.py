"""A reader, their pages, and a network that is as bad as we like: for the property test.

Nothing here runs by itself. Nudges, frames and forms lie where they were put until somebody carries them on, the hub
takes a step when it is told to, and the clock of arrivals stands still. So the same steps always lead to the same end.
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.test import Client

from notifications.lists import BELL_LENGTH
from notifications.live import consumers, database, hub, outlet, push
from notifications.live.consumers import LiveConsumer
from notifications.live.hub import Hub
from notifications.models import Inbox, Notification, clock
from notifications.testing.dom import Document, source


@contextmanager
def stage_for(reader: Any, monkeypatch: Any, **more: Any) -> Iterator[SimpleNamespace]:
    """What a story plays on: the reader's browser, a clock that stands still, nudges that lie where they fell, and
    small numbers, so that every limit is met often."""
    client = Client()
    client.force_login(reader)
    loop, time = asyncio.new_event_loop(), SimpleNamespace(now=1_800_000_000 * 10**6)
    stage = SimpleNamespace(bo=reader, client=client, nudges=[], hub=None, amid=None, loop=loop, clock=time, **more)
    monkeypatch.setattr(clock, "microseconds", lambda: time.now)
    monkeypatch.setattr(clock, "now", lambda: clock.at(time.now))
    monkeypatch.setattr(push, "nudge", stage.nudges.append)
    monkeypatch.setattr(hub, "Bus", NoBus)
    monkeypatch.setattr(hub, "current", lambda: stage.hub)
    monkeypatch.setattr(consumers, "MESSAGES", (10**6, 1.0))
    monkeypatch.setattr(outlet, "UNACKNOWLEDGED_LIMIT", 40_000)
    monkeypatch.setattr(settings, "FRAMES_PER_SECOND", 0)
    yield stage
    loop.run_until_complete(database.close_connections())
    loop.close()


def with_something_before(read: Callable[..., Any], stage: SimpleNamespace) -> Callable[..., Any]:
    """``stage.amid`` happens once before that is read."""

    def read_later(*args: Any) -> Any:
        if stage.amid is not None:
            amid, stage.amid = stage.amid, None
            amid()
        return read(*args)

    return read_later


class NoBus:
    """The hub's end of a channel layer that never says anything."""

    is_up = False

    def __init__(self, *heard: Callable[..., None]) -> None: ...

    def start(self) -> None: ...

    def want(self, group: str) -> None: ...

    def unwant(self, group: str) -> None: ...

    def probe(self) -> None: ...


class SteppedHub(Hub):
    """A hub that flushes and sweeps when it is told to."""

    def works(self) -> list[Any]:
        return []

    async def step(self) -> None:
        """Flush all that is dirty, and wait until every frame is on its way."""
        while self.has_work:
            await self.work()
            while any(outlet.is_busy for outlet in self.all_outlets()):  # noqa: ASYNC110  (nothing tells when)
                await asyncio.sleep(0)


class Wire(LiveConsumer):
    """The server's end of one page's socket. What it sends arrives when the page takes it."""

    def __init__(self, cookie: str) -> None:
        super().__init__()
        headers = {"host": "localhost", "origin": "http://localhost", "cookie": cookie}
        self.scope = {"headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
        self.frames: deque[str] = deque()
        self.forms: deque[dict[str, str]] = deque()
        self.close_code: int | None = None

    async def accept(self, *args: Any, **kwargs: Any) -> None: ...

    async def send(self, text_data: str | None = None, *args: Any, **kwargs: Any) -> None:
        self.frames.append(text_data or "")

    base_send = None

    async def close(self, code: Any = None, reason: Any = None) -> None:
        self.close_code = code


class Tab:
    """One page of the reader's: what it shows, and its socket."""

    def __init__(self, path: str, client: Client, run: Callable[[Any], Any]) -> None:
        self.path, self.client, self.run = path, client, run
        self.document = self.load()
        self.wire: Wire | None = None
        self.old: set[str] = set()  # what is no news here
        self.older: tuple[Any, str] | None = None  # the link that was pressed, and its answer on the way
        self.bell_answer = ""

    def load(self) -> Document:
        response = self.client.get(self.path)
        assert response.status_code == 200, f"{self.path} answered {response.status_code}"
        return Document(response.content.decode())

    @property
    def form(self) -> dict[str, str]:
        return self.document.inputs("#resume")

    @property
    def since(self) -> int:
        return int(self.form["since"])

    @property
    def board(self) -> int:
        return int(self.form["board"])

    def connect(self) -> None:
        if self.wire is None:
            self.old.update(Notification.objects.exclude(revision=None).values_list("key", flat=True))
            cookie = self.client.cookies[settings.SESSION_COOKIE_NAME]
            self.wire = Wire(f"{cookie.key}={cookie.value}")
            self.run(self.wire.connect())
            self.say()

    def say(self) -> None:
        """Send the form; the server has not heard it yet."""
        if self.wire is not None:
            self.wire.forms.append(self.form)

    def speak(self) -> None:
        """The server hears what was said."""
        while self.wire is not None and self.wire.forms:
            self.run(self.wire.receive(text_data=json.dumps(self.wire.forms.popleft())))

    def take(self, count: int = 1_000) -> int:
        """Swap in the next frames that have arrived; how many there were."""
        taken = 0
        assert self.wire is None or self.wire.close_code is None
        while self.wire is not None and self.wire.frames and taken < count:
            self.swap(self.wire.frames.popleft())
            taken += 1
        return taken

    def swap(self, frame: str) -> None:
        self.document.apply(frame)
        keys = [row.get("id") for row in self.document.rows()]
        assert len(keys) == len(set(keys)), f"Something stands twice: {keys}"
        toasts = re.findall('id="toast-(k[0-9]+)" class', frame)
        assert not self.old.intersection(toasts), f"Toasted, but no news: {toasts}"
        self.old.update(toasts)

    def cut(self) -> None:
        """The network is gone, and with it what was under way in either direction."""
        if self.wire is not None:
            wire, self.wire = self.wire, None
            self.run(wire.disconnect(1006))

    def press_older(self) -> None:
        """The server answers with older items; they have not arrived yet."""
        nav = self.document.find("#older")
        link = next(nav.iter("a"), None) if nav is not None else None
        if link is not None and self.older is None:
            response = self.client.get(link.get("href", ""), headers={"HX-Request": "true"})
            self.older = link, response.content.decode()

    def take_older(self) -> None:
        """The older items arrive. Where the link is gone by now, htmx drops the answer."""
        if self.older is not None:
            (link, html), self.older = self.older, None
            if any(element is link for element in self.document.root.iter()):
                self.swap(html)
                self.say()

    def toggle_bell(self) -> None:
        """As bell.js does. The server answers with the list, which has not arrived yet."""
        self.set("bell-open", "" if self.form["bell"] else "1")
        self.set("bell-at", "")
        self.say()
        self.bell_answer = self.ask_for_bell()

    def ask_for_bell(self) -> str:
        response = self.client.post("/inbox/seen/", self.form, headers={"HX-Request": "true"})
        return response.content.decode()

    def take_bell(self) -> None:
        if self.bell_answer:
            list_, self.bell_answer = self.bell_answer, ""
            self.swap(with_target(list_, "#bell-list"))
            self.say()

    def set(self, id_: str, value: str) -> None:
        element = self.document.by_id(id_)
        assert element is not None
        element.set("value", value)

    def poll(self) -> None:
        """Ask without a socket for what is missing."""
        response = self.client.get("/inbox/changes/", self.form)
        self.swap(response.content.decode())

    def fresh(self) -> Document:
        """What a reload shows, down to the oldest item that this page has; looking does not mark as read."""
        with patch("notifications.lists.PAGE_LENGTH", 10**6), patch.object(Inbox, "mark_read", lambda *_: None):
            document = self.load()
        cut_off(document, self.form["bottom"])
        return document

    def bell(self) -> list[str] | None:
        """The list in the bell's popover, where it is open."""
        return [source(row) for row in self.document.rows("#bell-list")] if self.form["bell"] else None

    def fresh_bell(self) -> list[str] | None:
        with patch.object(Inbox, "mark_seen", lambda *_, **__: None):
            document = Document('<ol id="bell-list"></ol>')
            document.apply(with_target(self.ask_for_bell(), "#bell-list"))
        assert len(document.rows("#bell-list")) <= BELL_LENGTH
        return [source(row) for row in document.rows("#bell-list")] if self.form["bell"] else None


def cut_off(document: Document, bottom: str) -> None:
    """Take out what is older than the oldest item of another page."""
    feed = document.find("#feed")
    for row in list(feed if feed is not None else ()):
        if int(row.get("data-order", "0")) < int(bottom.partition("@")[0]):
            feed.remove(row)


def outline(document: Document) -> list[tuple[str, str, bool]]:
    """Place, key and state of what its list shows, from top to bottom: the short form of a difference."""
    return [
        (row.get("data-order", ""), row.get("id", ""), row.get("data-state") == "unread") for row in document.rows()
    ]


def with_target(html: str, target: str) -> str:
    """An answer as htmx swaps it: what names its place by itself goes there, the rest into the target."""
    main, oob, rest = html.partition('<input type="hidden" name="bell_at"')
    return f'<hx-partial hx-target="{target}" hx-swap="innerHTML">{main}</hx-partial>{oob}{rest}'
