"""The way of a shell to the sockets of its site: what a browser would say there, and why one is refused."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from notifications.live.origin import DEFAULT_PORTS, host_for

OPENING_SECONDS = 10
LARGEST = 1024 * 1024  # bytes of a frame


class NoWay(Exception):
    """There is no live page. The message says what is wrong, and how to mend it."""


@dataclass(frozen=True)
class Door:
    site: str
    url: str
    origin: str
    address: tuple[str, int]
    headers: dict[str, str]

    @classmethod
    def of(cls, site: str) -> Self:
        """Of the address of a site, or of one of its servers: that speaks plain HTTP, and believes a proxy, so what
        the proxy would say is said to it. Raises NoWay for what is no address."""
        try:
            parts = urlsplit(site)
            address = (parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme])
        except (KeyError, ValueError):
            raise NoWay(f"--url is the address of a site, like https://example.com; got {site!r}.") from None
        is_secure, host = parts.scheme == "https", host_for(parts.netloc)
        headers = {} if is_secure else proxy_headers()
        origin = f"{'https' if is_secure or headers else 'http'}://{host}"
        return cls(site, f"{'wss' if is_secure else 'ws'}://{host}/ws/live/", origin, address, headers)


def proxy_headers() -> dict[str, str]:
    """By which a trusted proxy says that the page came by HTTPS; none where no proxy is trusted."""
    if not settings.SECURE_PROXY_SSL_HEADER:
        return {}
    name, value = settings.SECURE_PROXY_SSL_HEADER
    return {name.removeprefix("HTTP_").replace("_", "-").title(): value}


@contextmanager
def socket_at(door: Door, session_key: str) -> Iterator[ClientConnection]:
    """An open socket. Raises NoWay where there is none."""
    told: Any = {
        "origin": door.origin,
        "address": door.address,
        "additional_headers": {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session_key}", **door.headers},
    }
    limits: Any = {"compression": None, "proxy": None, "open_timeout": OPENING_SECONDS, "max_size": LARGEST}
    with ExitStack() as opened:
        try:
            socket = opened.enter_context(connect(door.url, **told, **limits))
        except (OSError, InvalidHandshake) as error:
            raise NoWay(why_shut(error, door)) from None
        yield socket


def why_shut(error: Exception, door: Door) -> str:
    if isinstance(error, InvalidStatus):
        return why_refused(error.response.status_code, door)
    if isinstance(error, ssl.SSLError):
        return f"{door.site} has no certificate that this machine trusts ({error.reason})."
    said = error or type(error).__name__
    return f"{door.site} does not answer ({said}). Run: manage.py serve; or say where it is with --url"


def why_refused(status: int, door: Door) -> str:
    if status in (400, 403):
        return (
            f"The socket was refused ({status}) to a page of {door.origin}. Check ALLOWED_HOSTS, HTTPS and "
            "CSRF_TRUSTED_ORIGINS, and that the proxy leaves Host as it is and sets X-Forwarded-Proto."
        )
    if status == 503:
        return "The server has no room for another socket (503). Run one more, or raise MAX_SOCKETS."
    return f"{door.url} answers {status} and opens no socket. Check that the proxy passes Upgrade on."
