"""What a caller wants to send, checked before anything is written."""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from notifications import categories, verbs

TITLE_LIMIT = 200
BODY_LIMIT = 4_000
URL_LIMIT = 2_000
REASON_LIMIT = 200
PARAMS_LIMIT = 4_000
NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")  # as JSON writes it; a backslash before it would make it a text
UNPRINTABLE = re.compile(r"[\x00\ud800-\udfff]")  # NUL, and halves of characters, which neither tables nor frames take
KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")
GROUP_KEY_LIMIT = 100
RESERVED_KEYS = {"all", "changes", "preferences", "seen", "selected", "undo"}
RESERVED_STARTS = ("broadcast-", "echo-", "job-", "message-")


class InvalidNotification(ValueError):
    """Something about the content cannot be sent. The message says what was expected."""


@dataclass(frozen=True)
class Draft:
    """The content of a notification. Raises InvalidNotification, UnknownCategory or UnknownVerb when made."""

    title: str = ""
    verb: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    body: str = ""
    url: str = ""
    category: str = "general"
    level: str = ""
    reason: str = ""
    actor_id: int | None = None
    actor_name: str = ""
    target: str = ""
    target_label: str = ""
    group_key: str = ""

    def __post_init__(self) -> None:
        level = self.level or categories.get(self.category).level
        object.__setattr__(self, "level", level)
        if level not in categories.LEVELS:
            raise InvalidNotification(f"level is one of {', '.join(categories.LEVELS)}; got {level!r}.")
        self._check_words()
        for name, limit in LIMITS.items():
            check_text(name, getattr(self, name), limit)
        check_url(self.url)

    def _check_words(self) -> None:
        if bool(self.title.strip()) == bool(self.verb):
            raise InvalidNotification("Give either a title or a verb; got " + ("both." if self.verb else "neither."))
        try:
            packed = json.dumps(dict(self.params), ensure_ascii=False, allow_nan=False)
            packed.encode()
        except (TypeError, ValueError, RecursionError):
            raise InvalidNotification("params holds names with texts and numbers (JSON).") from None
        if len(packed) > PARAMS_LIMIT or NUL.search(packed):
            raise InvalidNotification(f"params takes at most {PARAMS_LIMIT} characters of JSON, without NUL.")
        object.__setattr__(self, "params", json.loads(packed))  # as the database will give them back
        if self.verb:
            verbs.check(self.verb, self.parts())

    def parts(self) -> dict[str, Any]:
        return {"actor": self.actor_name, "target": self.target_label, **self.params}

    def fields(self) -> dict[str, Any]:
        """The columns of a notification that are its content."""
        return asdict(self)

    def message(self) -> dict[str, Any]:
        """What must be the same where the key is. People and things may have got another name since, or be gone."""
        return {name: value for name, value in self.fields().items() if name not in NAMES}


NAMES = {"actor_id", "actor_name", "target_label"}

LIMITS = {
    "title": TITLE_LIMIT,
    "body": BODY_LIMIT,
    "url": URL_LIMIT,
    "reason": REASON_LIMIT,
    "actor_name": 150,
    "target": 200,
    "target_label": 200,
    "group_key": GROUP_KEY_LIMIT,
}


def random_key() -> str:
    """For whatever is to happen once, however often it is asked for."""
    return secrets.token_urlsafe(16)


def check_text(name: str, value: str, limit: int) -> None:
    if len(value) > limit:
        raise InvalidNotification(f"{name} takes at most {limit} characters; got {len(value)}.")
    if "\x00" in value:
        raise InvalidNotification(f"{name} must not contain the NUL character.")
    if re.search("[\ud800-\udfff]", value):
        raise InvalidNotification(f"{name} contains half of a character (a lone surrogate).")


def check_url(url: str) -> None:
    """Only http(s) links and paths of this site. Browsers read a backslash as a slash, and skip tabs and newlines."""
    if not url:
        return
    wrong = InvalidNotification(f"url is an http(s) link or a path of this site that starts with /; got {url[:80]!r}.")
    if re.search(r"[\s\\\x00-\x1f]", url):
        raise wrong
    if url.startswith("/"):
        if url.startswith("//"):
            raise wrong
        return
    try:
        parts = urlsplit(url)
    except ValueError:
        raise wrong from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise wrong


def check_key(key: str) -> None:
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise InvalidNotification(f"key is 1 to 100 of A-Z, a-z, 0-9, - and _; got {key!r:.120}.")
    if key in RESERVED_KEYS or key.startswith(RESERVED_STARTS):
        raise InvalidNotification(f"The key {key!r} is reserved; take another.")
