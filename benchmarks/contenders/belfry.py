"""Belfry, whole: the site as it runs in production, its database, its bus, signed-in pages, real broadcasts."""

import http.client
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.processes import Process
from config.tests.site import free_port

from . import Contender, Door, House, valkey
from .grounds import Grounds

UVICORN = "--lifespan=off --ws=websockets-sansio --ws-per-message-deflate=false --no-access-log --log-level=warning"
IN_A_ROW = "Select: <bdi>"  # a title stands in a row three times, and in its toast; here once


class Belfry(Contender):
    module = "belfry"
    most = 50  # broadcasts that are live at the same time: far more than in life
    catches_up = True
    quiet = 2.5  # pages acknowledge within two seconds

    def __init__(self, grounds: Grounds, server: str = "Daphne", frames_per_second: int = 4) -> None:
        self.grounds, self.kind, self.frames_per_second = grounds, server, frames_per_second
        self.name = self.name_of(server, frames_per_second)

    @staticmethod
    def name_of(server: str, frames_per_second: int) -> str:
        limit = f"{frames_per_second} frames/s and page" if frames_per_second else "no frame limit"
        return f"Belfry on {server}, {limit}"

    @contextmanager
    def running(self, directory: Path, sockets: int) -> Iterator[House]:
        pages, port = self.grounds.copy(directory), free_port()
        own = self.environment(directory, port)
        with valkey(directory) as bus, self.server(directory, port, own) as server:
            yield House(server, self.door(port, pages), str(bus), own)

    def environment(self, directory: Path, port: int) -> dict[str, str]:
        return self.grounds.environment(directory, port, FRAMES_PER_SECOND=str(self.frames_per_second))

    def door(self, port: int, pages: Path) -> Door:
        return Door(port, "/ws/live/", pages, "belfry_session", before=IN_A_ROW)

    @contextmanager
    def server(self, directory: Path, port: int, own: dict[str, str]) -> Iterator[Process]:
        """One that answers."""
        command = [sys.executable, "manage.py", "serve", "--port", str(port)]
        if self.kind == "uvicorn":
            command = [
                sys.executable,
                "-m",
                "uvicorn",
                "config.asgi:application",
                "--port",
                str(port),
                *UVICORN.split(),
            ]
        with Process(f"server-{port}", command, directory, is_server=True, environment=own) as server:
            server.wait_until(lambda: answers(port), "it answers")
            yield server


def answers(port: int) -> bool:
    asked = http.client.HTTPConnection("localhost", port, timeout=5)
    try:
        asked.request("GET", "/livez")
        return asked.getresponse().status == 200
    except OSError:
        return False
    finally:
        asked.close()


class Sender:
    """In a process of its own, as staff's requests are: publishes what has been drafted."""

    def __init__(self, address: str) -> None:
        import django

        django.setup()
        from django.contrib.auth import get_user_model

        self.by = get_user_model().objects.get(username="ada")
        self.drafts: dict[int, Any] = {}

    def prepare(self, numbers: Iterable[int]) -> None:
        from notifications.models import Broadcast, Content

        body = "We **move** to new machines on Sunday between eight and nine. Please save your work before."
        for number in numbers:
            content = Content(title=f"@@{number}@@ Maintenance on Sunday", body=body, placement="inbox")
            self.drafts[number] = Broadcast.draft(content, self.by)

    def send(self, number: int) -> None:
        self.drafts[number].publish(self.by)

    def gather(self, count: int, start: int = 0) -> None:
        """Whom ``send_to`` and ``send_many`` write to: so many readers, in the order of the sockets."""
        from django.contrib.auth import get_user_model

        readers = get_user_model().objects.filter(username__startswith="reader").order_by("username")
        self.people = list(readers[start : start + count])

    def send_to(self, number: int) -> None:
        from notifications.delivery import notify

        notify(self.people[number % len(self.people)], title=f"@@{number}@@ Your report is ready", body="Have a look.")

    def send_timed(self, number: int) -> float:
        """When it was committed."""
        from django.db import transaction

        committed: list[float] = []
        with transaction.atomic():
            transaction.on_commit(lambda: committed.append(time.time()))
            self.send_to(number)
        return committed[0]

    def send_many(self, number: int) -> None:
        from notifications.delivery import notify_many

        notify_many(self.people, title=f"@@{number}@@ Your report is ready", body="Have a look.")

    def nudge(self, times: int) -> list[float]:
        """Seconds that the caller pays for each nudge; of nothing new, so that no page gets a frame."""
        from notifications.live import push
        from notifications.models import Inbox

        inbox_ids = list(Inbox.objects.values_list("pk", flat=True)[:100])
        calls = []
        for number in range(times):
            began = time.perf_counter()
            push.nudge({inbox_ids[number % len(inbox_ids)]: 0})
            calls.append(time.perf_counter() - began)
            time.sleep(0.001)
        return calls

    def clear(self) -> None:
        """What has been published is over, and the rest is thrown away: the next block finds an empty board."""
        from notifications.models.broadcast import PUBLISHED

        for draft in self.drafts.values():
            if draft.state == PUBLISHED:
                draft.end(self.by)
            else:
                draft.discard()
        self.drafts.clear()
