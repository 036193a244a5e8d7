"""Processes that end by kill -9 while they gather very many names or remind very many people: each once."""

import subprocess
import sys

import pytest
from django.conf import settings

from config.tests.site import Site, environment, eventually

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("kill")]

BEGIN = """
from unittest.mock import patch
from django.contrib.auth import get_user_model
from notifications import broadcasting, signals
users = get_user_model()
users.objects.bulk_create(users(username=f"reader-{n:05}") for n in range(3_000))
with patch.object(signals, "start"):
    broadcasting.broadcast(
        "Hello", audience=[f"user:reader-{n:05}" for n in range(3_000)], asks_acknowledgement=True, key="hello"
    )
"""

#: kill -9 between two statements of the second batch.
DIE_GATHERING = """
import os, signal
from notifications.models import Broadcast
save, batches = Broadcast.save, iter((False, True))
def save_or_die(self, *args, **options):
    if options.get("update_fields") == ["names"] and next(batches):
        os.kill(os.getpid(), signal.SIGKILL)
    save(self, *args, **options)
Broadcast.save = save_or_die
"""
BY_TASK = """
from notifications.models import Broadcast
from notifications.tasks import gather_names
gather_names(Broadcast.objects.get(key="hello").pk)
"""
BY_TICK = """
from django.core.management import call_command
for _ in range(3):
    call_command("tick", once=True)
"""
LOOK = """
from notifications.models import Broadcast
one = Broadcast.objects.get(key="hello")
happened = list(one.events.order_by("pk").values_list("what", flat=True))
print(one.state, one.people.count(), len(one.names.split()), *happened)
"""

REMIND = """
from unittest.mock import patch
from notifications import broadcasting, signals
from notifications.models import Broadcast
with patch.object(signals, "start"):
    print(broadcasting.remind(Broadcast.objects.get(key="hello")))
"""
DIE_REMINDING = """
import os, signal
from notifications import broadcasting
notify_many, batches = broadcasting.notify_many, iter((False, True))
def notify_or_die(*args, **options):
    if next(batches):
        os.kill(os.getpid(), signal.SIGKILL)
    return notify_many(*args, **options)
broadcasting.notify_many = notify_or_die
"""
BY_REMINDERS_TASK = """
from notifications.models import BroadcastEvent
from notifications.tasks import send_reminders
send_reminders(BroadcastEvent.objects.filter(what__startswith="remind").get().pk)
"""
LOOK_AT_REMINDERS = """
from notifications.models import BroadcastEvent, Notification
told = Notification.objects.filter(verb="broadcast.reminder")
event = BroadcastEvent.objects.filter(what__startswith="remind").get()
print(event.what, told.count(), told.values("inbox").distinct().count())
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The tables, made once."""
    var_dir = tmp_path_factory.mktemp("empty")
    manage(var_dir, "migrate", "--verbosity=0")
    return var_dir / "belfry.sqlite3"


@pytest.fixture
def site(template, tmp_path):
    (tmp_path / template.name).write_bytes(template.read_bytes())
    assert shell(tmp_path, BEGIN)[0] == 0
    return tmp_path


def manage(var_dir, *arguments: str) -> tuple[int, str]:
    """Its exit code, and what it said."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment(var_dir), check=False, capture_output=True, text=True
    )
    assert done.returncode <= 0, done.stderr
    return done.returncode, done.stdout.strip()


def shell(var_dir, code: str) -> tuple[int, str]:
    return manage(var_dir, "shell", "--no-imports", "-c", code)


@pytest.mark.parametrize("by", [BY_TASK, BY_TICK], ids=["task", "tick"])
def test_killed_in_the_middle_of_three_thousand_names_it_goes_on_where_it_was(site, by):
    assert shell(site, DIE_GATHERING + by)[0] == -9
    assert shell(site, LOOK)[1] == "scheduled 1000 2000 created scheduled"
    for _ in range(2):
        assert shell(site, by)[0] == 0
    assert shell(site, LOOK)[1] == "published 3000 0 created scheduled published"


def test_killed_in_the_middle_of_three_thousand_reminders_it_reminds_each_once(site):
    shell(site, BY_TASK)
    assert shell(site, REMIND)[1] == "3000"
    assert shell(site, DIE_REMINDING + BY_REMINDERS_TASK)[0] == -9
    assert shell(site, LOOK_AT_REMINDERS)[1] == "reminding 1000 1000"
    for _ in range(2):
        assert shell(site, BY_REMINDERS_TASK)[0] == 0
    assert shell(site, LOOK_AT_REMINDERS)[1] == "reminded 3000 3000"


SCHEDULE = """
from datetime import timedelta
from notifications.broadcasting import broadcast
from notifications.models import clock
broadcast("Soon", starts_at=clock.now() + timedelta(seconds=3), key="hello")
"""


def test_it_is_published_without_anybodys_help_though_the_tick_was_killed(tmp_path):
    with Site(tmp_path) as site:
        assert shell(tmp_path, SCHEDULE)[0] == 0
        site.child("manage.py tick").kill()
        published = "published 0 0 created scheduled published"
        eventually(lambda: shell(tmp_path, LOOK)[1] == published, f"the publication\n{site.output}")
