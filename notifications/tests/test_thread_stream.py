"""The stream of threads: every page that shows one ends up as a reload would, whatever was lost in between."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from notifications import threads
from notifications.live import groups, hub, push, thread_frames
from notifications.live.frames import FRAME_LIMIT
from notifications.live.thread_frames import thread_frames_for
from notifications.live.thread_positions import ThreadPosition
from notifications.models import Message, Thread
from notifications.models.retention import Limits, remove_leavings
from notifications.testing import LivePage
from notifications.tests.calm import eventually
from notifications.thread_lists import PAGE_LENGTH, here_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live", "_patient")]

say, edit, retract = (sync_to_async(one) for one in (threads.say, threads.edit, threads.retract))


@pytest.fixture
def _patient(monkeypatch):
    """Nobody says too much."""
    monkeypatch.setattr("notifications.models.Allowance.spend", lambda *_: None)


@pytest.fixture
def talk(bo, chi):
    return threads.write_to(bo, chi, "Hello Chi").thread


@pytest.fixture
def ops(ada, bo, chi):
    room = threads.start_room(ada, "Ops", about="On call", is_open=False)
    threads.invite(ada, room, [bo, chi])
    threads.say(ada, room, "Good morning")
    return room


@sync_to_async
def message(thread, number):
    return thread.messages.with_faces().get(number=number)


def at(thread):
    return thread.get_absolute_url()


def said(page):
    """What stands in the thread that the page shows, from top to bottom."""
    rows = page.document.find("#messages")
    return [page.document.text(f"#{row.get('id')}") for row in rows if (row.get("id") or "").startswith("message-")]


async def fresh(page):
    return (await LivePage(page.user, page.path, client=page.client).load()).shown()


async def equals_a_reload(page):
    """In the end: a frame is no snapshot, and what it has read a moment too early comes with the next one."""
    expected = (await fresh(page))["thread"]
    await page.until(lambda: page.shown()["thread"] == expected)


async def test_what_is_said_is_on_both_pages_and_equals_a_reload(talk, bo, chi):
    async with LivePage(bo, at(talk)) as one, LivePage(chi, at(talk)) as other:
        await say(chi, talk, "Hello **Bo**")
        for page in (one, other):
            await page.until(lambda page=page: "Hello Bo" in page.text("#messages"))
            await equals_a_reload(page)


async def test_edits_and_what_is_taken_back_come_where_they_stand(talk, bo, chi):
    await say(bo, talk, "One too many")
    async with LivePage(chi, at(talk)) as page:
        await edit(bo, await message(talk, 1), "Hello Chi!")
        await page.until(lambda: "Hello Chi!" in page.text("#message-1"))
        await retract(bo, await message(talk, 2))
        await page.until(lambda: page.document.find("#message-2") is None)
        await equals_a_reload(page)


async def test_a_page_that_was_away_lacks_nothing_afterwards(talk, bo, chi):
    page = await LivePage(chi, at(talk)).load()
    await say(bo, talk, "Two")
    await edit(bo, await message(talk, 1), "One")
    await say(bo, talk, "Three")
    await retract(bo, await message(talk, 2))
    await page.connect()
    await page.until(lambda: "Three" in page.text("#messages"))
    await equals_a_reload(page)
    assert len(page.frames) <= 2
    await page.cut()


async def test_a_page_that_lacks_nothing_is_told_nothing(talk, chi):
    async with LivePage(chi, at(talk)) as page:
        await say(chi, talk, "Hello")
        await page.until(lambda: "Hello" in page.text("#message-2"))
        assert sum('hx-target="#messages"' in frame for frame in page.frames) == 1


async def test_what_lost_nudges_have_left_behind_the_sweep_finds(talk, bo, chi, monkeypatch):
    async with LivePage(chi, at(talk)) as page:
        await eventually(lambda: hub.current().bus.hears(groups.thread(talk.pk)))
        await say(bo, talk, "Nothing is on its way any more")
        await page.until(lambda: "Nothing" in page.text("#messages"))
        monkeypatch.setattr(push.Sender, "_send", lambda sender, messages: None)
        await say(bo, talk, "Are you there?")
        await page.until(lambda: "Are you there?" in page.text("#messages"))
        await equals_a_reload(page)


async def test_more_than_can_be_caught_up_with_is_the_newest_page(talk, bo, chi, monkeypatch):
    monkeypatch.setattr(thread_frames, "CHANGES_LIMIT", 3)
    page = await LivePage(chi, at(talk)).load()
    for number in range(PAGE_LENGTH + 5):
        await say(bo, talk, f"number {number}")
    await page.connect()
    await page.until(lambda: f"number {PAGE_LENGTH + 4}" in page.text("#messages"))
    assert len(said(page)) == PAGE_LENGTH
    await equals_a_reload(page)
    await page.cut()


async def test_older_messages_that_were_loaded_go_on_being_true(talk, bo, chi):
    for number in range(2, PAGE_LENGTH + 11):
        await say(bo, talk, f"number {number}")
    async with LivePage(chi, at(talk)) as page:
        assert page.document.find("#message-5") is None
        await edit(bo, await message(talk, 5), "an old one, mended")
        await load_older(page)
        assert "an old one, mended" in page.text("#message-5")
        await edit(bo, await message(talk, 5), "mended again")
        await page.until(lambda: "mended again" in page.text("#message-5"))
        await retract(bo, await message(talk, 3))
        await page.until(lambda: page.document.find("#message-3") is None)
        assert said(page) == sorted(said(page), key=said(page).index)
        assert len(said(page)) == PAGE_LENGTH + 9


async def load_older(page):
    link = next(page.document.find("#older-messages").iter("a"))
    answer = await page.client.get(link.get("href"), headers={"HX-Request": "true"})
    page.document.apply(answer.content.decode())
    await page.send_form()


async def test_what_changed_while_older_ones_were_on_their_way_comes_again(talk, bo, chi):
    for number in range(2, PAGE_LENGTH + 11):
        await say(bo, talk, f"number {number}")
    async with LivePage(chi, at(talk)) as page:
        link = next(page.document.find("#older-messages").iter("a"))
        answer = await page.client.get(link.get("href"), headers={"HX-Request": "true"})
        await edit(bo, await message(talk, 5), "changed meanwhile")
        await say(bo, talk, "and something new")
        await page.until(lambda: "something new" in page.text("#messages"))
        page.document.apply(answer.content.decode())
        await page.send_form()
        await page.until(lambda: "changed meanwhile" in page.text("#message-5"))


async def test_tombstones_are_removed_with_the_years_and_pages_get_it_anew(talk, bo, chi, hands):
    await say(bo, talk, "Two")
    await retract(bo, await message(talk, 2))
    page = await LivePage(chi, at(talk)).load()
    await say(bo, talk, "Three")
    await retract(bo, await message(talk, 3))
    hands.move(days=91)
    await sync_to_async(remove_leavings)(Limits(90, 365))
    assert await sync_to_async(Message.objects.count)() == 1
    await say(bo, talk, "Four")
    await page.connect()
    await page.until(lambda: "Four" in page.text("#messages"))
    assert [one.partition(" ")[2] != "" for one in said(page)] == [True, True]
    await equals_a_reload(page)
    await page.cut()


async def test_the_head_of_a_room_changes_for_all_who_have_it_open(ops, ada, bo, chi):
    async with LivePage(bo, at(ops)) as page:
        await sync_to_async(threads.change_room)(ada, ops, title="Operations", about="Nights", is_open=True)
        await page.until(lambda: "Operations" in page.text("#thread-head"))
        await sync_to_async(threads.leave)(chi, ops)
        await page.until(lambda: "2 people" in page.text("#thread-head"))
        await equals_a_reload(page)


def test_what_is_changed_between_the_looks_at_the_thread_and_at_its_messages_is_not_lost(talk, bo, monkeypatch):
    threads.say(bo, talk, "Just said")
    position = ThreadPosition(thread_id=talk.pk, at=1, last=1, language="en", zone="UTC")
    read = thread_frames.changed_messages

    def slowly(*asked):
        threads.edit(bo, talk.messages.get(number=2), "Just said, and changed")
        return read(*asked)

    monkeypatch.setattr(thread_frames, "changed_messages", slowly)
    first = thread_frames_for({position: {bo.inbox.pk}})[0][position]
    html = first.html + thread_frames_for({first.position: {bo.inbox.pk}})[0][first.position].html
    assert '<hx-upsert hx-target="#messages"' in html
    assert "Just said, and changed" in html


@pytest.fixture
def said_between_the_looks(talk, bo, monkeypatch):
    """The frame of a page with nothing, and a message that was said after its position was read."""
    position = ThreadPosition(thread_id=talk.pk, at=0, last=0, language="en", zone="UTC")
    read = thread_frames.changed_messages

    def slowly(*asked):
        monkeypatch.setattr(thread_frames, "changed_messages", read)
        threads.say(bo, talk, "Too soon")
        return read(*asked)

    monkeypatch.setattr(thread_frames, "changed_messages", slowly)
    return thread_frames_for({position: {bo.inbox.pk}})[0][position]


def test_what_is_said_between_the_looks_comes_once_with_the_next_frame(said_between_the_looks, bo):
    first = said_between_the_looks
    assert "Too soon" not in first.html
    second = thread_frames_for({first.position: {bo.inbox.pk}})[0][first.position]
    assert "Too soon" in second.html
    assert not thread_frames_for({second.position: {bo.inbox.pk}})[0][second.position].html


def test_what_is_said_between_the_looks_hides_nothing_of_what_is_missing(talk, bo, monkeypatch):
    """One change too many to be told one by one, and one more."""
    monkeypatch.setattr(thread_frames, "CHANGES_LIMIT", 3)
    for number in range(4):
        threads.say(bo, talk, f"number {number}")
    position = ThreadPosition(thread_id=talk.pk, at=1, last=1, language="en", zone="UTC")
    read = thread_frames.changed_messages

    def slowly(*asked):
        threads.say(bo, talk, "Too soon")
        return read(*asked)

    monkeypatch.setattr(thread_frames, "changed_messages", slowly)
    assert "number 0" in thread_frames_for({position: {bo.inbox.pk}})[0][position].html


def test_what_is_taken_back_between_the_looks_is_never_shown(said_between_the_looks, talk, bo):
    first = said_between_the_looks
    threads.retract(bo, talk.messages.get(number=2))
    second = thread_frames_for({first.position: {bo.inbox.pk}})[0][first.position]
    assert "Too soon" not in second.html
    assert second.position.last == 2


@pytest.mark.parametrize("limit", ["CHANGES_LIMIT", "ROWS_LIMIT"])
def test_a_busy_thread_takes_no_other_ones_messages(ada, bo, monkeypatch, limit):
    monkeypatch.setattr(thread_frames, limit, 3)
    rooms = [threads.start_room(ada, name) for name in ("Busy", "Quiet")]
    for number in range(9):
        threads.say(bo, rooms[0], f"number {number}")
    threads.say(bo, rooms[1], "The only one")
    wanted = {ThreadPosition(thread_id=room.pk, at=0, language="en", zone="UTC"): {bo.inbox.pk} for room in rooms}
    frames, _strangers = thread_frames_for(wanted)
    assert ["number 8" in frame.html or "The only one" in frame.html for frame in frames.values()] == [True, True]


def test_a_frame_is_never_larger_than_its_limit(talk, bo):
    for _ in range(20):
        threads.say(bo, talk, "&" * 4_000)
    position = ThreadPosition(thread_id=talk.pk, at=1, last=1, language="en", zone="UTC")
    frame = thread_frames_for({position: {bo.inbox.pk}})[0][position]
    assert frame.is_full
    assert len(frame.html.encode()) <= FRAME_LIMIT
    assert "message-21" in frame.html


# Strangers.


async def test_who_is_sent_away_sees_nothing_more_of_it(ops, ada, bo):
    async with LivePage(bo, at(ops)) as page:
        await sync_to_async(threads.dismiss)(ada, ops, bo.inbox)
        await say(ada, ops, "Now that Bo is gone")
        await page.until(lambda: "no longer" in page.text("#thread-head"))
        assert page.text("#messages") == ""
        assert not any("Now that Bo" in frame for frame in page.frames)


async def test_who_comes_back_after_the_socket_was_cut_sees_all_of_it_again(ops, ada, bo):
    async with LivePage(bo, at(ops)) as page:
        await sync_to_async(threads.dismiss)(ada, ops, bo.inbox)
        await page.until(lambda: "no longer" in page.text("#thread-head"))
        await page.cut()
        await sync_to_async(threads.invite)(ada, ops, [bo])
        await say(ada, ops, "Welcome back")
        await page.connect()
        await equals_a_reload(page)
        assert len(said(page)) == 2


def test_what_is_said_while_somebody_is_sent_away_does_not_reach_them(ops, ada, bo, monkeypatch):
    """Between the looks at the thread and at its messages."""
    read = thread_frames.changed_messages
    position = ThreadPosition(thread_id=ops.pk, at=1, last=0, language="en", zone="UTC")

    def slowly(*asked):
        threads.dismiss(ada, Thread.objects.get(), bo.inbox)
        threads.say(ada, Thread.objects.get(), "Now that Bo is gone")
        return read(*asked)

    monkeypatch.setattr(thread_frames, "changed_messages", slowly)
    _frames, strangers = thread_frames_for({position: {bo.inbox.pk}})
    assert strangers == {(ops.pk, bo.inbox.pk)}


async def test_who_was_removed_by_sql_is_found_by_the_sweep(ops, ada, bo):
    async with LivePage(bo, at(ops)) as page:
        await sync_to_async(lambda: ops.follows.filter(inbox=bo.inbox).delete())()
        await page.until(lambda: "no longer" in page.text("#thread-head"))
        assert page.text("#messages") == ""


async def test_a_strangers_socket_that_asks_for_a_thread_stays_silent(ops, talk, dana):
    async with LivePage(dana) as page:
        form = page.document.inputs("#resume")
        for thread in (ops, talk):
            forged = {**form, "thread": str(thread.pk), "thread_at": "0", "thread_read": "0", "thread_from": "0@0"}
            other = await LivePage(dana, client=page.client).load()
            await other.connect(form={**forged, "here": "1"})
            await say(await sync_to_async(lambda t=thread: t.messages.first().author)(), thread, "A secret")
            await other.until(lambda other=other: any("messages" in frame for frame in other.frames))
            assert not any("secret" in frame.lower() or "Hello" in frame for frame in other.frames)
            assert await sync_to_async(lambda t=thread: here_in(t)[1])() == ""
            await other.cut()


@pytest.mark.parametrize(
    "odd",
    [
        {"thread": "x"},
        {"thread": "-1"},
        {"thread": "9" * 30},
        {"thread_at": ""},
        {"thread_at": "99999"},
        {"thread_at": "1", "thread_read": "99999"},
        {"thread_from": "5"},
        {"thread_from": "@"},
        {"thread_from": "99999@0"},
        {"here_at": "<script>"},
        {"epoch": "of yore"},
        {"thread_read": "\ud800"},
    ],
    ids=str,
)
def test_a_strange_position_gets_everything_or_nothing(talk, bo, odd):
    form = {"thread": str(talk.pk), "thread_at": "1", "thread_read": "1", "thread_from": "0@1", "epoch": "now"}
    position = ThreadPosition.from_form({**form, **odd}, "now")
    frames, strangers = thread_frames_for({position: {bo.inbox.pk}})
    for frame in frames.values():
        assert "Hello Chi" in frame.html or not frame.html or "here" in frame.html
    assert strangers <= {(position.thread_id, bo.inbox.pk)}


# What it costs.


async def test_a_message_is_rendered_once_for_all_who_read_alike(ops, ada, bo, chi, monkeypatch):
    rendered = []
    original = thread_frames.render_to_string

    def counting(template, context=None):
        rendered.append(template)
        return original(template, context)

    pages = [LivePage(user, at(ops)) for user in (ada, bo, bo)]
    for page in pages:
        await page.__aenter__()
    await asyncio.gather(*(equals_a_reload(page) for page in pages))
    monkeypatch.setattr(thread_frames, "render_to_string", counting)
    await say(chi, ops, "Lunch?")
    for page in pages:
        await page.until(lambda page=page: "Lunch?" in page.text("#messages"))
    assert rendered.count("notifications/threads/frame.html") == 1
    for page in pages:
        await page.cut()


def test_frames_of_many_threads_cost_a_handful_of_queries(bo, chi, ada, django_assert_max_num_queries):
    made = [threads.start_room(ada, f"Room {number}") for number in range(9)]
    for room in made:
        threads.say(bo, room, "Hello")
    wanted = {ThreadPosition(thread_id=room.pk, at=0, language="en", zone="UTC"): {bo.inbox.pk} for room in made}
    thread_frames_for(wanted)
    with django_assert_max_num_queries(6 + len(made)):  # the heads ask for the number of people
        frames, _ = thread_frames_for(wanted)
    assert all("Hello" in frame.html for frame in frames.values())


# When something goes wrong.


async def test_a_database_that_does_not_answer_for_a_moment_costs_no_message(talk, bo, chi, monkeypatch):
    original, failures = thread_frames.changed_messages, [1]

    def failing(*asked):
        if failures and Thread.objects.get().last_number > 1:
            failures.pop()
            raise OperationalError("gone")
        return original(*asked)

    monkeypatch.setattr(thread_frames, "changed_messages", failing)
    async with LivePage(chi, at(talk)) as page:
        await say(bo, talk, "Still there?")
        await page.until(lambda: "Still there?" in page.text("#messages"))
    assert not failures


async def test_without_a_socket_the_same_comes_by_polling(talk, bo, chi):
    page = await LivePage(chi, at(talk)).load()
    await say(bo, talk, "By post")
    answer = await page.client.get("/inbox/changes/", page.document.inputs("#resume"))
    page.document.apply(answer.content.decode())
    assert "By post" in page.text("#messages")
    assert page.shown()["thread"] == (await fresh(page))["thread"]
