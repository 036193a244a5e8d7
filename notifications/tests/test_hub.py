"""The hub: what it does with nudges, sweeps and sessions, and what it never waits for."""

import asyncio
import json
import threading
from dataclasses import replace

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import DatabaseError, OperationalError

from notifications.delivery import anotify
from notifications.live import bus, codes, database, frames, groups, hub, outlet, push, sessions, sweeper
from notifications.live.consumers import LiveConsumer
from notifications.models import Board, Inbox
from notifications.testing import LivePage

from .calm import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live")]


@pytest.fixture
def nudges(monkeypatch):
    """What should have gone to the bus; every nudge is lost."""
    kept = []
    monkeypatch.setattr(push, "nudge", kept.append)
    return kept


@pytest.fixture
def by_hand(monkeypatch):
    """No sweep but those that a test makes."""
    monkeypatch.setattr(sweeper, "SWEEP_SECONDS", 3600.0)


@pytest.fixture
def sweep_often(monkeypatch):
    monkeypatch.setattr(sweeper, "SWEEP_SECONDS", 0.05)


async def has_joined(user, *pages):
    """Wait until the hub serves these pages, and has nothing more to do for them."""
    await anotify(user, title="Joined")
    await eventually(lambda: hub.current().all_outlets())
    inbox = await Inbox.objects.aget(user=user)
    await eventually(lambda: hub.current().bus.hears(groups.inbox(inbox.pk)))
    await hub.current().sweeper.sweep()
    for page in pages:
        await page.until(lambda page=page: "Joined" in page.text("#feed"))
    await eventually(is_idle)


def is_idle():
    return not hub.current()._dirty and not any(one.is_behind for one in hub.current().all_outlets())


async def test_with_every_nudge_lost_the_sweep_brings_everything(bo, nudges, by_hand):
    async with LivePage(bo) as page:
        await has_joined(bo, page)
        await anotify(bo, title="Lost on the way")
        await hub.current().sweeper.sweep()
        await page.until(lambda: "Lost on the way" in page.text("#feed"))
        assert nudges


async def test_a_page_that_lacks_nothing_gets_nothing(bo):
    await anotify(bo, title="Already there")
    async with LivePage(bo) as page:
        await eventually(lambda: hub.current().all_outlets() and is_idle())
        await hub.current().sweeper.send_heartbeats()
        assert "heartbeat" in await page.receive()


async def test_a_nudge_that_comes_twice_or_late_costs_no_frame(bo, nudges, by_hand):
    async with LivePage(bo) as page:
        await has_joined(bo, page)
        for n in range(3):
            await anotify(bo, title=f"Number {n}")
        for nudge in [*reversed(nudges), *nudges]:
            hub.current().nudged(nudge)
        await page.until(lambda: "Number 2" in page.text("#feed"))
        for nudge in nudges:
            hub.current().nudged(nudge)
        await anotify(bo, title="The end")
        hub.current().nudged(nudges[-1])
        await page.until(lambda: "The end" in page.text("#feed"))
        assert len(page.frames) == 3


async def test_pages_that_stand_at_the_same_place_get_the_same_frame_made_once(bo, by_hand, monkeypatch):
    made = []
    real = frames.tell
    async with LivePage(bo) as page, LivePage(bo) as other:
        await has_joined(bo, page, other)
        for one in hub.current().all_outlets():  # what let them join may have been news to one of them only
            one.position = replace(one.position, toasted=0)
        monkeypatch.setattr(frames, "tell", lambda *args: made.append(args) or real(*args))
        await anotify(bo, title="For both")
        for one in (page, other):
            await one.until(lambda one=one: "For both" in one.text("#feed"))
        same, another = (one.frames[-1].partition('<input type="hidden" name="receipt"')[0] for one in (page, other))
        assert same == another
        assert len(made) == 1


async def test_a_page_that_moves_while_its_frame_is_made_gets_another_one(bo, by_hand, monkeypatch):
    await anotify(bo, title="Already here")
    real = database.frames

    async def frames_too_late(wanted, known):
        made = await real(wanted, known)
        monkeypatch.setattr(database, "frames", real)
        for one in hub.current().all_outlets():
            one.forget()
        return made

    async with LivePage(bo) as page:
        monkeypatch.setattr(database, "frames", frames_too_late)
        await anotify(bo, title="News")
        await page.receive()
        assert 'hx-target="#feed" hx-swap="innerHTML"' in page.frames[0]
        assert "News" in page.text("#feed")


async def test_what_commits_while_a_page_that_has_just_come_is_read_for_is_not_lost(bo, nudges, by_hand, monkeypatch):
    real = database.frames

    async def frames_then_news(wanted, known):
        made = await real(wanted, known)
        monkeypatch.setattr(database, "frames", real)
        await anotify(bo, title="News")
        hub.current().nudged(nudges[-1])
        return made

    async with LivePage(bo) as before:
        await has_joined(bo, before)  # so that the group is heard from the first moment on
    monkeypatch.setattr(database, "frames", frames_then_news)
    async with LivePage(bo) as page:
        await page.until(lambda: "News" in page.text("#feed"))


@pytest.mark.parametrize("error", [DatabaseError, ValueError])
async def test_a_flush_that_fails_once_is_made_up_for(bo, sweep_often, monkeypatch, error):
    real = database.frames

    async def fail_once(wanted, known):
        monkeypatch.setattr(database, "frames", real)
        raise error

    async with LivePage(bo) as page:
        monkeypatch.setattr(database, "frames", fail_once)
        await anotify(bo, title="Second try")
        await page.until(lambda: "Second try" in page.text("#feed"))


async def test_an_inbox_that_cannot_be_rendered_stops_nobody_else(bo, chi, nudges, by_hand, monkeypatch):
    real = frames.tell

    def tell(inbox, *args):
        if inbox.user_id == bo.pk:
            raise ValueError
        return real(inbox, *args)

    async with LivePage(bo) as broken, LivePage(chi) as page:
        await has_joined(bo, broken)
        await has_joined(chi, page)
        page.acknowledges = False
        monkeypatch.setattr(frames, "tell", tell)
        await anotify(bo, title="Broken")
        await anotify(chi, title="Whole")
        await hub.current().sweeper.sweep()
        await page.until(lambda: "Whole" in page.text("#feed"))


class Stuck(LiveConsumer):
    """A socket that takes nothing from its first frame on, and does not even close: send() and close() never return."""

    async def send(self, *args, **kwargs):
        await asyncio.Event().wait()

    async def close(self, *args, **kwargs):
        await asyncio.Event().wait()


@pytest.fixture
def stuck(monkeypatch):
    """Opens a page of the user's that is stuck."""

    async def open_page(user):
        page = await LivePage(user).load()
        with monkeypatch.context() as patched:
            patched.setattr("notifications.testing.page.application", Stuck.as_asgi())
            await page.connect()
        await eventually(lambda: hub.current().all_outlets())
        return page

    return open_page


async def test_a_send_that_never_returns_keeps_nobody_waiting(bo, chi, stuck):
    await stuck(bo)
    async with LivePage(chi) as page:
        for n in range(3):
            await anotify(bo, title="Into the void")
            await anotify(chi, title=f"Number {n}")
            await page.until(lambda n=n: f"Number {n}" in page.text("#feed"))


async def test_nor_does_a_close_that_never_returns(bo, chi, stuck, sweep_often, monkeypatch):
    """The hub gives the socket up, and goes on with its sweeps."""
    await stuck(bo)
    await anotify(bo, title="Into the void")
    monkeypatch.setattr(outlet, "UNACKNOWLEDGED_SECONDS", 0.0)
    await eventually(lambda: not hub.current().all_outlets())
    monkeypatch.undo()
    monkeypatch.setattr(push, "nudge", lambda revisions: None)
    async with LivePage(chi) as page:
        await anotify(chi, title="By the sweep")
        await page.until(lambda: "By the sweep" in page.text("#feed"))


async def test_nor_does_the_end_of_the_server(bo, chi, stuck, monkeypatch):
    monkeypatch.setattr(hub, "DRAIN_SECONDS", 0.1)
    await stuck(bo)
    async with LivePage(chi) as page:
        await has_joined(chi, page)
        async with asyncio.timeout(15):
            await hub.drain()
        assert await page.until_closed() == codes.COME_BACK


async def test_a_session_that_ends_just_after_the_sweep_has_looked_is_found_by_the_next_one(bo, nudges, by_hand):
    """Sign-out tells before it deletes the session."""
    async with LivePage(bo) as page:
        await has_joined(bo, page)
        await sync_to_async((await Inbox.objects.aget(user=bo)).note_access_change)()
        await hub.current().sweeper.sweep()
        await Session.objects.all().adelete()
        await hub.current().sweeper.sweep()
        assert await page.until_closed() == codes.COME_BACK


async def test_a_new_epoch_sends_every_page_the_full_list_once(bo, sweep_often):
    async with LivePage(bo) as page:
        await has_joined(bo, page)
        await sync_to_async(new_epoch)()
        await page.until(lambda: 'hx-swap="innerHTML"><li id="day' in page.frames[-1])
        assert page.document.inputs("#resume")["epoch"] == (await Board.objects.aget()).epoch
        await page.cut()
        await anotify(bo, title="Only this")
        await page.connect()
        await page.until(lambda: "Only this" in page.text("#feed"))
        assert "Joined" not in page.frames[-1]


def new_epoch():
    Board.load().begin_epoch()


async def test_a_page_of_the_new_epoch_tells_the_hub_of_it(bo, by_hand):
    async with LivePage(bo) as old:
        await has_joined(bo, old)
        await sync_to_async(new_epoch)()
        async with LivePage(bo):
            await old.until(lambda: old.document.inputs("#resume")["epoch"] == hub.current().epoch)
        assert hub.current().epoch == (await Board.objects.aget()).epoch


async def test_without_the_database_pages_hear_heartbeats_and_stay(bo, monkeypatch):
    monkeypatch.setattr(sweeper, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(sweeper, "SWEEP_SECONDS", 0.02)
    asked, beats = [], []

    async def beat(self):
        beats.append(len(asked))

    monkeypatch.setattr(sweeper.Sweeper, "send_heartbeats", beat)
    async with LivePage(bo) as page:
        await has_joined(bo, page)

        async def away(inbox_ids):
            asked.append(inbox_ids)
            raise OperationalError("refused")

        monkeypatch.setattr(database, "changed", away)
        await eventually(lambda: len(asked) > 1)
        beats.clear()
        await eventually(lambda: len(beats) > 2)


async def test_a_session_that_ends_while_its_page_resumes_is_not_served(bo, monkeypatch):
    """Its end is committed after the session was looked at, and before the inbox was."""
    asked, real = [], sessions.users_of

    def users_of(keys):
        found = real(keys)
        asked.append(keys)
        if len(asked) == 1:
            Session.objects.all().delete()
        return found

    monkeypatch.setattr(sessions, "users_of", users_of)
    page = await LivePage(bo).load()
    await page.connect()
    assert await page.until_closed() == codes.SIGNED_OUT


async def test_heartbeats_carry_the_build_and_move_nothing(bo):
    async with LivePage(bo) as page:
        await has_joined(bo, page)
        await hub.current().sweeper.send_heartbeats()
        assert json.loads(await page.receive()) == {"heartbeat": settings.BUILD_ID}


async def test_the_group_of_a_reader_who_has_left_is_left_too(bo, by_hand, monkeypatch):
    monkeypatch.setattr(bus, "LINGER_SECONDS", 0.0)
    inbox = await sync_to_async(Inbox.objects.of)(bo)
    heard = hub.current().bus
    async with LivePage(bo):
        await eventually(lambda: heard.hears(groups.inbox(inbox.pk)))
    await eventually(lambda: heard.probe() or not heard.hears(groups.inbox(inbox.pk)))
    assert not hub.current().outlets


async def test_pages_that_come_back_at_once_are_looked_up_together(bo, by_hand, monkeypatch):
    asked, may_go, real = [], threading.Event(), database.readers_of

    def readers_of(keys):
        asked.append(len(keys))
        may_go.wait(timeout=15)
        return real(keys)

    monkeypatch.setattr(database, "readers_of", readers_of)
    pages = [await LivePage(bo).load() for _ in range(5)]
    for page in pages:
        await page.connect()
    await eventually(lambda: sum(asked) + len(hub.current().readers._waiting) == 5)
    may_go.set()
    await eventually(lambda: len(hub.current().all_outlets()) == 5)
    assert len(asked) == 2
    for page in pages:
        await page.cut()
