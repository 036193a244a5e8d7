"""manage.py serve: Daphne's server with our limits, and a goodbye that browsers understand.

Daphne's own command ends every socket with 1006 on SIGTERM, which a page takes for a broken network. Here the hub
closes them with 1012, "come back", before the server stops.
"""

import asyncio
import gc
import logging
import os
import resource
import signal
import threading
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server
from daphne.ws_protocol import WebSocketProtocol
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string
from twisted.internet import reactor

from notifications.live import connections, wires

log = logging.getLogger(__name__)

PATIENCE = 5.0  # seconds for answers that are under way, and for browsers to confirm the end of their sockets
DEADLINE = 8.0  # seconds from the signal to the end, whatever still hangs
BACKLOG = 4096  # connections that wait to be taken; Twisted's own 50 makes the others try again after 1, 3, 7 s
LARGEST_MESSAGE = 1024 * 1024  # bytes; autobahn applies it to what we send, too, and a full list is large
OTHER_FILES = 1_000  # that a process has open beside its connections: the database, the bus, files that it hands over


class SiteServer(Server):
    """Daphne's server that keeps its port, to close it first, and its failure to listen, to report it."""

    port: Any = None
    failure = ""

    def listen_success(self, port: Any) -> None:
        self.port = port

    def listen_error(self, failure: Any) -> None:
        self.failure = failure.getErrorMessage()
        self.stop()

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if scope["type"] == "websocket":
            scope["extensions"] = {"websocket.http.response": {}, wires.EXTENSION: protocol.write_text}
        return super().create_application(protocol, scope)


class Command(BaseCommand):
    help = "Serves pages and sockets on one port until SIGTERM or SIGINT, then drains the sockets."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1", help="address to listen on (127.0.0.1)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="port to listen on ($PORT, else 8000)")

    def handle(self, *, bind: str, port: int, **options: Any) -> None:
        allow_open_files()
        server = site_server(bind, port)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: reactor.callFromThread(begin_to_leave, server))
        # What is loaded by now stays. The collector need not look at it, nor look often: that halves the slowest 1 %.
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        server.run()
        if server.failure:
            raise CommandError(f"Cannot listen on {bind}:{port}: {server.failure}")


def site_server(bind: str, port: int) -> SiteServer:
    return SiteServer(
        application=import_string(settings.ASGI_APPLICATION),
        endpoints=[f"{one}:backlog={BACKLOG}" for one in build_endpoint_description_strings(host=bind, port=port)],
        signal_handlers=False,
        websocket_connect_timeout=15,  # while thousands come back, some wait for that long to be accepted
        application_close_timeout=5,
        websocket_max_message_size=LARGEST_MESSAGE,
        websocket_max_frame_size=connections.LARGEST_MESSAGE,
        proxy_forwarded_address_header="X-Forwarded-For" if settings.HTTPS else None,
        server_name="",
    )


def allow_open_files() -> None:
    """As many as the sockets need that we may have; else fewer sockets, so that pages are still answered."""
    others = connections.WAITING_LIMIT + OTHER_FILES
    wanted = settings.MAX_SOCKETS + others
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    fewer = max(allowed - others, allowed // 2)
    if fewer < settings.MAX_SOCKETS:
        log.warning("This process may open %d files: %d sockets, not MAX_SOCKETS=%d", hard, fewer, settings.MAX_SOCKETS)
        settings.MAX_SOCKETS = fewer


def begin_to_leave(server: SiteServer) -> None:
    """Stop listening, drain, stop. Saying it twice does no harm."""
    if server.port is None:
        return
    last_resort = threading.Timer(DEADLINE, os._exit, [1])
    last_resort.daemon = True
    last_resort.start()
    server.port.stopListening()
    server.port = None
    server.leaving = asyncio.ensure_future(leave(server))


async def leave(server: SiteServer) -> None:
    """Close the sockets with 1012, and let what is being answered be answered; `begin_to_leave` has set a deadline."""
    from notifications.live import codes, hub  # the hub belongs to a running loop

    try:
        await hub.drain()
        for protocol in server.connections:
            if isinstance(protocol, WebSocketProtocol) and protocol.state == protocol.STATE_OPEN:  # not resumed yet
                protocol.serverClose(code=codes.COME_BACK)
        answering = (details.get("application_instance") for details in server.connections.values())
        running = [task for task in answering if task and not task.done()]
        if running:
            await asyncio.wait(running, timeout=PATIENCE)
    except Exception:
        log.exception("Some sockets were not told to come back.")
    finally:
        server.stop()
