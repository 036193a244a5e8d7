"""Verbs: what happened, as a translatable text that is rendered when it is shown.

Any installed app may have a module ``verbs.py`` that calls :func:`register`; it is imported at start. The text names
its parts in braces, ``_("{actor} commented on {target}")``; ``actor`` and ``target`` are always there, the others come
from ``params``.
"""

import re
from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

PART = re.compile(r"\{([a-z][a-z0-9_]*)\}")
DEEPEST = 4  # texts within texts; what is below shows nothing
LONGEST = 4_000  # characters of one text with its parts


class UnknownVerb(ValueError):
    """A verb that nobody registered."""


_registry: dict[str, str | Promise] = {}
_many: dict[str, str | Promise] = {}
_quoting: set[str] = set()


def register(name: str, text: str | Promise, *, many: str | Promise = "", quotes: bool = False) -> None:
    """Make a verb known, such as ``register("comment.added", _("{actor} commented on {target}"))``.

    ``many`` is its text where one row stands for several events, ``{count}`` of them. ``quotes`` says that the body is
    somebody's own words: it is shown as it was given, and never looked up in a catalogue.
    """
    _registry[name] = text
    _many.pop(name, None)
    _quoting.discard(name)
    if many:
        _many[name] = many
    if quotes:
        _quoting.add(name)


def quotes(name: str) -> bool:
    return name in _quoting


def check(name: str, params: Mapping[str, object]) -> None:
    """Raise UnknownVerb for a verb that is not registered, ValueError for a part that nobody gave."""
    if name not in _registry:
        raise UnknownVerb(f"Unknown verb {name!r}. Known: {', '.join(sorted(_registry)) or 'none'}.")
    missing = sorted(set(PART.findall(str(_registry[name]))) - set(params))
    if missing:
        raise ValueError(f"The verb {name!r} needs {', '.join(missing)}; got {', '.join(params) or 'nothing'}.")


def texts() -> dict[str, str]:
    """The sentences in the active language, without their parts, by the name of the verb."""
    return {name: PART.sub(" ", str(text)) for name, text in _registry.items()}


def fill(text: str, params: Mapping[str, object], depth: int = 0) -> str:
    """The text with its parts. One that is gone shows its name: what is shown stays readable.

    Params are data, and may be somebody's who means harm: texts that name themselves many times, within each other,
    would grow without end. So each part is made once, not too deep, and no text becomes too long.
    """
    parts = {name: said(params.get(name, name), depth + 1) for name in set(PART.findall(text))}
    return PART.sub(lambda part: parts[part[1]], text)[:LONGEST]


def said(part: object, depth: int = 0) -> str:
    """A part as it is shown: {"text": ..., "params": ...} is a text of the code, in the active language."""
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        params = part.get("params")
        if not part["text"] or depth > DEEPEST:
            return ""
        return fill(gettext(part["text"]), params if isinstance(params, Mapping) else {}, depth)
    return str(part)[:LONGEST]


def text_of(name: str, count: int) -> str:
    """In the active language, for so many events. A verb that is gone shows its name."""
    return str((_many.get(name) if count > 1 else None) or _registry.get(name, name))


def render_text(name: str, params: Mapping[str, object], count: int = 1) -> str:
    """The sentence in the active language."""
    return fill(text_of(name, count), params)


def render_html(name: str, params: Mapping[str, object], count: int = 1) -> SafeString:
    """The same, escaped, each part isolated for mixed writing directions."""
    pieces = PART.split(text_of(name, count))
    html = [
        format_html("<bdi>{}</bdi>", isolated(params.get(piece, piece))) if odd else conditional_escape(piece)
        for odd, piece in zip([i % 2 for i in range(len(pieces))], pieces, strict=True)
    ]
    return mark_safe("".join(html))  # every piece is escaped above


def isolated(part: object) -> object:
    """A part of a sentence in HTML. What is HTML already stays so."""
    return part if hasattr(part, "__html__") else said(part)


register("account.created", _("{actor} has joined"))
register("account.new_browser", _("New sign-in from {browser}"))
register("broadcast.reminder", _("Please confirm that you have read “{target}”"))
register("echo.sent", _("A test of the live connection"))
register("job.succeeded", _("{job} is done"))
register("job.failed", _("{job} failed"))
register("job.cancelled", _("{job} was cancelled"))
register("job.lost", _("{job} was cut off"))
register("thread.said", _("{actor} wrote to you"), many=_("{actor} wrote to you: {count} new"), quotes=True)
register("thread.mentioned", _("{actor} mentioned you in {target}"), quotes=True)
register("room.said", _("{actor} in {target}"), many=_("{actor} in {target}: {count} new"), quotes=True)
register("room.invited", _("{actor} has invited you to {target}"), quotes=True)
register("message.reported", _("{actor} has reported a message of {author}"), quotes=True)
