"""A bus that is dead or frozen delays, it does not break; and what comes over it is not believed."""

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import connection

from notifications.delivery import anotify, notify
from notifications.jobs import cancel_job, start_job
from notifications.live import bus, database, groups, hub, push
from notifications.models import Broadcast, Content, Inbox
from notifications.testing import LivePage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live")]

TASK = SimpleNamespace(name="tests.count", title="Counting", max_attempts=1, restarts=False)


async def eventually(is_true, patience=30):
    async with asyncio.timeout(patience):
        while not is_true():  # noqa: ASYNC110  (nothing tells when)
            await asyncio.sleep(0)


async def blind_the_sweep(monkeypatch):
    """From now on only a nudge can bring anything."""

    async def nothing(inbox_ids):
        return hub.current().epoch, {}

    monkeypatch.setattr(database, "standing", nothing)


async def has_nothing_to_come(user, page):
    """Wait until nudges reach the page and it lacks nothing. It gives nobody a reason to look again."""
    page.acknowledges = False
    inbox = await sync_to_async(Inbox.objects.of)(user)
    await eventually(lambda: hub.current().bus.hears(groups.inbox(inbox.pk)))
    await anotify(user, title="All is well")
    await page.until(lambda: "All is well" in page.text("#feed"))


async def test_with_a_dead_bus_the_sweep_brings_it(bo, valkey):
    async with LivePage(bo) as page:
        await has_nothing_to_come(bo, page)
        await sync_to_async(valkey.kill)()
        assert await anotify(bo, title="Against the odds")
        await page.until(lambda: "Against the odds" in page.text("#feed"))


async def test_with_a_frozen_bus_nobody_waits_and_the_sweep_brings_it(bo, valkey):
    async with LivePage(bo) as page:
        await has_nothing_to_come(bo, page)
        valkey.freeze()
        for n in range(20):
            await anotify(bo, title=f"Number {n}")
        await page.until(lambda: len(page.document.rows()) == 21)


async def test_a_page_can_connect_while_the_bus_is_dead(bo, valkey):
    await sync_to_async(valkey.kill)()
    async with LivePage(bo) as page:
        await anotify(bo, title="Still here")
        await page.until(lambda: "Still here" in page.text("#feed"))


async def test_a_bus_that_is_back_carries_nudges_again_also_of_pages_that_came_meanwhile(bo, chi, valkey, monkeypatch):
    async with LivePage(bo) as before:
        await eventually(lambda: hub.current().bus.is_up)
        await sync_to_async(valkey.kill)()
        await eventually(lambda: not hub.current().bus.is_up)
        async with LivePage(chi) as meanwhile:
            await sync_to_async(valkey.start)()
            inbox = await sync_to_async(Inbox.objects.of)(chi)
            await eventually(lambda: hub.current().bus.is_up and hub.current().bus.hears(groups.inbox(inbox.pk)))
            await eventually(lambda: push.sender().paused_until < time.monotonic())
            await blind_the_sweep(monkeypatch)
            for page, user in ((before, bo), (meanwhile, chi)):
                await anotify(user, title="By nudge")
                await page.until(lambda page=page: "By nudge" in page.text("#feed"))


@pytest.mark.parametrize(
    "message",
    [
        {"type": "inbox.changed"},
        {"type": "inbox.changed", "revisions": "all"},
        {"type": "inbox.changed", "revisions": {"x": 1, "7": "8", "²": 3, "99999999999999999999": 1}},
        {"type": "sessions.changed", "inbox": "7"},
        {"type": "sessions.changed", "inbox": 7, "ended": ["?"]},
        {"type": "websocket.disconnect", "code": 1000},
        {"type": "push", "html": "<b>Forged</b>"},
    ],
)
async def test_a_forged_message_shows_nothing_and_stops_nothing(bo, message):
    async with LivePage(bo) as page:
        await eventually(lambda: hub.current().bus.is_up)
        await get_channel_layer().group_send(groups.HUBS, message)
        await anotify(bo, title="The real one")
        await page.until(lambda: "The real one" in page.text("#feed"))
        assert "Forged" not in "".join(page.frames)


@pytest.mark.parametrize("message", [{"type": "inbox.changed", "revisions": {"9" * 5000: 1}}, b"no message"])
async def test_nor_does_it_make_the_hub_deaf_for_a_while(bo, message, monkeypatch):
    async with LivePage(bo) as page:
        await eventually(lambda: hub.current().bus.is_up)
        monkeypatch.setattr(bus, "RETRY_SECONDS", 3600.0)
        await blind_the_sweep(monkeypatch)
        layer = get_channel_layer()
        if isinstance(message, bytes):
            monkeypatch.setattr(layer, "serialize", lambda said: message)
        await layer.group_send(groups.HUBS, message)
        monkeypatch.undo()
        monkeypatch.setattr(bus, "RETRY_SECONDS", 3600.0)
        await blind_the_sweep(monkeypatch)
        await anotify(bo, title="By nudge")
        await page.until(lambda: "By nudge" in page.text("#feed"))


def read_one(bo, ada):
    notify(bo, title="x", key="one")
    Inbox.objects.of(bo).mark_read("one")


def publish(bo, ada):
    Broadcast.draft(Content(title="Lunch"), ada).publish(ada)


def cancel(bo, ada):
    cancel_job(start_job(TASK, owner=bo))


@pytest.mark.parametrize("cause", [lambda bo, ada: notify(bo, title="x"), read_one, publish, cancel])
def test_nudges_leave_after_the_commit(ada, bo, monkeypatch, cause):
    """Else a hub looks before there is anything to see."""
    inside = []
    for name in ("nudge", "nudge_board", "nudge_job"):
        monkeypatch.setattr(push, name, lambda *args: inside.append(connection.in_atomic_block))
    cause(bo, ada)
    assert set(inside) == {False}


def test_who_causes_a_nudge_goes_on_before_it_is_sent(bo, monkeypatch):
    may_go = threading.Event()
    monkeypatch.setattr(push.Sender, "_send", lambda sender, messages: may_go.wait(5))
    notify(bo, title="x")
    assert not push.sender().flush(0)
    may_go.set()
    assert push.sender().flush(30)


def test_nudges_that_wait_are_merged(monkeypatch):
    sender = push.Sender()
    monkeypatch.setattr(sender, "_wake", lambda: None)
    for revisions in ({1: 5}, {1: 7, 2: 1}, {1: 6}):
        sender.put(revisions)
    assert push.messages_for(sender._revisions) == [
        ("inbox.1", {"type": "inbox.changed", "revisions": {"1": 7}}),
        ("inbox.2", {"type": "inbox.changed", "revisions": {"2": 1}}),
    ]


def test_of_a_jobs_nudges_the_latest_version_is_sent(monkeypatch):
    sender = push.Sender()
    monkeypatch.setattr(sender, "_wake", lambda: None)
    for version in (5, 7, 6):
        sender.put_job("one", 1, version)
    assert sender._jobs == {"one": (1, 7)}


def test_more_than_64_inboxes_travel_as_one_message_to_all_hubs():
    [(group, message)] = push.messages_for(dict.fromkeys(range(65), 3))
    assert group == groups.HUBS
    assert len(message["revisions"]) == 65


def test_what_waits_is_bounded(monkeypatch):
    sender = push.Sender()
    monkeypatch.setattr(sender, "_wake", lambda: None)
    sender.put(dict.fromkeys(range(push.WAITING_LIMIT + 5), 1))
    assert len(sender._revisions) == push.WAITING_LIMIT
