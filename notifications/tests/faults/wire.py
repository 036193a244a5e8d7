"""A wire between clients and a server of ours, which can go dead without either end hearing of it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any


class Loop:
    """An event loop in a thread of its own. Every verb may be called from anywhere."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Awaitable[Any], patience: float = 120.0) -> Any:
        """Its result."""
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, patience), self.loop).result(patience + 5)

    def call(self, work: Callable[..., Any], *args: Any) -> Any:
        async def made() -> Any:
            return work(*args)

        return self.run(made())

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Wire:
    """A TCP port that leads to a unix socket."""

    def __init__(self, loop: Loop, target: Path) -> None:
        self.target = target
        self._loop = loop
        self._is_whole = asyncio.Event()
        self._deaths = 0
        loop.call(self._is_whole.set)
        self._server = loop.run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def die(self) -> None:
        """As where a firewall has forgotten all connections: nobody is told, and new ones are not answered."""
        self._loop.call(self._die)

    def _die(self) -> None:
        self._deaths += 1
        self._is_whole.clear()

    def heal(self) -> None:
        """New connections work. Those from before stay dead, and still nobody is told."""
        self._loop.call(self._is_whole.set)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):  # at the end of the tests
            await self._lead(reader, writer)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._is_whole.wait()
        try:
            there_reader, there_writer = await asyncio.open_unix_connection(str(self.target))
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(self._carry(reader, there_writer), self._carry(there_reader, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deaths = self._deaths
        try:
            while data := await reader.read(65536):
                if self._deaths > deaths:
                    await asyncio.Event().wait()  # for ever
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # one end is gone, and the other one hears of it below
        finally:
            writer.close()
