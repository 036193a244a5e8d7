"""Channels as its tutorial has it: a consumer per socket in a group, `send_json`, signed in by AuthMiddlewareStack."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import Process
from config.tests.site import free_port

from . import HTML, Contender, Door, House, valkey
from .belfry import answers
from .grounds import Grounds


class Tutorial(Contender):
    module = "tutorial"

    def __init__(self, grounds: Grounds, layer: str = "core", path: str = "/ws/everyone/") -> None:
        self.grounds, self.layer, self.path = grounds, layer, path
        self.name = f"the Channels tutorial, {layer} layer"

    @contextmanager
    def running(self, directory: Path, sockets: int) -> Iterator[House]:
        sessions, port = sessions_of(self.grounds.copy(directory)), free_port()
        settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.rivals.tutorial_settings", "TUTORIAL_LAYER": self.layer}
        own = self.grounds.environment(directory, port, **settings)
        command = [sys.executable, "-m", "daphne", "-v0", "-p", str(port), "benchmarks.rivals.tutorial:application"]
        with valkey(directory) as bus, Process("server", command, directory, is_server=True, environment=own) as server:
            server.wait_until(lambda: answers(port), "it answers")
            yield House(server, Door(port, self.path, sessions, "belfry_session"), str(bus), own)


def sessions_of(pages: Path) -> Path:
    """The readers' sessions without their pages: its sockets say nothing."""
    path = pages.with_name("sessions")
    path.write_text("".join(line.partition("\t")[0] + "\n" for line in pages.open()))
    return path


class Sender:
    def __init__(self, address: str) -> None:
        import django

        django.setup()
        from asgiref.sync import async_to_sync
        from channels.layers import get_channel_layer

        self.group_send = async_to_sync(get_channel_layer().group_send)

    def prepare(self, numbers: Iterable[int]) -> None:
        """There is nothing to prepare."""

    def send(self, number: int) -> None:
        self.group_send("everyone", {"type": "notify", "key": str(number), "html": HTML.format(number=number)})

    def gather(self, count: int, start: int = 0) -> None:
        """Whom ``send_to`` writes to, in the order of the sockets."""
        from django.contrib.auth import get_user_model

        readers = get_user_model().objects.filter(username__startswith="reader").order_by("username")
        self.people = list(readers.values_list("pk", flat=True)[start : start + count])

    def send_to(self, number: int) -> None:
        group = f"user.{self.people[number % len(self.people)]}"
        self.group_send(group, {"type": "notify", "key": str(number), "html": HTML.format(number=number)})

    def send_timed(self, number: int) -> float:
        """When it began to."""
        began = time.time()
        self.send_to(number)
        return began

    def clear(self) -> None:
        """Nothing is left of what was sent."""
