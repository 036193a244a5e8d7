"""A broadcast to thousands of open pages of one server process: until the first and the last of them has it.

Every socket is a signed-in reader of its own, through the whole stack: origin, session, resume, hub. The clock starts
when staff publish, in another process than the server's. Each broadcast must come to each of them exactly once.
As in life hardly two readers have the same numbers, and some have loaded older pages.
"""

import asyncio
import contextlib
import resource
import statistics
import sys
import time
from typing import Any

from _site import running_site, table
from _sockets import Socket

SOCKETS = 5_000
BROADCASTS = 5
AT_ONCE = 100  # sockets that open together
PATIENCE = 60.0  # seconds


def main() -> None:
    allow_files(SOCKETS + 500)
    with running_site() as site:
        readers = make_readers(SOCKETS)
        opened, times = asyncio.run(measure(site.port, readers))
    report(opened, times)


def allow_files(count: int) -> None:
    """For this process and for the site's, which inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        sys.exit(f"This benchmark opens {count} files; the limit here is {hard} (ulimit -Hn).")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def make_readers(count: int) -> list[tuple[str, dict[str, str]]]:
    """The cookie and the resume form of each."""
    from datetime import timedelta

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session
    from django.utils.timezone import now

    from notifications.models import Board, Inbox

    users = get_user_model()
    users.objects.bulk_create([users(username=f"reader{number}", password="!") for number in range(count)])
    made = list(users.objects.filter(username__startswith="reader").order_by("pk"))
    Inbox.objects.of_users(user.pk for user in made)
    inboxes = {inbox.user_id: inbox for inbox in Inbox.objects.all()}
    give_numbers([inboxes[user.pk] for user in made])
    board, store, sessions, readers = Board.load(), SessionStore(), [], []
    for number, user in enumerate(made):
        data = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
        key = f"{number:032d}"
        expires = now() + timedelta(days=1)
        sessions.append(Session(session_key=key, session_data=store.encode(data), expire_date=expires))
        readers.append((key, form_of(inboxes[user.pk], board, bottom=number % 7 * 1_000)))
    Session.objects.bulk_create(sessions)
    return readers


def give_numbers(inboxes: list[Any]) -> None:
    for number, inbox in enumerate(inboxes):
        inbox.revision = number % 1_000
        inbox.unread_count, inbox.unseen_count = number % 211, number % 103
        inbox.counts = {"all": number % 503, "archived": number % 307, "category:general": number % 401}
    type(inboxes[0]).objects.bulk_update(inboxes, ["revision", "unread_count", "unseen_count", "counts"], 500)


def form_of(inbox: Any, board: Any, bottom: int) -> dict[str, str]:
    """``bottom`` is the place of the oldest item that the page has loaded."""
    from django.conf import settings

    stamp = f"{inbox.revision}.{board.revision}"
    where = {"since": str(inbox.revision), "board": str(board.revision)}
    where |= {"bottom": f"{bottom}@{stamp}", "epoch": board.epoch}
    page = {"inbox": str(inbox.pk), "view": "feed:all", "bell": "", "bell_at": "", "title": "Inbox"}
    return {**where, **page, "language": "en", "zone": "UTC", "build": settings.BUILD_ID, "receipt": ""}


async def measure(port: int, readers: list[tuple[str, dict[str, str]]]) -> tuple[float, list[list[float]]]:
    """Seconds until all were open, and for each broadcast those from its publication to each socket."""
    began = time.time()
    sockets = await open_all(port, readers)
    opened = time.time() - began
    await asyncio.sleep(5)  # the resumes are answered; nothing else is measured then
    times = []
    for number in range(BROADCASTS):
        name = str(number).encode()
        at = await asyncio.to_thread(publish, number)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(socket.has(name) for socket in sockets))
        await asyncio.sleep(2.5)  # a sweep: whatever came twice would have come by now
        assert all(len(socket.arrivals[name]) == 1 for socket in sockets), "A broadcast came twice."
        times.append([socket.arrivals[name][0] - at for socket in sockets])
    return opened, times


async def open_all(port: int, readers: list[tuple[str, dict[str, str]]], marker: bytes = b"<bdi>@@") -> list[Socket]:
    loop, sockets = asyncio.get_running_loop(), []
    for start in range(0, len(readers), AT_ONCE):
        some = [Socket(port, cookie, form, marker) for cookie, form in readers[start : start + AT_ONCE]]
        for one in some:
            await loop.create_connection(lambda one=one: one, "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.gather(*(one.opened for one in some))
        sockets += some
    return sockets


def publish(number: int) -> float:
    from django.db import connection

    from notifications.models import Broadcast, Content

    with contextlib.closing(connection):
        draft = Broadcast.draft(
            Content(title=f"@@{number}@@ Maintenance on Sunday", body="We **move**.", placement="inbox")
        )
        at = time.time()
        draft.publish()
        return at


def report(opened: float, times: list[list[float]]) -> None:
    print(f"\nOne broadcast to {SOCKETS:,} open pages of one server process; medians of {BROADCASTS}, seconds:\n")
    first, middle, last = (
        statistics.median(measure(one) for one in times) for measure in (min, statistics.median, max)
    )
    rates = statistics.median(SOCKETS / (max(one) - min(one)) for one in times)
    table(
        ["", "first", "median", "last", "pages/s"],
        [["Belfry", f"{first:.3f}", f"{middle:.3f}", f"{last:.3f}", rates]],
    )
    print(
        f"\nAll of them had each broadcast, none twice. Opening them took {opened:.1f} s ({SOCKETS / opened:,.0f}/s)."
    )


if __name__ == "__main__":
    main()
