"""Reading the environment: environs, except that a wrong value ends the start with one line that names it."""

import hashlib
import logging
import os
import tempfile
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import dj_database_url
import dj_email_url
from environs import Env, EnvError, EnvNotSetError


def refuse(name: str, problem: str) -> NoReturn:
    """End the process with one line that names the variable; exit code 1."""
    raise SystemExit(f"Belfry cannot start: {name} {problem}")


def _one_line(read: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(read)
    def reader(self: Env, name: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return read(self, name, *args, **kwargs)
        except EnvNotSetError:
            refuse(name, "is not set.")
        except EnvError as error:
            refuse(name, f"is wrong: {error.args[0].partition(' invalid: ')[2]}")

    return reader


class Environment(Env):
    """The process's environment. `str`, `bool`, ... as in environs; the rest knows what Belfry needs."""

    def _get_value(self, env_key: Any, default: Any) -> Any:
        """An empty variable counts as one that is not set."""
        return os.environ.get(env_key) or default

    str = _one_line(Env.str)
    bool = _one_line(Env.bool)
    int = _one_line(Env.int)
    list = _one_line(Env.list)
    path = _one_line(Env.path)

    def log_level(self, name: str, default: str) -> str:
        """The name of one of logging's levels."""
        level = self.str(name, default).upper()
        if level not in logging.getLevelNamesMapping():
            refuse(name, f"is wrong: {level!r} is none of DEBUG, INFO, WARNING, ERROR.")
        return level

    def time_zone(self, name: str, default: str) -> str:
        """The name of a time zone, such as Europe/Berlin."""
        zone = self.str(name, default)
        if zone not in available_timezones():
            refuse(name, f"is wrong: {zone!r} is no time zone; expected one like Europe/Berlin.")
        return zone

    def directory(self, name: str, default: Path) -> Path:
        """An absolute path of a directory, which is made when it is missing."""
        path = Path(self.path(name, default)).expanduser().absolute()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            refuse(name, f"is wrong: {path} cannot be used ({error.strerror}).")
        return path

    def database(self, name: str, default: str) -> dict[str, Any]:
        """A Django database from a postgres:// or sqlite:/// URL."""
        url = self.str(name, default)
        try:
            parsed: dict[str, Any] = dict(dj_database_url.parse(url))
        except ValueError:
            parsed = {"ENGINE": "", "NAME": ""}
        engine = parsed["ENGINE"].rpartition(".")[2]
        if engine not in ("postgresql", "sqlite3") or parsed["NAME"] in ("", ":memory:"):
            refuse(name, "is wrong: expected postgres://USER:PASSWORD@HOST:PORT/NAME or sqlite:////PATH.")
        return parsed

    def mail(self, name: str, default: str) -> dict[str, Any]:
        """Django's EMAIL_* settings from an smtp://, smtp+tls://, smtp+ssl:// or console: URL."""
        parsed: dict[str, Any] = dj_email_url.parse(self.str(name, default))
        if "EMAIL_BACKEND" not in parsed:
            refuse(name, "is wrong: expected smtp+tls://USER:PASSWORD@HOST:587, smtp+ssl://..., smtp://... or console:.")
        return parsed

    def redis(self, name: str, default: str) -> str:
        """The URL of a Redis or Valkey: redis://, rediss:// or unix://."""
        url = self.str(name, "") or default
        try:
            parts = urlsplit(url)
            usable = bool(parts.path if parts.scheme == "unix" else parts.hostname) and (parts.port or 1) > 0
        except ValueError as error:
            refuse(name, f"is wrong: {error}")
        if parts.scheme not in ("redis", "rediss", "unix") or not usable:
            refuse(name, "is wrong: expected redis://HOST:PORT/0, rediss://... or unix:///PATH.")
        return url


def socket_path(directory: Path) -> Path:
    """Where the embedded Valkey listens. A socket's path has room for about 100 bytes only."""
    path = directory / "valkey.sock"
    if len(bytes(path)) < 100:
        return path
    digest = hashlib.sha256(bytes(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"belfry-{digest}.sock"


def broker_url(redis_url: str) -> str:
    """The same server in the spelling of Celery."""
    return redis_url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=", 1)


def build_id(*sources: Path) -> str:
    """A short digest of everything that a page is made of, so that an old page can tell that a new build is out."""
    digest = hashlib.sha256()
    for source in sources:
        for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if file.is_file():
                digest.update(bytes(file.relative_to(source.parent)))
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
