"""A bus that is dead or frozen delays, it does not break; and what comes over it is not believed."""

import asyncio
import threading
import time
from collections import Counter
from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import connection

from notifications.delivery import anotify, notify
from notifications.jobs import cancel_job, start_job
from notifications.live import bus, consumers, database, groups, hub, push
from notifications.models import Broadcast, Content, Inbox
from notifications.testing import LivePage

from .calm import eventually, has_nothing_to_come

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live")]

TASK = SimpleNamespace(name="tests.count", title="Counting", max_attempts=1, restarts=False)


async def blind_the_sweep(monkeypatch):
    """From now on only a nudge can bring anything."""

    async def nothing(inbox_ids):
        return (hub.current().epoch, hub.current().board), {}

    monkeypatch.setattr(database, "changed", nothing)


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


METHODS = sorted({name for one in (consumers.LiveConsumer, hub.Hub, bus.Bus) for name in dir(one) if name[0] != "_"})


async def test_no_type_calls_a_method_of_ours(bo, monkeypatch):
    called = []
    async with LivePage(bo) as page:
        await eventually(lambda: hub.current().bus._channel and hub.current().all_outlets())
        for name in ("close", "drain", "leave", "join", "stop"):  # what nothing calls by itself meanwhile
            monkeypatch.setattr(hub.Hub, name, lambda *given, name=name, **more: called.append(name))
        for name in METHODS:
            forged = {"type": name.replace("_", "."), "text": "Forged", "code": 1000, "outlet": 1, "inbox": 1}
            await get_channel_layer().group_send(groups.HUBS, forged)
        await anotify(bo, title="The real one")
        await page.until(lambda: "The real one" in page.text("#feed"))
        assert called == []
        assert "Forged" not in "".join(page.frames)
        monkeypatch.undo()


async def asked(monkeypatch, *names):
    """Counts what the hub asks the database for: {"frames": 3}."""
    counts = Counter()

    def counting(name, question):
        async def count(*given):
            counts[name] += 1
            return await question(*given)

        return count

    for name in names:
        monkeypatch.setattr(database, name, counting(name, getattr(database, name)))
    return counts


FLOOD = 2_000  # forged messages
ABSURD = 2**62


@pytest.mark.parametrize("kind", ["nobody", "inbox", "board", "sessions", "session of many", "jobs", "rubbish"])
async def test_a_flood_of_forged_nudges_costs_a_handful_of_queries_and_no_patience(bo, kind, monkeypatch):
    inbox = await sync_to_async(Inbox.objects.of)(bo)
    message = {
        "nobody": {"type": groups.CHANGED, "revisions": {str(n): ABSURD for n in range(1_000, 1_100)}},
        "inbox": {"type": groups.CHANGED, "revisions": {str(inbox.pk): ABSURD}},
        "board": {"type": groups.BOARD, "revision": ABSURD},
        "sessions": {"type": groups.SESSIONS, "inbox": inbox.pk, "ended": "x"},
        "session of many": {"type": groups.SESSIONS, "inbox": ABSURD, "ended": "x"},
        "jobs": {"type": groups.JOB, "job": "x" * 1000, "inbox": inbox.pk, "version": ABSURD},
        "rubbish": b"\x91" * 5_000,
    }[kind]
    async with LivePage(bo) as page:
        await eventually(lambda: hub.current().bus._channel and hub.current().all_outlets())
        await blind_the_sweep(monkeypatch)
        counts = await asked(monkeypatch, "frames", "board", "sessions_standing", "job_frames")
        for _ in range(FLOOD):
            hub.current().bus._layer.channels[hub.current().bus._channel].put_nowait(
                message if isinstance(message, bytes) else get_channel_layer().serialize(message)
            )
        before = len(asyncio.all_tasks())
        await anotify(bo, title="The real one")
        await page.until(lambda: "The real one" in page.text("#feed"))
        assert len(asyncio.all_tasks()) < before + 20
        assert counts.total() < 50
        assert hub.current().board < ABSURD


async def test_a_board_that_was_lied_about_is_asked_for_once(bo, monkeypatch):
    async with LivePage(bo) as page:
        await anotify(bo, title="Joined")
        await page.until(lambda: "Joined" in page.text("#feed"))
        await blind_the_sweep(monkeypatch)
        counts = await asked(monkeypatch, "frames", "board")
        hub.current().broadcasts.nudged(ABSURD)
        await eventually(lambda: counts["board"])
        await anotify(bo, title="Another")
        await page.until(lambda: "Another" in page.text("#feed"))
        assert counts["board"] == 1
        assert counts["frames"] < 5


async def test_what_comes_faster_than_it_can_be_looked_at_is_dropped_and_the_sweep_brings_it(bo, monkeypatch):
    async with LivePage(bo) as page:
        await eventually(lambda: hub.current().bus._channel and hub.current().all_outlets())
        monkeypatch.setattr(bus, "WAITING_LIMIT", 10)
        waiting = hub.current().bus._layer.channels[hub.current().bus._channel]
        for _ in range(1_000):
            waiting.put_nowait(b"no message")
        await anotify(bo, title="Brought")
        await page.until(lambda: "Brought" in page.text("#feed"))
        assert waiting.qsize() <= 10


@pytest.mark.parametrize("message", [{"type": "inbox.changed", "revisions": {"9" * 5000: 1}}, b"no message"])
async def test_nor_does_it_make_the_hub_deaf_for_a_while(bo, message, monkeypatch):
    async with LivePage(bo) as page:
        await eventually(lambda: hub.current().bus._channel and hub.current().all_outlets())
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
