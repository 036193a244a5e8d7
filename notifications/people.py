"""Finding people by what somebody types of their names."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from .mentions import users_named
from .models import Block, Inbox
from .thread_lists import Person, person_of

NAME_FIELDS = ("username", "display_name", "first_name", "last_name")
WORDS_LIMIT = 10
TYPED_LIMIT = 100  # characters
SUGGESTIONS = 8


def typed_name(text: str) -> str:
    return text.replace("\x00", "").strip()[:TYPED_LIMIT]


def people_like(typed: str, *more_fields: str) -> QuerySet[Any]:
    """The active users in whose names each of these words stands; nobody for no word."""
    users: Any = get_user_model()
    there = {field.name for field in users._meta.get_fields()}
    fields = [name for name in dict.fromkeys((users.USERNAME_FIELD, *NAME_FIELDS, *more_fields)) if name in there]
    words = typed_name(typed).split()[:WORDS_LIMIT]
    found = users._default_manager.filter(is_active=True).order_by(users.USERNAME_FIELD)
    for word in words:
        found = found.filter(Q(*[(f"{name}__icontains", word) for name in fields], _connector=Q.OR))
    return found if words else found.none()


def readers_like(typed: str, inbox: Inbox) -> list[Person]:
    """Whom this reader may mean to write to. Who has blocked them is nobody; and addresses are nobody's to guess, so
    they are not looked at."""
    blocking = Block.objects.filter(user=inbox.user_id).values("inbox__user")
    found = people_like(typed).exclude(pk=inbox.user_id).exclude(pk__in=blocking)
    return [person_of(user) for user in found[:SUGGESTIONS]]


def reader_named(name: str) -> Any:
    """The active user of that user name, with or without an @; None where there is none."""
    return readers_named([name]).get(bare(name))


def readers_named(names: list[str]) -> dict[str, Any]:
    """The active users among these user names, by the names that were given."""
    return users_named([bare(name) for name in names])


def bare(name: str) -> str:
    return name.strip().removeprefix("@")
