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
    """What is Bo's, and one broadcast by Ada that addresses Bo alone."""

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

    def of(self, address: Address) -> dict[str, str]:
        """The arguments that lead to them."""
        model = re.search(r"/admin/\w+/(\w+)/", address.route)
        of_model = {"user": self.bo, "group": self.group, "notification": self.item, "job": self.job}
        of_model |= {"broadcast": self.broadcast, "inbox": self.bo.inbox}
        is_banner = address.name.endswith((":dismiss", ":acknowledge"))
        row: Any = self.mute if "mutes" in address.route else self.job if "<uuid" in address.route else self.broadcast
        return {
            "key": self.broadcast.row_key if is_banner else "mine",
            "pk": str(row.pk),
            "name": "general",
            "token": "0" * 32 if "avatars" in address.route else "x-y",
            "size": "64",
            "uidb64": "MQ",
            "object_id": str(of_model[model[1]].pk) if model and model[1] in of_model else "1",
            "id": str(self.bo.pk),
            "content_type_id": "1",
            "app_label": "notifications",
            "url": "nothing",
        }


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
