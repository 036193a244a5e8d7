"""Who is here: correct within seconds, whoever dies, and without a write for any message."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notifications import threads
from notifications.live import here_watch
from notifications.models import Notification, Presence, ThreadPresence
from notifications.models.thread_presence import LASTS
from notifications.testing import LivePage
from notifications.thread_lists import here_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live")]


@pytest.fixture
def ops(ada, bo, chi):
    room = threads.start_room(ada, "Ops", is_open=False)
    threads.invite(ada, room, [bo, chi])
    Notification.objects.all().delete()
    return room


async def look(page, at_it=True):
    """As threads.js does while the page is visible."""
    page.document.find("#thread-here").set("value", "1" if at_it else "")
    await page.send_form()


@sync_to_async
def names_in(thread):
    return [person.actor_name for person in here_in(thread)[0].people]


async def test_who_looks_at_it_is_here_and_everybody_sees_it(ops, ada, bo):
    async with LivePage(ada, "/rooms/ops/") as one, LivePage(bo, "/rooms/ops/") as other:
        await look(one)
        await look(other)
        for page in (one, other):
            await page.until(lambda page=page: "Ada Okafor, Bo Lindqvist" in page.text("#here"))
        await other.cut()
        await one.until(lambda: "Bo" not in one.text("#here"))


async def test_a_tab_that_nobody_looks_at_is_not_here(ops, ada, bo):
    async with LivePage(ada, "/rooms/ops/") as one, LivePage(bo, "/rooms/ops/") as other:
        await look(one)
        await look(other)
        await one.until(lambda: "Bo" in one.text("#here"))
        await look(other, at_it=False)
        await one.until(lambda: "Bo" not in one.text("#here"))


async def test_a_laptop_that_fell_asleep_leaves_after_a_while(ops, ada, bo, monkeypatch):
    async with LivePage(ada, "/rooms/ops/") as one, LivePage(bo, "/rooms/ops/") as other:
        other.acknowledges = False
        await look(other)
        await one.until(lambda: "Bo" in one.text("#here"))
        monkeypatch.setattr(here_watch, "SAID_LASTS", 0.0)
        await one.until(lambda: "Bo" not in one.text("#here"))


def test_who_was_in_a_process_that_died_leaves_within_seconds(ops, bo, hands):
    ThreadPresence.renew("a hub that dies", [(ops.pk, bo.inbox.pk)])
    assert len(here_in(ops)[0].people) == 1
    hands.move(seconds=LASTS.total_seconds() + 1)
    assert here_in(ops)[0].people == []
    assert timedelta(seconds=30) > LASTS + timedelta(seconds=here_watch.RENEWAL_SECONDS / 2)
    ThreadPresence.remove_expired()
    assert not ThreadPresence.objects.exists()


def test_two_processes_do_not_take_each_others_readers_away(ops, bo):
    for hub in ("one", "other"):
        ThreadPresence.renew(hub, [(ops.pk, bo.inbox.pk)])
    ThreadPresence.leave("one", [(ops.pk, bo.inbox.pk)])
    assert len(here_in(ops)[0].people) == 1


async def test_who_wants_to_be_invisible_is_not_shown_and_is_not_rung_either(ops, ada, bo):
    await sync_to_async(bo.inbox.become_invisible)()
    async with LivePage(ada, "/rooms/ops/") as one, LivePage(bo, "/rooms/ops/") as other:
        await look(one)
        await look(other)
        await one.until(lambda: "Ada" in one.text("#here"))
        await sync_to_async(threads.say)(ada, ops, "Hello")
        await other.until(lambda: "Hello" in other.text("#messages"))
        assert "Bo" not in one.text("#here")
        assert await names_in(ops) == ["Ada Okafor"]
        assert await sync_to_async(ThreadPresence.objects.count)() == 2
    assert not await sync_to_async(Notification.objects.filter(inbox__user=bo).exists)()


def test_an_invisible_reader_is_in_no_number_of_who_is_online(ada, bo):
    Presence.renew([ada.inbox.pk, bo.inbox.pk])
    assert Presence.online().count() == 2
    bo.inbox.become_invisible()
    assert [one.inbox for one in Presence.online()] == [ada.inbox]


async def test_who_has_it_open_has_read_it_without_a_write_for_the_message(ops, ada, bo):
    async with LivePage(bo, "/rooms/ops/") as page:
        await look(page)
        await page.until(lambda: "Bo" in page.text("#here"))
        await sync_to_async(threads.say)(ada, ops, "One")
        await page.until(lambda: "One" in page.text("#messages"))
        await has_read(bo, ops, 1)
    assert not await sync_to_async(Notification.objects.filter(inbox__user=bo).exists)()


async def has_read(user, thread, number, patience=15):
    async with asyncio.timeout(patience):
        while await sync_to_async(lambda: thread.follows.get(inbox=user.inbox).read_number)() < number:
            continue


def test_a_message_writes_nothing_about_those_who_are_here(ops, ada, bo, chi):
    ThreadPresence.renew("a hub", [(ops.pk, user.inbox.pk) for user in (ada, bo, chi)])
    with CaptureQueriesContext(connection) as asked:
        threads.say(ada, ops, "Hello")
    written = [one["sql"] for one in asked if one["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE")]
    assert not [sql for sql in written if "presence" in sql or "notifications_notification" in sql]


def test_where_one_has_blocked_the_other_nobody_is_seen(bo, chi):
    talk = threads.write_to(bo, chi, "Hello").thread
    ThreadPresence.renew("a hub", [(talk.pk, user.inbox.pk) for user in (bo, chi)])
    assert len(here_in(talk)[0].people) == 2
    threads.block(bo, chi)
    assert here_in(talk)[0].people == []
