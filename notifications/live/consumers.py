"""The socket's door.

Everything dangerous about a socket is decided here, in this order: where the page comes from (before anything is
accepted), who its session says it is, whose page it claims to be, and that it says so soon and in little. Nothing is
sent before the page has said where it stands. From then on the hub pushes, and this only listens to acknowledgements.
"""

import asyncio
import json
import logging
import time
from functools import partial
from typing import Any

from channels.consumer import get_handler_name
from channels.exceptions import DenyConnection, StopConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError

from . import codes, database, hub, origin, refusals, sessions, wires
from .job_positions import JobPosition
from .outlet import Outlet
from .positions import Position
from .thread_positions import ThreadPosition

log = logging.getLogger(__name__)

RESUME_SECONDS = 10.0  # to say where the page stands
MESSAGES = (20, 10.0)  # at most so many in so many seconds
LARGEST = 4096  # characters of a resume form
CONFIRM_SECONDS = 2.0  # for a browser to take what is left and confirm the end of its socket


class LiveConsumer(AsyncJsonWebsocketConsumer):
    """One page's socket. Its user's group is joined by the hub's channel on its behalf, so it has no channel itself."""

    outlet: Outlet | None = None

    async def connect(self) -> None:
        if not origin.is_allowed(self.scope):
            refusals.note("origin", ", ".join(origin.values(self.scope, b"origin")))
            raise DenyConnection
        self._hub = hub.current()
        if self._hub.is_full:
            refusals.note("full")
            await self._refuse_for_now()
        self._session_key = sessions.key_of(self.scope)
        self._heard: list[float] = []
        self._is_resuming = self._is_turned_away = False
        self.scope["headers"].clear()  # what they say is known by now; there may be many of us
        await self.accept()
        self._loop = asyncio.get_running_loop()
        self._patience = self._loop.call_later(RESUME_SECONDS, self._give_up, codes.RUBBISH)
        self._hub.enter(self, partial(self._give_up, codes.COME_BACK_LATER))

    async def _refuse_for_now(self) -> None:
        """503 where the server can say it; a page takes any refusal for a bad network, and tries again ever later."""
        if "websocket.http.response" not in self.scope.get("extensions", {}):
            raise DenyConnection
        await self.base_send({"type": "websocket.http.response.start", "status": 503, "headers": []})
        await self.base_send({"type": "websocket.http.response.body", "body": b""})
        raise StopConsumer

    def _give_up(self, code: int) -> None:
        if not self._is_resuming:
            self._ending = self._loop.create_task(self._turn_away(code))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As Channels does it for consumers with a channel, but without a second task that waits for that; and without
        a thread that looks for old connections to the database around each message, of which there are none."""
        self.scope, self.base_send, self.channel_layer = scope, send, None
        try:
            while True:
                message = await receive()
                await getattr(self, get_handler_name(message))(message)
        except StopConsumer:
            pass

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        try:
            return json.loads(text_data)
        except (ValueError, RecursionError):
            return None

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        """A page sends its resume form and nothing else, first to say where it stands, then to acknowledge."""
        form = await self.decode_json(text_data) if text_data and len(text_data) <= LARGEST else None
        if not isinstance(form, dict) or self._is_flood():
            await self._turn_away()
        elif self.outlet is not None:
            said = Position.from_form(form, self._hub.epoch)
            self._hub.acknowledge(self.outlet, said, receipt=str(form.get("receipt")))
            self._say_of_thread(form)
        elif not self._is_resuming:
            self._is_resuming = True
            self._patience.cancel()
            self._hub.heard(self)
            await self._resume(form)

    async def _turn_away(self, code: int = codes.RUBBISH) -> None:
        """Once; what it says after that is not answered."""
        if self.outlet is not None:
            self._hub.close(self.outlet, code)
        elif not self._is_turned_away:
            self._is_turned_away = True
            self._hub.heard(self)
            await self.close(code)

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        """A browser that does not read would never confirm it, and might keep what was sent to it in our memory."""
        asyncio.get_running_loop().call_later(CONFIRM_SECONDS, self._abort)
        await super().close(code, reason)

    def _abort(self) -> None:
        """Daphne's sockets end by themselves after a second. ASGI has no word for it: uvicorn's protocol, to which
        ``send`` belongs, has a transport that can be told."""
        abort = getattr(getattr(getattr(self.base_send, "__self__", None), "transport", None), "abort", None)
        if abort:
            abort()

    def _is_flood(self) -> bool:
        limit, seconds = MESSAGES
        moment = time.monotonic()
        self._heard = [at for at in self._heard if moment - at < seconds] + [moment]
        return len(self._heard) > limit

    async def _resume(self, form: dict[str, Any]) -> None:
        try:
            reader = await self._hub.readers.of(self._session_key)
        except DatabaseError as error:
            log.error("A page could not resume: %s", error)
            await self.close(codes.COME_BACK_LATER)
            return
        if reader is None:
            await self._refuse(codes.SIGNED_OUT, await database.signed_out_notice(Position.from_form(form, "")))
            return
        user, inbox, board = reader
        position = Position.from_form(form, board[0])
        if form.get("inbox") != str(inbox.pk):
            await self._refuse(codes.NOT_ALLOWED, await database.someone_else_notice(position))
            return
        if form.get("build") != settings.BUILD_ID:
            await self.send(await database.new_build_notice(position))
        self.outlet = Outlet(
            inbox_id=inbox.pk,
            access=inbox.access,
            user_id=user.pk,
            session_key=self._session_key,
            position=position,
            jobs=JobPosition.from_form(form, inbox.pk, user.pk),
            thread=ThreadPosition.from_form(form, board[0]),
            send=self.send,
            close=self.close,
            frames_per_second=settings.FRAMES_PER_SECOND,
            write=wires.short_way(self.scope, self.base_send),
        )
        self._hub.join(self.outlet, board)
        self._say_of_thread(form)

    def _say_of_thread(self, form: dict[str, Any]) -> None:
        if self.outlet is not None and self.outlet.thread.thread_id:
            said = ThreadPosition.from_form(form, self._hub.epoch)
            self._hub.hear_of_thread(self.outlet, said, is_here=form.get("here") == "1")

    async def _refuse(self, code: int, notice: str) -> None:
        await self.send(notice)
        await self.close(code)

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "_patience"):
            self._patience.cancel()
            self._hub.exit(self)
        if self.outlet is not None:
            self.outlet.closed = True
            self._hub.leave(self.outlet)
