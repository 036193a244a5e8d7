"""Topics: ``follow``, ``unfollow``, ``followers`` and ``notify_topic``, for everyone's own code.

A topic is a name of yours, such as "shop.order:17": whoever follows it gets what is said about it. Rooms are topics,
too ("room:ops"): their followers are who is in there.
"""

from collections.abc import Iterable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import models

from . import origins, targets
from .delivery import Sent, notify_many
from .models import Follow, Inbox, Level, Thread
from .models.follow import ROOM_START, THREAD_START, check_topic

Topic = str | models.Model


class UnknownRoom(ValueError):
    """There is no room of that name."""


def follow(user: Any, topic: Topic, level: str = Level.EVERYTHING) -> None:
    """Let a user follow a topic: a name, or an object, whose name is that of its model and its key ("shop.order:17").

    ``level`` is "everything", "mentions" (only what names them by ``mentioning``) or "nothing". Who follows already
    gets that level. Following "room:ops" is being in that room, which is no call for inside of a transaction. Raises
    ValueError for what is no topic, and UnknownRoom.
    """
    name, wanted = name_of(topic), Level(level)
    inbox = Inbox.objects.of(user)
    if name.startswith(ROOM_START):
        room_of(name).admit([inbox.pk])
    else:
        Follow.put([inbox.pk], name)
    Follow.objects.of(name).filter(inbox=inbox).update(level=wanted)


def unfollow(user: Any, topic: Topic) -> None:
    name = name_of(topic)
    inbox = Inbox.objects.of(user)
    if name.startswith(ROOM_START):
        room_of(name).let_go(inbox)
    else:
        Follow.objects.of(name).filter(inbox=inbox).delete()


def followers(topic: Topic) -> models.QuerySet[Any]:
    """The active users who follow it, at whatever level."""
    users: Any = get_user_model()
    following = Follow.objects.of(name_of(topic)).values("inbox__user")
    return users._default_manager.filter(is_active=True, pk__in=following)


def notify_topic(topic: Topic, *, key: str = "", mentioning: Iterable[Any] = (), **content: Any) -> Sent:
    """Put one notification into the inbox of everybody who follows the topic, but for the ``actor``.

    ``content`` is that of ``notify()``. Those at "mentions" get it where they are among ``mentioning``. Unless you give
    a ``group_key``, all that is said about a topic is one row. Returns what became of it, and raises what
    ``notify_many()`` raises, and ValueError for what is no topic.
    """
    name = name_of(topic)
    named = [user.pk for user in mentioning]
    wanting = models.Q(level=Level.EVERYTHING) | models.Q(level=Level.MENTIONS, inbox__user__in=named)
    actor = content.get("actor")
    ids = Follow.objects.of(name).filter(wanting).exclude(inbox__user=getattr(actor, "pk", None))
    users: Any = get_user_model()
    recipients = users._default_manager.filter(pk__in=ids.values("inbox__user"))
    return notify_many(recipients, key=key, **{"group_key": name, **content})


anotify_topic = origins.for_async(notify_topic)
afollow = sync_to_async(follow)
aunfollow = sync_to_async(unfollow)


def name_of(topic: Topic) -> str:
    name = check_topic(targets.name_of(topic) if isinstance(topic, models.Model) else topic)
    if name.startswith(THREAD_START):
        raise ValueError(f"The topic {name!r} belongs to a thread of two people, who follow it by themselves.")
    return name


def room_of(name: str) -> Thread:
    room = Thread.objects.rooms().filter(topic=name).first()
    if room is None:
        raise UnknownRoom(
            f"There is no room {name!r}. Rooms are begun on /threads/rooms/new/, or by threads.start_room()."
        )
    return room
