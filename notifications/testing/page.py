import asyncio
from collections.abc import Callable
from typing import Any, Self

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import AsyncClient

from notifications.live.routing import application

from .dom import Document

PATIENCE = 15.0  # seconds until a test gives up waiting; never a pause
ACKNOWLEDGE = 2.0  # seconds from a frame to its acknowledgement, as in live.js


class LivePage:
    """A reader's page without a browser: loads it, opens its socket, and applies the frames as htmx would.

    ::

        async with LivePage(bo) as page:
            await anotify(bo, title="Lunch is ready")
            await page.until(lambda: "Lunch is ready" in page.text("#feed"))

    The test needs ``@pytest.mark.django_db(transaction=True)``: nothing is pushed before a commit.
    """

    def __init__(self, user: Any, path: str = "/inbox/", *, client: AsyncClient | None = None):
        self.user, self.path = user, path
        self.client = client
        self.frames: list[str] = []
        self.close_code: int | None = None
        self.acknowledges = True
        self._socket: Any = None
        self._acknowledging: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.load()
        await self.connect()
        assert self.close_code is None, "The socket was refused: its origin is not this site's."
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.cut()

    async def load(self) -> Self:
        """Fetch the page, as a reload does. Its socket is another matter."""
        if self.client is None:
            self.client = AsyncClient()
            await sync_to_async(self.client.force_login)(self.user)
        response = await self.client.get(self.path)
        assert response.status_code == 200, f"{self.path} answered {response.status_code}"
        self.document = Document(response.content.decode())
        return self

    async def load_older(self) -> None:
        """Press "Older notifications"."""
        assert self.client is not None
        older = self.document.find("#older")
        links = [link.get("href") for link in older.iter("a")] if older is not None else []
        assert links, "There is nothing older."
        response = await self.client.get(links[0] or "", headers={"HX-Request": "true"})
        self.document.apply(response.content.decode())
        if self._socket is not None:
            await self.send_form()

    async def connect(
        self, *, form: dict[str, str] | None = None, headers: list[tuple[bytes, bytes]] | None = None
    ) -> None:
        """Open the socket, and say where the page stands."""
        self._socket = WebsocketCommunicator(application, "/ws/live/", headers=headers or self.headers())
        accepted, self.close_code = await self._socket.connect(timeout=PATIENCE)
        if accepted:
            await self.send_form(form)

    def headers(self) -> list[tuple[bytes, bytes]]:
        assert self.client is not None
        cookie = self.client.cookies.get(settings.SESSION_COOKIE_NAME)
        value = f"{settings.SESSION_COOKIE_NAME}={cookie.value if cookie else ''}"
        return [(b"host", b"testserver"), (b"origin", b"http://testserver"), (b"cookie", value.encode())]

    async def send_form(self, form: dict[str, str] | None = None) -> None:
        """Send the resume form: on connecting, and to acknowledge."""
        await self._socket.send_json_to(self.document.inputs("#resume") if form is None else form)

    async def cut(self) -> None:
        """The network is gone: the server hears of the end, the page keeps what it shows."""
        if self._acknowledging is not None:
            self._acknowledging.cancel()
            self._acknowledging = None
        if self._socket is not None:
            await self._socket.disconnect()
            self._socket = None

    async def receive(self, patience: float = PATIENCE) -> str | None:
        """Take the next frame and apply it. None when the server closed, with its code in ``close_code``."""
        message = await self._socket.receive_output(patience)
        if message["type"] == "websocket.close":
            self.close_code = message["code"]
            return None
        frame: str = message["text"]
        if not frame.startswith("{"):
            self.frames.append(frame)
            self.document.apply(frame)
            self._acknowledge_soon()
        return frame

    def _acknowledge_soon(self) -> None:
        """As the page does: within two seconds after a frame, once for all that came; at once where it asks for it."""
        receipt = self.document.find("#receipt")
        is_wanted_now = receipt is not None and "data-at-once" in receipt.attrib
        if is_wanted_now and self._acknowledging is not None:
            self._acknowledging.cancel()
            self._acknowledging = None
        if self.acknowledges and self._acknowledging is None:
            self._acknowledging = asyncio.create_task(self._acknowledge(0 if is_wanted_now else ACKNOWLEDGE))

    async def _acknowledge(self, pause: float) -> None:
        await asyncio.sleep(pause)
        self._acknowledging = None
        if self._socket is not None and self.document.find("#resume") is not None:
            await self.send_form()

    async def until(self, holds: Callable[[], Any]) -> None:
        """Apply frames until it holds."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                assert await self.receive() is not None, f"The server closed with {self.close_code}."

    async def until_revision(self, revision: int) -> None:
        """Apply frames until the page stands at this revision of its inbox."""
        await self.until(lambda: int(self.document.inputs("#resume")["since"]) >= revision)

    async def until_closed(self) -> int:
        """Apply frames until the server closes; returns its code."""
        async with asyncio.timeout(PATIENCE):
            while await self.receive() is not None:
                continue
        assert self.close_code is not None
        return self.close_code

    def text(self, selector: str) -> str:
        return self.document.text(selector)

    def shown(self) -> dict[str, object]:
        """Everything about notifications that its reader sees; equal for equal pages."""
        return self.document.shown()
