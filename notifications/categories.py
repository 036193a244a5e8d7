"""The kinds of notifications that this site knows, registered in code.

Any installed app may have a module ``categories.py`` that calls :func:`register`; it is imported at start.
"""

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

LEVELS = ("info", "success", "warning", "error")
NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class UnknownCategory(ValueError):
    """A category that nobody registered."""


@dataclass(frozen=True)
class Category:
    name: str
    label: str | Promise
    icon: str = "bell"
    level: str = "info"
    required: bool = False


_registry: dict[str, Category] = {}


def register(
    name: str, label: str | Promise, *, icon: str = "bell", level: str = "info", required: bool = False
) -> Category:
    """Make a category known. ``required`` ones cannot be switched off by readers.

    ``icon`` names a symbol of ``templates/_icons.html``; ``level`` is the default of its notifications.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"A category's name is up to 40 of a-z, 0-9, - and _, starting with a letter; got {name!r}.")
    if level not in LEVELS:
        raise ValueError(f"A level is one of {', '.join(LEVELS)}; got {level!r}.")
    _registry[name] = Category(name, label, icon, level, required)
    return _registry[name]


def get(name: str) -> Category:
    """The category of that name. Raises UnknownCategory, which lists the known ones."""
    try:
        return _registry[name]
    except KeyError:
        raise UnknownCategory(f"Unknown category {name!r}. Known: {', '.join(sorted(_registry))}.") from None


def find(name: str) -> Category:
    """The category of that name; for one that was registered once and is no more, a plain stand-in."""
    return _registry.get(name) or Category(name, name)


def everything() -> list[Category]:
    """All categories in the order of their registration."""
    return list(_registry.values())


register("general", _("General"))
register("people", _("People"), icon="people")
register("messages", _("Messages"), icon="chat")
register("rooms", _("Rooms"), icon="door")
register("announcements", _("Announcements"), icon="megaphone", required=True)
register("jobs", _("Jobs"), icon="gear", required=True)
register("security", _("Security"), icon="shield", level="warning", required=True)
