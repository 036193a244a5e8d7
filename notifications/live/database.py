"""The hub's questions to the database, asked on a few threads of its own.

Channels' own way, one shared thread for every consumer, stalls all sockets while unrelated work holds it. The threads
keep their connections; after an error they begin anew.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import DatabaseError, connections
from django.template.loader import render_to_string
from django.utils import translation

from notifications.models import Board, Inbox

from . import sessions
from .frames import Frame, frames_for
from .positions import Position

T = TypeVar("T")

THREADS = 4
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="belfry-hub")


async def ask(question: Callable[..., T], *args: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, answered, question, args)


def answered(question: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    try:
        return question(*args)
    except DatabaseError:
        connections.close_all()
        raise


async def close_connections() -> None:
    """Close the database connections of every thread."""
    everyone = threading.Barrier(THREADS)

    def close() -> None:
        everyone.wait(timeout=30)  # so that each thread takes one
        connections.close_all()

    await asyncio.gather(*(ask(close) for _ in range(THREADS)))


async def frames(wanted: dict[int, set[Position]]) -> dict[int, dict[Position, Frame]]:
    return await ask(frames_for, wanted)


async def users_of(session_keys: set[str]) -> dict[str, Any]:
    return await ask(sessions.users_of, session_keys)


async def reader_of(session_key: str) -> tuple[Any, Inbox, str] | None:
    """(user, inbox, epoch) for a signed-in session, or None."""

    def find() -> tuple[Any, Inbox, str] | None:
        user = sessions.users_of({session_key}).get(session_key)
        return (user, Inbox.objects.of(user), Board.load().epoch) if user else None

    return await ask(find)


async def standing(inbox_ids: list[int]) -> tuple[str, dict[int, tuple[int, int]]]:
    """The epoch, and (revision, access) of each of these inboxes."""

    def find() -> tuple[str, dict[int, tuple[int, int]]]:
        epoch = Board.load().epoch
        rows = Inbox.objects.filter(pk__in=inbox_ids).values_list("pk", "revision", "access")
        return epoch, {pk: (revision, access) for pk, revision, access in rows}

    return await ask(find)


async def signed_out_notice(position: Position) -> str:
    return await ask(notice, "notifications/_signed_out.html", position.language)


async def someone_else_notice(position: Position) -> str:
    return await ask(notice, "notifications/_someone_else.html", position.language)


async def new_build_notice(position: Position) -> str:
    said = await ask(notice, "notifications/_new_build.html", position.language)
    return f'<hx-partial hx-target="#alerts" hx-swap="innerHTML">{said}</hx-partial>'


def notice(template: str, language: str) -> str:
    with translation.override(language):
        return render_to_string(template, {"oob": True})
