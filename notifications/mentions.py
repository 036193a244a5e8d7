"""Mentions: "@bo" in a text, where somebody has that name."""

import re
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model

MENTION = re.compile(r"(?<![\w@])@([\w.+-]{1,150})")
LOOKED_AT = 200  # names in one text
LIMIT = 20  # people in one text; the others are not told


def mentioned_in(text: str) -> dict[str, int]:
    """The names in it that are an active user's, as they stand there, and whose. A full stop may end the sentence."""
    words = list(dict.fromkeys(MENTION.findall(text)))[:LOOKED_AT]
    said = list(dict.fromkeys(name for word in words for name in (word, word.rstrip(".+-")) if name))
    known = users_named(said)
    return {name: known[name].pk for name in [name for name in said if name in known][:LIMIT]}


def users_named(names: Iterable[str]) -> dict[str, Any]:
    """The active users of these names, by the names that were given. Where nobody is called "Bo", it may mean "bo"."""
    wanted = {written for name in names for written in (name, name.lower())}
    users: Any = get_user_model()
    found = users._default_manager.filter(is_active=True, **{f"{users.USERNAME_FIELD}__in": wanted}) if wanted else ()
    known = {user.get_username(): user for user in found}
    meant = {name: known.get(name) or known.get(name.lower()) for name in names}
    return {name: user for name, user in meant.items() if user is not None}
