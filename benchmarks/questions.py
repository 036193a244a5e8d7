"""What one open page, one page load and one notification cost: processor time of the server and of PostgreSQL.

No sockets here: the hub's own questions are asked by this process, for ten thousand readers, of a PostgreSQL of its
own, and the processor time of both is read before and after. docs/scaling.md computes with these figures:
`python -m benchmarks.questions`.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from .ci import postgresql

READERS = int(os.environ.get("READERS", "10000"))
SOME = int(os.environ.get("SOME", "300"))  # of them, where each is one request or one notification of its own


def main() -> None:
    with postgresql() as url, tempfile.TemporaryDirectory(prefix="belfry-bench-") as directory:
        os.environ |= {"DATABASE_URL": url, "VAR_DIR": directory, "DEBUG": "0", "HTTPS": "0", "SECRET_KEY": "k" * 50}
        os.environ |= {"ALLOWED_HOSTS": "testserver", "LOG_LEVEL": "ERROR", "DJANGO_SETTINGS_MODULE": "config.settings"}
        import django

        django.setup()
        prepare()
        rows = [[name, own * 1e6, its * 1e6] for name, (own, its) in measure().items()]
    print(f"\nProcessor time, microseconds each, with {READERS:,} readers:\n")
    print(f"{'':<40}{'Belfry':>12}{'PostgreSQL':>12}")
    for name, own, its in rows:
        print(f"{name:<40}{own:>12,.1f}{its:>12,.1f}")


def prepare() -> None:
    from django.core.management import call_command

    from notifications.live import push

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    push.Sender.put = lambda sender, revisions: None  # type: ignore[method-assign]
    push.Sender.put_message = lambda sender, message: None  # type: ignore[method-assign]


def measure() -> dict[str, tuple[float, float]]:
    """Seconds of the server and of PostgreSQL, each divided by how many it was for."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client

    from notifications.delivery import notify, notify_many
    from notifications.live import database
    from notifications.live.frames import CHUNK, frames_for
    from notifications.live.positions import Position
    from notifications.models import Board, Broadcast, Content, Inbox, Presence

    from .readers import make_inboxes, make_sessions

    keys = make_sessions(make_inboxes(READERS))
    users = list(get_user_model().objects.order_by("pk"))
    ids = list(Inbox.objects.order_by("pk").values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    def positions() -> dict[int, set[Position]]:
        """Where all pages stand: at the end of everything."""
        board = Board.load().revision
        stand = {"board": board, "view": "feed:all", "bottom": 0, "may_toast": True, "language": "en", "zone": "UTC"}
        return {pk: {Position(since=since, **stand)} for pk, since in Inbox.objects.values_list("pk", "revision")}

    def frames(at: dict[int, set[Position]], of: list[int]) -> None:
        board = Board.load()
        for start in range(0, len(of), CHUNK):
            frames_for({pk: at[pk] for pk in of[start : start + CHUNK]}, (board.epoch, board.revision))

    def sweep() -> None:
        asked(database.standing(ids))
        asked(database.jobs_standing(ids, []))

    def publish() -> Broadcast:
        draft = Broadcast.draft(Content(title="Maintenance on Sunday", body="We **move**.", placement="inbox"))
        draft.publish()
        return draft

    def visit(path: str) -> None:
        for key in keys[:SOME]:
            client.cookies[settings.SESSION_COOKIE_NAME] = key
            assert client.get(path).status_code == 200

    client = Client()
    results: dict[str, tuple[float, float]] = {}

    def cost(name: str, count: int, work: Callable[[], object]) -> None:
        results[name] = tuple(seconds / count for seconds in timed(work))  # type: ignore[assignment]

    sweep(), Presence.renew(ids), visit("/inbox/")  # once, to warm up
    cost("sweep, per open page", READERS, sweep)
    cost("presence, per open page", READERS, lambda: Presence.renew(ids))
    cost("look at sessions, per open page", READERS, lambda: asked(database.sessions_standing(set(ids), set(keys))))
    cost("who is at a new socket, each", READERS, lambda: [database.readers_of(set(keys[i::10])) for i in range(10)])
    cost("page load", SOME, lambda: visit("/inbox/"))
    before = positions()
    cost("notify()", SOME, lambda: [notify(user, title="Lunch is ready") for user in users[:SOME]])
    cost("frame of one notification", SOME, lambda: frames(before, ids[:SOME]))
    cost("notify_many(), per recipient", READERS, lambda: notify_many(users, title="Dinner is ready"))
    before = positions()
    broadcast = publish()
    cost("frame of a broadcast", READERS, lambda: frames(before, ids))
    cost("own row of a broadcast, each", READERS, lambda: asked(database.reach({broadcast.pk: set(ids)})))
    return results


def asked(coroutine: object) -> object:
    """The answer, without the hub's threads."""
    from notifications.live import database

    async def here(question: Callable[..., object], *arguments: object) -> object:
        return question(*arguments)

    kept, database.ask = database.ask, here  # type: ignore[assignment]
    try:
        coroutine.send(None)  # type: ignore[attr-defined]
    except StopIteration as ended:
        return ended.value
    finally:
        database.ask = kept
    raise AssertionError("It waits for something.")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    own, its = time.process_time(), used(backend)
    work()
    return time.process_time() - own, used(backend) - its


def used(backend: Path) -> float:
    """Seconds on a processor, as Linux counts them to the nanosecond."""
    return int(backend.read_text().split()[0]) / 1e9


if __name__ == "__main__":
    main()
