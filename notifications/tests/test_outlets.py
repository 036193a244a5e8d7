"""One slow page never delays another, and none can make the server's memory grow."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from notifications.delivery import anotify, notify
from notifications.live import codes, frames, hub, missing, outlet
from notifications.live.frames import Frame
from notifications.live.outlet import Outlet
from notifications.live.positions import Position
from notifications.testing import LivePage
from notifications.testing.dom import parse_fragment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live")]


class Socket:
    """What an outlet writes to. ``stalls`` never returns from send(), as a browser that does not read."""

    def __init__(self, stalls=False, fails=False):
        self.sent, self.code, self.stalls, self.fails = [], None, stalls, fails

    async def send(self, text):
        if self.fails:
            raise ConnectionError
        self.sent.append(text)
        if self.stalls:
            await asyncio.Event().wait()

    async def close(self, code):
        self.code = code

    def outlet(self, **other):
        position = Position(board=0, since=1, language="en", zone="UTC")
        given = {"inbox_id": 1, "access": 0, "user_id": 1, "session_key": "", "position": position}
        return Outlet(**given | {"send": self.send, "close": self.close, "frames_per_second": 4.0} | other)


async def drained():
    """Let everything run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_eight_frames_at_once_and_then_four_a_second():
    out = Socket().outlet()
    for revision in range(2, 2 + outlet.BURST):
        assert out.wait() == 0
        out.push(Frame(revision, 0, "x"))
        await drained()
    assert 0 < out.wait() <= 0.25


async def test_news_of_the_board_make_no_news_of_what_a_page_has_missed_in_its_inbox():
    out = Socket().outlet()
    out.push_html("x", 1, 1, 0)
    assert not out.position.may_toast
    await drained()
    out.push(Frame(2, 1, "x"))
    assert out.position.may_toast


async def test_a_page_that_is_still_busy_with_the_last_frame_gets_none():
    out = Socket(stalls=True).outlet()
    out.push(Frame(2, 0, "x"))
    await drained()
    assert out.wait() > 0


async def test_a_page_that_does_not_acknowledge_gets_256_kib_and_is_stuck_after_30_s(monkeypatch):
    out = Socket().outlet(frames_per_second=0.0)
    for revision in (2, 3):
        out.push(Frame(revision, 0, "x" * (outlet.UNACKNOWLEDGED_LIMIT // 2)))
        await drained()
    assert out.wait() > 0
    assert not out.is_stuck()
    monkeypatch.setattr(outlet, "UNACKNOWLEDGED_SECONDS", -1)
    assert out.is_stuck()


async def test_an_acknowledgement_opens_it_again():
    socket = Socket()
    out = socket.outlet(frames_per_second=0.0)
    out.push(Frame(2, 0, '<input id="receipt" value="">' + "x" * outlet.UNACKNOWLEDGED_LIMIT))
    await drained()
    said = Position(board=0, since=2, language="en", zone="UTC")
    out.acknowledge(said, receipt="a guess")
    assert out.wait() > 0
    out.acknowledge(said, receipt=parse_fragment(socket.sent[0])[0].get("value"))
    assert out.wait() == 0


@pytest.mark.parametrize("since", [2, 99], ids=["behind", "ahead"])
async def test_a_page_that_claims_to_stand_elsewhere_gets_nothing_twice_and_misses_nothing(since):
    """How far it was sent to, the hub knows better."""
    out = Socket().outlet()
    for revision in (2, 3):
        out.push(Frame(revision, 4, "x"))
    assert not out.acknowledge(Position(board=since, since=since, language="en", zone="UTC"), receipt="")
    assert (out.position.since, out.position.board) == (3, 4)


async def test_a_form_from_before_a_full_list_arrived_says_nothing_of_the_list_that_is_shown_by_now():
    out = Socket().outlet(position=Position(board=0, since=5, view="feed:all", bottom=10))
    out.push(Frame(9, 0, "the newest only", bottom=70))
    assert not out.acknowledge(Position(board=0, since=5, loaded_at=5, view="feed:all", bottom=10), receipt="")
    assert out.position.bottom == 70
    assert out.acknowledge(Position(board=0, since=9, loaded_at=9, view="feed:all", bottom=40), receipt="")
    assert out.position.bottom == 40


async def test_a_page_that_does_not_take_a_frame_at_all_is_stuck_after_30_s(monkeypatch):
    out = Socket(stalls=True).outlet()
    out.push(Frame(2, 0, "x"))
    await drained()
    assert not out.is_stuck()
    monkeypatch.setattr(outlet, "UNACKNOWLEDGED_SECONDS", -1)
    assert out.is_stuck()


async def test_a_write_that_fails_sends_the_page_away_to_come_back():
    socket = Socket(fails=True)
    socket.outlet().push(Frame(2, 0, "x"))
    await drained()
    assert socket.code == codes.COME_BACK_LATER


async def test_a_page_that_never_reads_makes_nobody_wait_and_is_closed(bo, chi, monkeypatch):
    monkeypatch.setattr(outlet, "UNACKNOWLEDGED_LIMIT", 1)
    monkeypatch.setattr(outlet, "UNACKNOWLEDGED_SECONDS", 0.0)
    async with LivePage(bo) as deaf, LivePage(chi) as page:
        deaf.acknowledges = False
        await anotify(bo, title="Into the void")
        for n in range(3):
            await anotify(chi, title=f"Number {n}")
            await page.until(lambda n=n: f"Number {n}" in page.text("#feed"))
            await page.send_form()
        assert await deaf.until_closed() == codes.COME_BACK_LATER
        assert len(deaf.frames) == 1


async def test_what_waits_for_a_page_is_one_frame(bo):
    """200 that arrive at once are merged into as many frames as the rate allows."""
    async with LivePage(bo) as page:
        for n in range(200):
            await anotify(bo, title=f"Number {n}")
        await page.until(lambda: page.text("#count-all") == "200")
        assert page.text("#badge") == "99+"
        assert len(page.frames) < 60


async def test_two_hundred_in_ten_seconds_are_fifty_frames_at_most(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(outlet.time, "monotonic", lambda: clock[0])
    out, frames_sent = Socket().outlet(), 0
    for revision in range(2, 202):
        clock[0] += 0.05
        if not out.wait():
            out.push(Frame(revision, 0, "x"))
            frames_sent += 1
            await drained()
    assert 40 < frames_sent <= 50


async def has_joined(user, page):
    await anotify(user, title="Joined")
    await page.until(lambda: "Joined" in page.text("#feed"))


async def is_caught_up(page):
    """Nothing is missing: from now on arrivals are news to it."""
    async with asyncio.timeout(15):
        while not any(one.position.may_toast for one in hub.current().all_outlets()):  # noqa: ASYNC110  (nothing tells)
            await asyncio.sleep(0)


@sync_to_async
def arrive(user, *numbers):
    with transaction.atomic():
        for n in numbers:
            notify(user, title=f"Number {n}")


def toasts(page):
    return [" ".join("".join(toast.itertext()).split()) for toast in page.document.find("#toasts")]


@pytest.mark.parametrize(
    ("arrivals", "more"), [(1, ""), (3, ""), (4, "1 more notification"), (9, "6 more notifications")]
)
async def test_what_arrives_at_once_is_three_toasts_and_one_that_counts_the_rest(bo, arrivals, more):
    async with LivePage(bo) as page:
        await is_caught_up(page)
        await arrive(bo, *range(arrivals))
        await page.until(lambda: f"Number {arrivals - 1}" in page.text("#feed"))
        assert [toast.removesuffix(" Dismiss") for toast in toasts(page)] == [
            *(f"Number {n}" for n in range(min(arrivals, 3))),
            *([more] if more else []),
        ]


@pytest.mark.parametrize("limit", [missing.CHANGES_LIMIT, 10], ids=["by rows", "by full lists"])
async def test_a_storm_is_three_toasts_and_one_that_counts_the_rest(bo, monkeypatch, limit):
    monkeypatch.setattr(missing, "CHANGES_LIMIT", limit)
    async with LivePage(bo) as page:
        await is_caught_up(page)
        for n in range(0, 200, 20):
            await arrive(bo, *range(n, n + 20))
        await page.until(lambda: page.text("#count-all") == "200")
        assert [toast.removesuffix(" Dismiss") for toast in toasts(page)] == [
            *(f"Number {n}" for n in range(3)),
            "197 more notifications",
        ]
        assert page.text("#badge") == "99+"


async def test_after_a_while_without_news_toasts_come_one_by_one_again(bo, monkeypatch):
    async with LivePage(bo) as page:
        await is_caught_up(page)
        await arrive(bo, *range(5))
        await page.until(lambda: "Number 4" in page.text("#feed"))
        monkeypatch.setattr(outlet, "TOAST_WINDOW", -1.0)
        await arrive(bo, "five")
        await page.until(lambda: "Number five" in page.text("#feed"))
        assert toasts(page)[-1] == "Number five Dismiss"


async def test_what_an_open_bell_shows_is_no_toast(bo):
    async with LivePage(bo) as page:
        await is_caught_up(page)
        form = page.document.inputs("#resume") | {"bell": "1"}
        await page.send_form(form)
        await arrive(bo, 1)
        await page.until(lambda: "Number 1" in page.text("#bell-list"))
        assert toasts(page) == []


async def test_what_a_page_has_missed_is_no_toast(bo):
    async with LivePage(bo) as page:
        await has_joined(bo, page)
        await page.cut()
        await anotify(bo, title="Missed")
        await page.connect()
        await page.until(lambda: "Missed" in page.text("#feed"))
        assert "Missed" not in page.text("#toasts")


async def test_a_frame_is_never_larger_than_its_limit(bo, monkeypatch):
    """One that would be is the full list instead, as much of it as fits."""
    limit = 16 * 1024
    monkeypatch.setattr(frames, "FRAME_LIMIT", limit)
    page = await LivePage(bo).load()
    for n in range(40):
        await anotify(bo, title=f"Number {n}", body="x" * 300)
    await page.connect()
    await page.receive()
    assert len(page.frames[0].encode()) <= limit + len(outlet.RECEIPT) + 16
    assert "hx-upsert" not in page.frames[0]
    titles = ["".join(row.itertext()) for row in page.document.rows()]
    assert all(f"Number {39 - n}" in title for n, title in enumerate(titles))
    assert page.text("#older") == "Older notifications"
    await page.cut()


async def test_a_deaf_page_is_exact_when_it_is_back(bo, monkeypatch):
    monkeypatch.setattr(outlet, "UNACKNOWLEDGED_LIMIT", 1)
    monkeypatch.setattr(outlet, "UNACKNOWLEDGED_SECONDS", 0.0)
    page = await LivePage(bo).load()
    page.acknowledges = False
    await page.connect()
    for n in range(5):
        await anotify(bo, title=f"Number {n}")
    assert await page.until_closed() == codes.COME_BACK_LATER
    monkeypatch.undo()
    await page.connect()
    await page.until(lambda: "Number 4" in page.text("#feed"))
    fresh = await LivePage(bo, client=page.client).load()
    assert page.shown() == fresh.shown()
    await page.cut()
    assert not hub.current().outlets
