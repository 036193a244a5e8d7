"""Mentions: "@bo" in a text, where somebody has that name."""

import re
from typing import Any

from django.contrib.auth import get_user_model

MENTION = re.compile(r"(?<![\w@])@([\w.+-]{1,150})")
LIMIT = 20  # people in one text; the others are not told


def mentioned_in(text: str) -> dict[str, int]:
    """The names in it that are an active user's, as they stand there, and whose. A full stop may end the sentence."""
    words = list(dict.fromkeys(MENTION.findall(text)))
    names = {name for word in words for name in (word, word.rstrip(".+-"))} - {""}
    if not names:
        return {}
    users: Any = get_user_model()
    found = users._default_manager.filter(is_active=True, **{f"{users.USERNAME_FIELD}__in": names})
    known = {user.get_username(): user.pk for user in found}
    said = [name for word in words for name in (word, word.rstrip(".+-")) if name in known]
    return {name: known[name] for name in list(dict.fromkeys(said))[:LIMIT]}
