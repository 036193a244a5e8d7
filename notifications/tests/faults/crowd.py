"""A crowd of pages without browsers: each does what live.js and htmx do with its socket, its frames and its form.

That it tells the truth is checked by pages in a real Chromium beside it, which must show the same.
"""

import asyncio
import http.client
import json
import random
import re
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

from lxml import html
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from notifications.testing.dom import Document

from .wire import Loop

RETRY, LONGEST = 1.0, 2.0  # seconds, as in live.js; give or take 90 %
PATIENCE, POLL = 10.0, 15.0
ACKNOWLEDGE = 2.0
SILENCE = 25.0 * 2.2  # without a heartbeat
SIGNED_OUT, NOT_ALLOWED, TOO_MANY, RUBBISH = 4401, 4403, 4408, 1008
ROW = re.compile(r'<li id="notification-([A-Za-z0-9_-]+)" class')
TOAST = re.compile(r'<div id="toast-(?!more")([A-Za-z0-9_-]+)" class')


class Tree(Document):
    """The kit's document, with a parser in C below it: a crowd applies thousands of frames."""

    def __init__(self, text: str) -> None:
        self._plant(html.document_fromstring(text))

    def _plant(self, root: Any) -> None:
        self.root = root
        self._named: dict[str, Any] = {}  # by id; to look for it would take longer with each row
        self._name(root.iter())

    def __deepcopy__(self, memo: Any) -> "Tree":
        other = object.__new__(Tree)
        other._plant(deepcopy(self.root))
        return other

    def apply(self, frame: str) -> None:
        for piece in html.fragments_fromstring(frame, no_leading_text=True):
            elements = list(piece.iter())
            self._put(piece)
            self._name(elements)

    def _name(self, elements: Iterable[Any]) -> None:
        self._named |= {one.get("id"): one for one in elements if one.get("id") and self._is_here(one)}

    def by_id(self, id_: str) -> Any:
        found = self._named.get(id_)
        return found if found is not None and self._is_here(found) else None

    def _is_here(self, element: Any) -> bool:
        while (parent := element.getparent()) is not None:
            element = parent
        return element is self.root

    def _parent(self, element: Any) -> Any:
        return element.getparent()

    def source(self) -> str:
        return html.tostring(self.root, encoding="unicode")

    @property
    def bottom(self) -> int:
        """The place of the oldest item that it has loaded; 0 is all of them."""
        return int(self.inputs("#resume")["bottom"].partition("@")[0])

    def shown_down_to(self, bottom: int) -> dict[str, object]:
        for row in self.rows():
            if int(row.get("data-order")) < bottom:
                row.getparent().remove(row)
        return self.shown()


def are_equal_trees(pushed: Tree, fresh: Tree) -> bool:
    """Whether they show the same, down to the older one's end."""
    bottom = max(tree.bottom for tree in (pushed, fresh))
    return pushed.shown_down_to(bottom) == fresh.shown_down_to(bottom)


class Failure(Exception):
    """A request was not answered as it should be."""


class Page:
    """One tab: its document, and its socket, which comes back whenever it is cut."""

    def __init__(self, crowd: "Crowd", reader: dict[str, Any], document: Tree, path: str) -> None:
        self.crowd, self.reader, self.document, self.path = crowd, reader, document, path
        self.socket: ClientConnection | None = None
        self.is_live = self.is_stopped = self.is_offline = False
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.codes: Counter[int] = Counter()  # with which its sockets were closed
        self.came: dict[str, float] = {}  # row: when it was first shown
        self.toasts: Counter[str] = Counter()
        self.gaps: list[float] = []  # seconds without a socket
        self.opened = 0
        self.tries = 0
        self.acknowledging: asyncio.TimerHandle | None = None
        self.polling: asyncio.TimerHandle | None = None
        self.left: list[ClientConnection] = []  # sockets that were cut without a word
        self.listening: asyncio.Task[int] | None = None
        self.down_since: float | None = None
        self.task = asyncio.get_running_loop().create_task(self._live())

    async def _live(self) -> None:
        self._poll_after(PATIENCE)
        while not self.is_stopped:
            code = await self._be_connected()
            await self.may_read.wait()
            if self.down_since is None:
                self.down_since = time.monotonic()
            self.codes[code] += 1
            if code in (SIGNED_OUT, NOT_ALLOWED):
                self.is_stopped = True
                return
            self._poll_after(0 if code in (TOO_MANY, RUBBISH) else PATIENCE)
            if code in (TOO_MANY, RUBBISH):
                await asyncio.Event().wait()  # until it is looked at again
            delay = min(RETRY * 2**self.tries, LONGEST) * (0.1 + 1.8 * random.random())
            self.tries += 1
            await asyncio.sleep(delay)

    async def _be_connected(self) -> int:
        """Until it ends; with which code."""
        if self.is_offline:
            return 1006
        url, origin = f"ws://127.0.0.1:{self.crowd.port}/ws/live/", f"http://127.0.0.1:{self.crowd.port}"
        try:
            self.socket = await connect(
                url,
                origin=origin,  # type: ignore[arg-type]
                additional_headers={"Cookie": self.reader["cookie"]},
                compression=None,
                max_size=None,
                ping_interval=None,
                open_timeout=10,
                close_timeout=1,
                proxy=None,
            )
        except (OSError, InvalidHandshake, ConnectionClosed, EOFError):
            return 1006
        try:
            self._note_open()
            self.listening = asyncio.get_running_loop().create_task(self._listen(self.socket))
            await asyncio.wait([self.listening])
            return 1006 if self.listening.cancelled() else self.listening.result()
        finally:
            self.socket, self.is_live = None, False

    async def _listen(self, socket: ClientConnection) -> int:
        try:
            await self.say()
            while True:
                async with asyncio.timeout(SILENCE):
                    self.take(str(await socket.recv()))
                await self.may_read.wait()
        except ConnectionClosed:
            return socket.close_code or 1006
        except (TimeoutError, OSError):
            socket.transport.abort()
            return 1006

    def _note_open(self) -> None:
        self.tries, self.is_live = 0, True
        self.opened += 1
        if self.polling:
            self.polling.cancel()
            self.polling = None
        if self.down_since is not None:
            self.gaps.append(time.monotonic() - self.down_since)
            self.down_since = None

    async def say(self) -> None:
        if self.socket is not None:
            await self.socket.send(json.dumps({**self.form, "headers": {}}))

    @property
    def form(self) -> dict[str, str]:
        return self.document.inputs("#resume")

    def take(self, frame: str) -> None:
        """What came by the socket."""
        if frame.startswith("{"):
            return
        self.swap(frame)
        if self.acknowledging is None:
            self.acknowledging = asyncio.get_running_loop().call_later(ACKNOWLEDGE, self._acknowledge)

    def swap(self, frame: str) -> None:
        moment = time.time()
        for key in ROW.findall(frame):
            self.came.setdefault(key, moment)
        self.toasts.update(TOAST.findall(frame))
        self.document.apply(frame)

    def _acknowledge(self) -> None:
        self.acknowledging = None
        if self.is_live and self.document.find("#resume") is not None:
            task = asyncio.get_running_loop().create_task(self.say())
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # cut meanwhile

    def _poll_after(self, seconds: float) -> None:
        if self.polling is None:
            self.polling = asyncio.get_running_loop().call_later(seconds, self._poll)

    def _poll(self) -> None:
        self.polling = asyncio.get_running_loop().call_later(POLL, self._poll)
        if not self.is_offline:
            self.poll_task = asyncio.get_running_loop().create_task(self._poll_once())

    async def _poll_once(self) -> None:
        query = urllib.parse.urlencode(self.form)
        try:
            answer = await asyncio.to_thread(self.crowd.get, self.reader, f"/inbox/changes/?{query}")
        except Failure:
            return  # counted by the crowd; it asks again
        if not self.is_live:
            self.swap(answer)

    # What happens to its network.

    def cut(self) -> None:
        """Gone, and both ends hear of it."""
        if self.socket is not None:
            self.socket.transport.abort()

    def hang_up(self) -> None:
        """Gone, and the server does not hear of it: nothing is taken from this socket any more. Another one opens."""
        socket = self.socket
        if socket is not None:
            socket.transport.pause_reading()
            self.left.append(socket)
            self.listening.cancel()

    def go_offline(self) -> None:
        self.is_offline = True
        self.cut()

    def come_online(self) -> None:
        self.is_offline = False

    def stop_reading(self) -> None:
        """As a process that is stopped: nothing is taken from the socket any more, and it does not come back."""
        self.may_read.clear()
        if self.socket is not None:
            self.socket.transport.pause_reading()

    def wake(self) -> None:
        self.may_read.set()
        if self.socket is not None:
            self.socket.transport.resume_reading()

    # What it shows.

    def stands_at(self) -> tuple[int, int]:
        form = self.form
        return int(form["since"]), int(form["board"])

    def rows(self) -> list[tuple[int, str]]:
        """Place and key of its rows, from top to bottom."""
        rows = [
            (int(row.get("data-order")), row.get("id").removeprefix("notification-")) for row in self.document.rows()
        ]
        return [(order, key) for order, key in rows if not key.startswith("broadcast-")]


class Crowd:
    """Pages by the hundred, on a loop of their own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.loop = Loop("crowd")
        self.pages: list[Page] = []
        self.failures: list[str] = []
        self._askers = ThreadPoolExecutor(6, thread_name_prefix="crowd")

    def open(
        self, readers: list[dict[str, Any]], tabs: int = 1, path: str = "/inbox/", kind: type[Page] = Page
    ) -> list[Any]:
        """Load each reader's page, and open so many tabs of it."""
        texts = list(self._askers.map(lambda reader: self.get(reader, path), readers))
        pages = self.loop.run(self._open(readers, texts, tabs, path, kind))
        self.pages.extend(pages)
        return pages

    async def _open(self, readers: list[Any], texts: list[str], tabs: int, path: str, kind: type[Page]) -> list[Page]:
        made = []
        for reader, text in zip(readers, texts, strict=True):
            document = Tree(text)
            made += [kind(self, reader, deepcopy(document), path) for _ in range(tabs)]
            await asyncio.sleep(0.002 * tabs)  # people do not all come at the same moment
        return made

    def close(self, pages: list[Page]) -> None:
        self.loop.run(self._close(pages))
        self.pages = [page for page in self.pages if page not in pages]

    async def _close(self, pages: list[Page]) -> None:
        for page in pages:
            page.is_stopped = True
            page.task.cancel()
            page.listening and page.listening.cancel()
            for socket in page.left:
                socket.transport.abort()
            for timer in (page.acknowledging, page.polling):
                if timer is not None:
                    timer.cancel()
            if page.socket is not None:
                page.socket.transport.abort()
        await asyncio.gather(*(page.task for page in pages), return_exceptions=True)

    def do(self, work: Any) -> Any:
        """On the crowd's loop: pages belong to it."""
        return self.loop.call(work)

    def stop(self) -> None:
        self.close(list(self.pages))
        self.loop.stop()
        self._askers.shutdown()

    def get(self, reader: dict[str, Any], path: str) -> str:
        return self.ask("GET", reader, path)

    def fresh(self, pages: list[Page]) -> list[Tree]:
        """What a reload of each would show; once for all tabs of a reader."""
        wanted = {(page.reader["inbox"], page.path): page for page in pages}
        answers = self._askers.map(lambda page: Tree(self.get(page.reader, page.path)), wanted.values())
        trees = dict(zip(wanted, answers, strict=True))
        return [deepcopy(trees[page.reader["inbox"], page.path]) for page in pages]

    def ask(self, method: str, reader: dict[str, Any], path: str, form: dict[str, str] | None = None) -> str:
        """A request as this reader; what is not answered with 2xx within 10 s is a failure, and counted."""
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        cookie = reader["cookie"]
        headers = {"Cookie": cookie, "Accept-Language": "en", "Origin": f"http://127.0.0.1:{self.port}"}
        body = None
        if form is not None:
            token = "t" * 32
            headers["Cookie"] = f"{cookie}; belfry_csrf={token}"
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["HX-Request"] = "true"
            body = urllib.parse.urlencode({**form, "csrfmiddlewaretoken": token})
        try:
            asked.request(method, path, body=body, headers=headers)
            answer = asked.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return self._fail(f"{method} {path[:40]}: {error!r}")
        finally:
            asked.close()
        if answer.status >= 300:
            return self._fail(f"{method} {path[:40]}: {answer.status}")
        return text

    def _fail(self, what: str) -> str:
        self.failures.append(what)
        raise Failure(what)
