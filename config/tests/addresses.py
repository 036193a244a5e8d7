"""All addresses of the site, with something of Bo's at the end of each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver

from notifications.delivery import notify
from notifications.job_files import private
from notifications.jobs import start_job
from notifications.models import Broadcast, Content, Job
from notifications.threads import block, report, start_room, write_to

ROOM_ACTS = ("members", "dismiss_member", "invite", "join_room", "leave_room", "edit_room")
TASK = SimpleNamespace(name="tests.count", title="Counting", max_attempts=1, restarts=False)
ARGUMENT = re.compile(r"<(?:\w+:)?(?P<path>\w+)>|\(\?P<(?P<re>\w+)>[^()]*\)")


@dataclass(frozen=True)
class Address:
    name: str  # with its namespace; of one without a name it is the route
    route: str

    @property
    def arguments(self) -> list[str]:
        return [found["path"] or found["re"] for found in ARGUMENT.finditer(self.route)]

    def path(self, given: dict[str, str]) -> str:
        path = ARGUMENT.sub(lambda found: given[found["path"] or found["re"]], self.route)
        return re.sub(r"[\\^$]", "", path)

    def __str__(self) -> str:
        return self.name


def addresses() -> list[Address]:
    """The first one of a route is the one that answers."""
    found: dict[str, Address] = {}
    for one in walk(get_resolver().url_patterns):
        found.setdefault(one.route, one)
    return list(found.values())


def walk(patterns: list[Any], route: str = "/", namespace: str = "") -> Iterator[Address]:
    for pattern in patterns:
        here = route + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield Address(f"{namespace}{pattern.name}" if pattern.name else here, here)
        else:
            yield from walk(
                pattern.url_patterns, here, namespace + (f"{pattern.namespace}:" if pattern.namespace else "")
            )


class Things:
    """What is Bo's, one broadcast by Ada that addresses Bo alone, and what Bo has said to Ada."""

    def __init__(self, bo: Any, chi: Any, ada: Any) -> None:
        self.bo = bo
        self.item = notify(bo, title="For Bo only", key="mine", target=chi, group_key="talk")
        content = Content(title="Lunch", audience="people", names=("bo",), placement="both", asks_acknowledgement=True)
        self.broadcast = Broadcast.draft(content, ada)
        self.broadcast.publish(ada)
        self.job = start_job(TASK, owner=bo)
        file = private().save("results/of-bo", ContentFile(b"a,b"))
        Job.objects.filter(pk=self.job.pk).update(result_file=file, result_label="of-bo.csv", result_size=3)
        bo.inbox.mute("object", "shop.order:1", "An order", None)
        self.group = Group.objects.create(name="kitchen")
        self.mute = bo.inbox.mutes.get()
        self.message = write_to(bo, ada, "For Ada only")
        self.room = start_room(bo, "Bo's own", is_open=False)
        self.report = report(ada, self.message)
        block(bo, chi)
        self.block = bo.inbox.blocks.get()

    def of(self, address: Address) -> dict[str, str]:
        """The arguments that lead to them."""
        model = re.search(r"/admin/\w+/(\w+)/", address.route)
        of_model = {"user": self.bo, "group": self.group, "notification": self.item, "job": self.job}
        of_model |= {"broadcast": self.broadcast, "inbox": self.bo.inbox, "report": self.report}
        is_banner = address.name.endswith((":dismiss", ":acknowledge"))
        return {
            "key": self.broadcast.row_key if is_banner else "mine",
            "pk": str(self.row_of(address).pk),
            "number": str(self.message.number),
            "inbox_id": str(self.bo.inbox.pk),
            "name": self.room.name if address.name.endswith(":room") else "general",
            "token": "0" * 32 if "avatars" in address.route else "x-y",
            "size": "64",
            "uidb64": "MQ",
            "object_id": str(of_model[model[1]].pk) if model and model[1] in of_model else "1",
            "id": str(self.bo.pk),
            "content_type_id": "1",
            "app_label": "notifications",
            "url": "nothing",
        }

    def row_of(self, address: Address) -> Any:
        """Whose key is in it."""
        of_room = {"notifications:" + act for act in ROOM_ACTS}
        rows = {"mutes/": self.mute, "blocks/": self.block, "<uuid": self.job}
        rows["threads/"] = self.room if address.name in of_room else self.message.thread
        return next((row for part, row in rows.items() if part in address.route), self.broadcast)


def as_(user: Any) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def ask(client: Client, method: str, path: str, *args: Any, **more: Any) -> Any:
    """What is answered; what was done is undone. An error of ours is raised."""
    before, cookies = transaction.savepoint(), client.cookies.copy()
    try:
        return client.generic(method, path, *args, **more)
    finally:
        transaction.savepoint_rollback(before)
        client.cookies = cookies
