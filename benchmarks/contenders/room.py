"""A room of Belfry's, whole: everybody has it open and looks at it, and they speak in turn."""

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from config.tests.site import free_port

from . import Door, House, valkey
from .belfry import Belfry

IN_A_MESSAGE = "<p>"


class Room(Belfry):
    module = "room"
    most = 60  # messages in one block: what its people may say in a minute is far more

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self.name = self.name.replace("Belfry", "A room of Belfry's")

    @contextmanager
    def running(self, directory: Path, sockets: int) -> Iterator[House]:
        pages, port = self.grounds.copy(directory), free_port()
        own = self.environment(directory, port)
        command = [sys.executable, "-m", "benchmarks.inside.room", str(sockets), str(pages)]
        subprocess.run(command, cwd=ROOT, env=own, check=True)
        with valkey(directory) as bus, self.server(directory, port, own) as server:
            yield House(server, self.door(port, pages), str(bus), own)

    def door(self, port: int, pages: Path) -> Door:
        return Door(port, "/ws/live/", pages, "belfry_session", before=IN_A_MESSAGE)


class Sender:
    """In a process of its own, as readers' requests are."""

    def __init__(self, address: str) -> None:
        import django

        django.setup()
        from notifications.models import Thread
        from notifications.thread_lists import members_of

        self.room = Thread.objects.get()
        self.people = [inbox.user for inbox in members_of(self.room)]

    def prepare(self, numbers: Iterable[int]) -> None:
        """There is nothing to prepare."""

    def send(self, number: int) -> None:
        from notifications.threads import say

        self.room.refresh_from_db()
        say(self.people[number % len(self.people)], self.room, f"@@{number}@@ Is **soup** all right for everybody?")

    def calls(self, times: int) -> list[float]:
        """Seconds that whoever speaks waits, for each of so many messages that nobody waits for."""
        from notifications.models import Allowance
        from notifications.threads import say

        calls = []
        for number in range(times):
            self.room.refresh_from_db()
            began = time.perf_counter()
            say(self.people[number % len(self.people)], self.room, "Is **soup** all right for everybody?")
            calls.append(time.perf_counter() - began)
        Allowance.objects.all().delete()
        return calls

    def clear(self) -> None:
        """What was said stays; what its people may say is theirs again."""
        from notifications.models import Allowance

        Allowance.objects.all().delete()
