"""Reading the environment: environs, except that a wrong value ends the start with one line that names it.

An empty variable counts as one that is not set.
"""

import hashlib
import logging
import os
import re
import tempfile
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import dj_database_url
import dj_email_url
from environs import Env, EnvError

env = Env()


def refuse(name: str, problem: str) -> NoReturn:
    """End the process with one line that names the variable; exit code 1."""
    raise SystemExit(f"Belfry cannot start: {name} {problem}")


def text(name: str, default: str = "") -> str:
    return os.environ.get(name) or default


def flag(name: str, default: bool) -> bool:
    try:
        return env.bool(name) if text(name) else default
    except EnvError:
        refuse(name, f"is wrong: expected 1 or 0, got {text(name)!r}.")


def number(name: str, default: int, *, lowest: int, highest: int) -> int:
    try:
        value = env.int(name) if text(name) else default
    except EnvError:
        value = lowest - 1
    if not lowest <= value <= highest:
        refuse(name, f"is wrong: expected a number from {lowest} to {highest}, got {text(name)!r}.")
    return value


def words(name: str, default: list[str]) -> list[str]:
    """Several values with commas between."""
    return [word.strip() for word in text(name).split(",")] if text(name) else default


def directory(name: str, default: Path) -> Path:
    """An absolute path of a directory, which is made when it is missing."""
    path = Path(text(name) or default).expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(name, f"is wrong: {path} cannot be used ({error.strerror}).")
    return path


def database(name: str, default: str) -> dict[str, Any]:
    """A Django database from a postgres:// or sqlite:/// URL."""
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(text(name, default)))
    except ValueError:
        parsed = {"ENGINE": "", "NAME": ""}
    engine = parsed["ENGINE"].rpartition(".")[2]
    if engine not in ("postgresql", "sqlite3") or parsed["NAME"] in ("", ":memory:"):
        refuse(name, "is wrong: expected postgres://USER:PASSWORD@HOST:PORT/NAME or sqlite:////PATH.")
    return parsed


def redis(name: str, default: str) -> str:
    """The URL of a Redis or Valkey: redis://, rediss:// or unix://."""
    url = text(name, default)
    try:
        parts = urlsplit(url)
        where = parts.path if parts.scheme == "unix" else parts.hostname and (parts.port or 6379)
    except ValueError:  # a port that is no number
        where = None
    if not where or parts.scheme not in ("redis", "rediss", "unix"):
        refuse(name, "is wrong: expected redis://HOST:PORT/0, rediss://... or unix:///PATH.")
    return url


def mail(name: str, default: str) -> dict[str, Any]:
    """Django's EMAIL_* settings from a URL; smtp+tls://USER:PASSWORD@HOST:587, for example, or console:."""
    parsed: dict[str, Any] = dj_email_url.parse(text(name, default))
    if "EMAIL_BACKEND" not in parsed:
        refuse(name, "is wrong: expected smtp://, smtp+tls:// or smtp+ssl://USER:PASSWORD@HOST:PORT, or console:.")
    return parsed


def log_level(name: str, default: str) -> str:
    level = text(name, default).upper()
    if level not in logging.getLevelNamesMapping():
        refuse(name, f"is wrong: expected DEBUG, INFO, WARNING or ERROR, got {level!r}.")
    return level


def time_zone(name: str, default: str) -> str:
    zone = text(name, default)
    if zone not in available_timezones():
        refuse(name, f"is wrong: expected a time zone like Europe/Berlin, got {zone!r}.")
    return zone


def socket_path(directory: Path) -> Path:
    """Where the embedded Valkey listens: a path that is short enough for a socket, and plain enough for a URL."""
    path = directory / "valkey.sock"
    if re.fullmatch(r"[A-Za-z0-9/._-]{1,99}", str(path)):
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
