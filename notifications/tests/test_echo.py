"""An echo goes the whole way to its reader's page and back, and each part of the way is told."""

from unittest.mock import patch

import pytest
from asgiref.sync import sync_to_async

from notifications import delivery, echo
from notifications.delivery import anotify, notify
from notifications.live import echo_watch, groups, hub, push
from notifications.models import Inbox, InvalidNotification, Notification, clock
from notifications.models.echo import Times
from notifications.testing import LivePage
from notifications.testing.page import ACKNOWLEDGE

from .calm import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live")]

SETTINGS, ECHO = "/inbox/preferences/", "/inbox/preferences/echo/"
AROUND = ["written", "stamped", "bus", "rendered", "returned"]


async def press(page, live="on"):
    return await page.client.post(
        ECHO, {**page.document.inputs("#resume"), "live": live}, headers={"HX-Request": "true"}
    )


def parts(page):
    """What the page tells of each part, in µs."""
    there = page.document.find("#echo")
    return {} if there is None else {one.get("data-part"): one.get("data-took") for one in there.iter("li")}


async def is_quiet(user, pages=1):
    """Wait until nudges reach the reader's pages, and the hub has nothing to do that would bring an echo along."""
    inbox = await sync_to_async(Inbox.objects.of)(user)
    awake = hub.current()._wake
    await eventually(lambda: len(hub.current().all_outlets()) == pages)
    await eventually(lambda: hub.current().bus.hears(groups.inbox(inbox.pk)))
    await eventually(lambda: awake._waiters and not awake.is_set())


@sync_to_async
def the_echo():
    return Notification.objects.get(verb="echo.sent")


async def test_every_part_of_the_way_is_told_to_the_page_that_sent_it(bo):
    async with LivePage(bo, SETTINGS) as page:
        await is_quiet(bo)
        assert (await press(page)).status_code == 204
        await page.until(lambda: parts(page))
        assert list(parts(page)) == AROUND
        assert 0 < int(parts(page)["returned"]) < ACKNOWLEDGE * 1_000_000  # it need not wait for other frames
        assert "There and back in" in page.text("#echo")


async def test_it_rings_once_and_is_gone_when_it_was_told(bo, monkeypatch):
    monkeypatch.setattr(echo_watch, "STAY", 0)
    async with LivePage(bo, SETTINGS) as page:
        await is_quiet(bo)
        await press(page)
        await page.until(lambda: page.text("#badge") == "1" and "A test of the live" in page.text("#toasts"))
        await page.until(lambda: page.text("#badge") == "0" and "A test" not in page.text("#toasts"))
        assert (await the_echo()).retracted_at
        assert "".join(page.frames).count('id="toast-echo-') == 2  # once to come, and once to go


async def test_with_a_dead_bus_the_way_by_the_sweep_is_told(bo, valkey):
    async with LivePage(bo, SETTINGS) as page:
        await is_quiet(bo)
        await sync_to_async(valkey.kill)()
        await press(page)
        await page.until(lambda: parts(page))
        assert list(parts(page)) == ["written", "stamped", "sweep", "rendered", "returned"]
        assert "The message bus did not bring it" in page.text("#echo")


async def test_what_something_else_brought_along_is_no_merit_of_the_bus(bo, monkeypatch):
    async with LivePage(bo, SETTINGS) as page:
        await is_quiet(bo)
        monkeypatch.setattr(push, "nudge", lambda revisions: None)
        [inbox_id] = hub.current().outlets
        hub.current().echoes.heard([inbox_id], {inbox_id: 0})  # of what was before
        await press(page)
        hub.current().look_at_everybody()
        await page.until(lambda: parts(page))
        assert list(parts(page)) == ["written", "stamped", "along", "rendered", "returned"]
        assert parts(page)["along"] == ""


async def test_a_page_that_does_not_answer_is_told_how_far_it_came(bo, monkeypatch):
    monkeypatch.setattr(echo_watch, "PATIENCE", 0)
    async with LivePage(bo, SETTINGS) as page:
        page.acknowledges = False
        await is_quiet(bo)
        await press(page)
        await page.until(lambda: parts(page))
        assert list(parts(page)) == AROUND[:-1]
        assert "has not answered" in page.text("#echo")


async def test_where_its_writer_dies_before_it_has_noted_its_times_the_others_are_told(bo, monkeypatch):
    monkeypatch.setattr(echo, "note_times", lambda pk, times: None)
    monkeypatch.setattr(echo_watch, "TRIES", 2)
    async with LivePage(bo, SETTINGS) as page:
        await is_quiet(bo)
        await press(page)
        await page.until(lambda: parts(page))
        assert list(parts(page)) == AROUND
        assert (parts(page)["written"], parts(page)["stamped"]) == ("", "")
        assert "not known" in page.text("#echo")


async def test_each_page_of_the_reader_is_told_its_own_way(bo):
    async with LivePage(bo, SETTINGS) as page, LivePage(bo, SETTINGS) as other, LivePage(bo) as inbox:
        await is_quiet(bo, pages=3)
        await press(page)
        for one in (page, other):
            await one.until(lambda one=one: list(parts(one)) == AROUND)
        await inbox.until(lambda: "A test of the live" in inbox.text("#feed"))


async def test_a_strangers_page_gets_nothing_of_it(bo, chi):
    async with LivePage(bo, SETTINGS) as page, LivePage(chi, SETTINGS) as strangers:
        await is_quiet(bo, pages=2)
        await press(page)
        await page.until(lambda: parts(page))
        await anotify(chi, title="For Chi")
        await strangers.until(lambda: "For Chi" in strangers.text("#toasts"))
        assert len(strangers.frames) == 1
        assert "echo" not in strangers.frames[0]


async def test_of_more_pages_than_a_hub_follows_nothing_is_told_and_the_echo_comes(bo, monkeypatch):
    monkeypatch.setattr(echo_watch, "UNDER_WAY_LIMIT", 0)
    async with LivePage(bo, SETTINGS) as page:
        await is_quiet(bo)
        await press(page)
        await page.until(lambda: page.text("#badge") == "1")
        assert not hub.current().echoes._under_way


async def test_what_the_hub_remembers_for_echoes_it_forgets(bo):
    async with LivePage(bo, SETTINGS) as page:
        await is_quiet(bo)
        await anotify(bo, title="Lunch is ready")
        await page.until(lambda: page.text("#badge") == "1")
        assert hub.current().echoes._woken or hub.current().echoes._woken_before
        await eventually(lambda: not hub.current().echoes._woken and not hub.current().echoes._woken_before)


# The act.


@pytest.fixture
def signed_in(client, bo):
    client.force_login(bo)
    return client


def send(client, **form):
    return client.post(ECHO, form, headers={"HX-Request": "true"})


def test_it_is_a_post_of_somebody_who_is_signed_in(client, bo):
    assert client.post(ECHO)["Location"].startswith("/accounts/login/")
    client.force_login(bo)
    assert client.get(ECHO).status_code == 405
    assert not Notification.objects.exists()


def test_a_second_one_at_once_is_refused_and_writes_nothing(signed_in, hands):
    assert send(signed_in, live="on").status_code == 204
    refusal = send(signed_in, live="on").content.decode()
    assert "One test at a time" in refusal
    assert 'hx-target="#alerts"' in refusal
    assert Notification.objects.count() == 1


def test_two_that_come_at_the_same_moment_are_one(inbox):
    assert echo.write(inbox.pk, "echo-1")[0]
    assert echo.write(inbox.pk, "echo-1")[0] is None


def test_the_next_one_can_be_sent_when_the_last_one_is_over(bo, hands):
    first = echo.send_echo(bo)
    hands.move(seconds=10)
    with pytest.raises(echo.TooSoon) as refusal:
        echo.send_echo(bo)
    assert 1 <= refusal.value.wait <= 10
    echo.take_back([(bo, first.key)])
    assert echo.send_echo(bo).key != first.key


def test_one_that_was_left_behind_goes_with_the_next_one(bo, hands):
    left = echo.send_echo(bo)
    hands.move(seconds=20)
    latest = echo.send_echo(bo)
    there = dict(Notification.objects.filter(retracted_at=None).values_list("key", "verb"))
    assert there == {latest.key: "echo.sent"}
    assert left.key != latest.key


def test_of_different_readers_each_may_send_one(bo, chi, hands):
    assert echo.send_echo(bo).key == echo.send_echo(chi).key


def test_a_page_without_a_socket_is_told_the_beginning_and_nothing_is_left(signed_in):
    answer = send(signed_in, live="").content.decode()
    assert 'data-part="written"' in answer
    assert 'data-part="stamped"' in answer
    assert "data-part" not in answer.partition('data-part="stamped"')[2]
    assert "This page has no live connection" in answer
    assert Notification.objects.get().retracted_at


def test_without_javascript_it_leads_back_with_a_message(signed_in):
    answer = signed_in.post(ECHO, {"next": SETTINGS}, follow=True)
    assert answer.redirect_chain == [(SETTINGS, 302)]
    assert "The test was written in" in answer.content.decode()
    assert Notification.objects.get().retracted_at


def test_where_stamping_fails_the_message_does_not_claim_it(signed_in):
    with patch.object(delivery, "settle"):
        answer = signed_in.post(ECHO, {"next": SETTINGS}, follow=True)
    assert "Its place in your inbox it gets a moment later." in answer.content.decode()


def test_nobody_else_can_take_its_keys(bo):
    with pytest.raises(InvalidNotification, match="reserved"):
        notify(bo, title="Not an echo", key="echo-1")


# Sums.


def test_the_parts_are_the_spans_between_the_moments():
    trip = echo.Trip(Times(1_000, 3_000, 6_500, 7_000), "bus", 8_000, 20_000, 45_000)
    assert [(part.name, part.took) for part in trip.parts] == [
        ("written", 2_000),
        ("stamped", 4_000),
        ("bus", 1_000),
        ("rendered", 12_000),
        ("returned", 25_000),
    ]
    assert (trip.total.took, trip.total.milliseconds) == (44_000, 44)


def test_a_nudge_that_was_heard_before_its_sender_looked_at_the_clock_left_when_it_was_placed():
    trip = echo.Trip(Times(1_000, 3_000, 6_500, 9_000), "bus", 8_000, 20_000, 45_000)
    assert [part.took for part in trip.parts] == [2_000, 3_500, 1_500, 12_000, 25_000]


def test_what_the_tick_has_stamped_was_stamped_then():
    trip = echo.Trip(Times(1_000, 3_000, 906_500, 7_000), "bus", 908_000, 920_000, 945_000)
    assert [part.took for part in trip.parts] == [2_000, 903_500, 1_500, 12_000, 25_000]


def test_no_part_is_negative_where_two_machines_have_different_clocks():
    trip = echo.Trip(Times(9_001_000, 9_003_000, 9_006_500, 9_007_000), "sweep", 8_000, 20_000, 45_000)
    assert [part.took for part in trip.parts] == [2_000, 3_500, 0, 12_000, 25_000]


def test_times_are_said_as_one_reads_them():
    assert [echo.Part("bus", took).milliseconds for took in (None, 0, 440, 3_140, 38_400)] == [None, 0, 0.4, 3.1, 38]


def test_an_echo_is_of_this_moment(bo):
    before = clock.microseconds()
    times = echo.send_echo(bo).times
    assert before <= times.began <= times.committed <= times.placed <= times.stamped <= clock.microseconds()
