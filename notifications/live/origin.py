"""Who may open a socket: pages of this site. Cookies alone do not tell, since other sites' pages send them along."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}

Origin = tuple[str, str, int]  # scheme, host, port


def is_allowed(scope: dict[str, Any]) -> bool:
    """Whether the handshake's one Origin is exactly this site's scheme, host and port, or one of LIVE_ORIGINS.

    Anything missing, doubled, ``null`` or malformed is a no.
    """
    origins, hosts = values(scope, b"origin"), values(scope, b"host")
    if len(origins) != 1 or len(hosts) != 1:
        return False
    origin = parse(origins[0])
    if origin is None:
        return False
    return origin in map(parse, settings.LIVE_ORIGINS) or origin == own_origin(scope, hosts[0])


def own_origin(scope: dict[str, Any], host: str) -> Origin | None:
    """The origin of the site as this request reached it, when the host is an allowed one."""
    domain, _ = split_domain_port(host)
    if not domain or not validate_host(domain, allowed_hosts()):
        return None
    return parse(f"{'https' if is_secure(scope) else 'http'}://{host}")


def allowed_hosts() -> list[str]:
    """ALLOWED_HOSTS; where it is empty in development this machine, as for Django's own pages."""
    return settings.ALLOWED_HOSTS or ([".localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])


def host_for(netloc: str) -> str:
    """What a page of the site calls it that is asked there: one of its servers need not answer to its own address."""
    allowed = allowed_hosts()
    if validate_host(split_domain_port(netloc)[0], allowed):
        return netloc
    return next((host.lstrip(".") for host in allowed), netloc)


def is_secure(scope: dict[str, Any]) -> bool:
    """Whether the page came over TLS; a trusted proxy tells, by the header that Django is told to trust."""
    if settings.SECURE_PROXY_SSL_HEADER:
        name, wanted = settings.SECURE_PROXY_SSL_HEADER
        told = values(scope, name.removeprefix("HTTP_").replace("_", "-").lower().encode())
        if told:
            return told[0].split(",")[0].strip() == wanted  # as Django reads it; the first proxy stands first
    return scope.get("scheme") == "wss"


def values(scope: dict[str, Any], name: bytes) -> list[str]:
    return [value.decode("latin-1") for header, value in scope["headers"] if header == name]


def parse(origin: str) -> Origin | None:
    """(scheme, host, port), or None for what is no origin."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        return None
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        return None
    return parts.scheme, parts.hostname.lower(), port or DEFAULT_PORTS[parts.scheme]
