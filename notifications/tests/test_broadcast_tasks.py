"""What broadcasts leave to a worker, and what becomes of it without a broker."""

import threading

import pytest
from django.contrib.auth import get_user_model

from config.tests.site import Site, eventually
from notifications import signals
from notifications.broadcasting import broadcast, remind
from notifications.management.commands.tick import tick
from notifications.models import Broadcast, BroadcastEvent
from notifications.tests.test_tasks import shell
from notifications.tests.threads import PATIENCE

User = get_user_model()


@pytest.fixture
def sent(monkeypatch):
    """Set when a task was sent, or given up."""
    done = threading.Event()
    send = signals.send

    def sending(*arguments):
        try:
            send(*arguments)
        finally:
            done.set()

    monkeypatch.setattr(signals, "send", sending)
    return done


def to_many() -> Broadcast:
    User.objects.bulk_create(User(username=f"reader-{n:05}") for n in range(1_001))
    return broadcast("Hello", audience=[f"user:reader-{n:05}" for n in range(1_001)])


@pytest.mark.django_db(transaction=True)
def test_a_dead_broker_delays_it_and_breaks_nothing(valkey, sent):
    valkey.kill()
    one = to_many()
    assert sent.wait(PATIENCE)
    for _ in range(2):
        tick()
    one.refresh_from_db()
    assert (one.state, one.people.count()) == ("published", 1_001)


@pytest.mark.django_db(transaction=True)
def test_a_frozen_broker_holds_nobody_up(valkey, monkeypatch):
    may_go_on, has_gone_on = threading.Event(), threading.Event()
    monkeypatch.setattr(signals, "send", lambda *_: may_go_on.wait(PATIENCE) and has_gone_on.set())
    to_many()
    assert not has_gone_on.is_set()
    may_go_on.set()
    assert has_gone_on.wait(PATIENCE)


BEGIN = """
from django.contrib.auth import get_user_model
from notifications import broadcasting, signals
from unittest.mock import patch
users = get_user_model()
users.objects.bulk_create(users(username=f"reader-{n:05}") for n in range(5_000))
def start_and_wait(task, *arguments):
    signals.send(task, *arguments)
with patch.object(signals, "start", start_and_wait):
    broadcasting.broadcast(
        "Hello", audience=[f"user:reader-{n:05}" for n in range(5_000)], asks_acknowledgement=True, key="many"
    )
"""
LOOK = """
from notifications.models import Broadcast
one = Broadcast.objects.get(key="many")
print(one.state, one.people.count(), one.events.filter(what="published").count())
"""


@pytest.mark.process
def test_a_real_worker_and_the_tick_together_gather_each_once(tmp_path):
    with Site(tmp_path) as site:
        shell(site, BEGIN)
        eventually(lambda: shell(site, LOOK).startswith("published"), f"the publication\n{site.output}")
        assert shell(site, LOOK) == "published 5000 1"


@pytest.mark.django_db(transaction=True)
def test_reminders_to_few_are_sent_without_any_worker(bo, valkey):
    valkey.kill()
    assert remind(broadcast("Rules", asks_acknowledgement=True)) == 1
    assert BroadcastEvent.objects.latest("pk").what == "reminded"
