"""Who did something, as lists show it: initials, a colour, and a picture where the user model knows some."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db import models


class Face:
    """For rows with ``actor`` and ``actor_name``."""

    actor: Any
    actor_id: Any
    actor_name: Any

    @property
    def actor_initials(self) -> str:
        return "".join(word[0] for word in self.actor_name.split()[:2]).upper()

    @property
    def actor_face(self) -> str:
        """The address of the actor's picture; empty where there is none. See models/faces.py."""
        has_one = self.actor_id is not None and hasattr(get_user_model(), "avatar_url")
        return str(getattr(self.actor, "avatar_url", "")) if has_one else ""

    @property
    def actor_hue(self) -> int:
        """0 to 11, the same for the same name everywhere."""
        return sum(self.actor_name.encode()) % 12


def with_faces(rows: models.QuerySet[Any], user: str) -> models.QuerySet[Any]:
    """With what the picture of that user is made of, and with nothing else of them, by the same query."""
    needed = getattr(get_user_model(), "avatar_fields", None)
    if needed is None:
        return rows
    fields = [field for field in get_user_model()._meta.concrete_fields if not field.primary_key]
    return rows.select_related(user).defer(*(f"{user}__{one.name}" for one in fields if one.name not in needed))


def display_name(user: Any) -> str:
    """How everybody calls them."""
    full_name = getattr(user, "get_full_name", lambda: "")()
    return str(full_name or user.get_username())[:150]
