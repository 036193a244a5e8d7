"""A writer: a process of the site that does what it is told by lines of JSON, and says what it has committed.

``python -m notifications.tests.faults.writer`` reads ``[number, verb, arguments]`` from its input and answers
``[number, result]``, in any order: each is done in a thread of its own.
"""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from itertools import count
from typing import Any

PATIENCE = 300.0  # seconds until a test gives up; never a pause

VERBS: dict[str, Any] = {}


def verb(function: Any) -> Any:
    VERBS[function.__name__] = function
    return function


@verb
def make_readers(first: int, number: int, staff: bool = False) -> list[dict[str, Any]]:
    """Readers with a session each."""
    from datetime import timedelta

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session
    from django.utils.timezone import now

    from notifications.models import Inbox

    users = get_user_model()
    names = [f"reader-{n:05d}" for n in range(first, first + number)]
    users.objects.bulk_create([users(username=name, password="!", is_staff=staff) for name in names])
    made = list(users.objects.filter(username__in=names).order_by("username"))
    Inbox.objects.of_users(user.pk for user in made)
    inboxes = dict(Inbox.objects.filter(user__in=made).values_list("user_id", "pk"))
    sessions = []
    for user in made:
        data = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
        session = Session(session_key=f"session{user.pk:025d}", session_data=SessionStore().encode(data))
        session.expire_date = now() + timedelta(days=1)
        sessions.append(session)
    Session.objects.bulk_create(sessions)
    return [
        {"user": user.pk, "inbox": inboxes[user.pk], "cookie": f"{settings.SESSION_COOKIE_NAME}={session.session_key}"}
        for user, session in zip(made, sessions, strict=True)
    ]


def person(pk: int) -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get(pk=pk)


@verb
def send(user: int, key: str) -> tuple[str, float]:
    """One notification; its key, and when it was committed."""
    from notifications.delivery import notify

    notify(person(user), title=f"Lunch {key}", key=key)
    return key, time.time()


@verb
def send_each(users: list[int], keys: list[str], seconds: float = 0.0) -> list[tuple[int, str, float]]:
    """One after the other, spread over so many seconds."""
    from notifications.delivery import notify

    people = {user: person(user) for user in set(users)}
    began, sent = time.monotonic(), []
    for n, (user, key) in enumerate(zip(users, keys, strict=True)):
        PAUSE.wait(max(0.0, began + seconds * n / len(users) - time.monotonic()))
        notify(people[user], title=f"Lunch {key}", key=key)
        sent.append((user, key, time.time()))
    return sent


@verb
def send_many(users: list[int], key: str) -> float:
    from django.contrib.auth import get_user_model

    from notifications.delivery import notify_many

    people = {user.pk: user for user in get_user_model().objects.filter(pk__in=users)}
    notify_many([people[user] for user in users], title=f"Lunch {key}", key=key)
    return time.time()


@verb
def send_storm(users: list[int], rounds: int, seconds: float) -> list[tuple[int, str, float]]:
    """To all of them in each round, and every tenth round to each of them alone; spread over so many seconds."""
    began, sent = time.monotonic(), []
    for n in range(rounds):
        PAUSE.wait(max(0.0, began + seconds * n / rounds - time.monotonic()))
        if n % 10 == 9:
            sent += send_each(users, [f"n-{n}"] * len(users))
        else:
            at = send_many(users, f"n-{n}")
            sent += [(user, f"n-{n}", at) for user in users]
    return sent


@verb
def roll_back(user: int, key: str) -> None:
    from django.db import transaction

    from notifications.delivery import notify

    with transaction.atomic():
        notify(person(user), title=f"Never {key}", key=key)
        transaction.set_rollback(True)


@verb
def hold(user: int, key: str, name: str) -> float:
    """A transaction that commits when ``may_commit(name)`` is said."""
    from django.db import transaction

    from notifications.delivery import notify

    with transaction.atomic():
        notify(person(user), title=f"Lunch {key}", key=key)
        WAITING.setdefault(name, threading.Event()).wait(60)
    return time.time()


@verb
def may_commit(name: str) -> None:
    WAITING.setdefault(name, threading.Event()).set()


@verb
def send_long(users: list[int], keys: list[str], seconds: float) -> list[tuple[int, str, float]]:
    """Each with as much text as a list shows of it. Spread over so many seconds, since what is too much for one frame
    comes as the list's first page, which is small."""
    from notifications.delivery import notify

    people, sent, began = {user: person(user) for user in set(users)}, [], time.monotonic()
    for n, (user, key) in enumerate(zip(users, keys, strict=True)):
        PAUSE.wait(max(0.0, began + seconds * n / len(users) - time.monotonic()))
        notify(people[user], title=f"Lunch {key}", body="Pumpkin soup. " * 280, key=key)
        sent.append((user, key, time.time()))
    return sent


@verb
def abandon(users: list[int], key: str) -> float:
    """Committed, and left without stamp and nudge, as by a writer that has died."""
    from unittest.mock import patch

    from notifications import delivery

    with patch.object(delivery, "settle", lambda inbox_ids: None):
        return send_many(users, key)


@verb
def snooze(user: int, key: str, seconds: float) -> None:
    from datetime import timedelta

    from notifications.models import Inbox, clock

    Inbox.objects.of(person(user)).snooze(key, until=clock.now() + timedelta(seconds=seconds))


@verb
def broadcast(title: str, seconds: float = 0.0) -> None:
    """To everybody, that soon."""
    from datetime import timedelta

    from notifications.broadcasting import broadcast as publish
    from notifications.models import clock

    publish(title, body="Soup.", starts_at=clock.now() + timedelta(seconds=seconds) if seconds else None)


@verb
def sql(statement: str) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@verb
def lock(table: str, seconds: float) -> None:
    """Nobody else may touch this table for so long."""
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        PAUSE.wait(seconds)


@verb
def truth(inboxes: list[int]) -> dict[str, Any]:
    """What the database has: the board's revision, and of each inbox its revision and its keys as a page lists them."""
    from notifications.models import Notification

    rows: dict[int, list[tuple[int, str]]] = {inbox: [] for inbox in inboxes}
    listed = Notification.objects.filter(inbox__in=inboxes).active().exclude(key__startswith="broadcast-")
    for inbox, arrival, key in listed.order_by("-arrival").values_list("inbox_id", "arrival", "key"):
        rows[inbox].append((arrival, key))
    return {**standing(inboxes), "rows": list(rows.items())}


@verb
def standing(inboxes: list[int]) -> dict[str, Any]:
    """The same without rows; and how much is committed and not stamped yet."""
    from notifications.models import Board, Inbox, Notification

    revisions = list(Inbox.objects.filter(pk__in=inboxes).values_list("pk", "revision"))
    pending = Notification.objects.pending().filter(inbox__in=inboxes).count()
    return {"board": Board.load().revision, "pending": pending, "revisions": revisions}


@verb
def make_room(users: list[int], name: str) -> int:
    """A room with these people in it, the first of whom keeps it."""
    from notifications.models import Inbox, Thread

    inboxes = [Inbox.objects.of(person(user)) for user in users]
    room = Thread.make_room(name, name, inboxes[0], is_open=False)
    room.admit([inbox.pk for inbox in inboxes])
    return room.pk


@verb
def speak(thread: int, users: list[int], texts: list[str], seconds: float = 0.0) -> list[tuple[int, str, float]]:
    """In turn, and each tenth message is changed; spread over so many seconds."""
    from notifications import threads
    from notifications.models import Allowance, Thread

    people = {user: person(user) for user in users}
    began, said = time.monotonic(), []
    for n, text in enumerate(texts):
        PAUSE.wait(max(0.0, began + seconds * n / len(texts) - time.monotonic()))
        author = people[users[n % len(users)]]
        message = threads.say(author, Thread.objects.get(pk=thread), text, key=text)
        if n % 10 == 9:
            threads.edit(author, message, f"{text} (changed)")
        said.append((author.pk, text, time.time()))
    Allowance.objects.all().delete()
    return said


@verb
def room_truth(thread: int) -> dict[str, Any]:
    """What the room says, from top to bottom, who is there, and of each who is in it how far they have read and what
    rings for it."""
    from django.db.models import Sum

    from notifications.models import Notification, Thread, ThreadPresence

    room = Thread.objects.get(pk=thread)
    ringing = Notification.objects.unread().filter(key__startswith=f"message-{thread}-")
    rung = ringing.values("inbox").annotate(count=Sum("group_size"))
    return {
        "revision": room.revision,
        "tell_at": str(room.tell_at or ""),
        "messages": list(room.messages.shown().order_by("number").values_list("number", "body")),
        "here": sorted(set(ThreadPresence.now_in([thread]).values_list("inbox", flat=True))),
        "read": list(room.follows.values_list("inbox", "read_number")),
        "rung": list(rung.values_list("inbox", "count")),
    }


PAUSE = threading.Event()  # never set: to wait on it is to sleep
WAITING: dict[str, threading.Event] = {}
_speaking = threading.Lock()


def main() -> None:
    import django

    django.setup()
    for line in sys.stdin:
        threading.Thread(target=do, args=json.loads(line), daemon=True).start()


def do(number: int, name: str, arguments: list[Any]) -> None:
    from django.db import connections

    try:
        answer = [number, True, VERBS[name](*arguments)]
    except Exception as error:
        answer = [number, False, f"{type(error).__name__}: {error}"]
    finally:
        connections.close_all()
    with _speaking:
        print(json.dumps(answer), flush=True)


class Failed(Exception):
    """What a writer was told to do has failed there."""


class Gone(Failed):
    """The writer has died before it answered."""


class Writer:
    """The tests' end of one: ``writer.send(7, "key")`` is the answer, ``writer.begin("send", 7, "key")`` its future."""

    def __init__(self, environment: dict[str, str], directory: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "notifications.tests.faults.writer"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(directory / "writer.log").open("ab"),
            text=True,
        )
        self._numbers = count()
        self._waiting: dict[int, Future[Any]] = {}
        self._asking = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def begin(self, name: str, *arguments: Any) -> Future[Any]:
        with self._asking:
            number, answer = next(self._numbers), Future[Any]()
            self._waiting[number] = answer
            try:
                self._process.stdin.write(json.dumps([number, name, arguments]) + "\n")
                self._process.stdin.flush()
            except OSError:
                answer.set_exception(Gone(name))
        return answer

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.begin(name, *arguments).result(PATIENCE)

    def _listen(self) -> None:
        for line in self._process.stdout:
            number, is_good, answer = json.loads(line)
            waiting = self._waiting.pop(number)
            if is_good:
                waiting.set_result(answer)
            else:
                waiting.set_exception(Failed(answer))
        self._process.wait()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Gone("The writer has died."))

    @property
    def is_dead(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notifications.tests.faults.settings")
    main()
