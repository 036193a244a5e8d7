"""A page that was away, that comes from the past, or that loads older items, equals a fresh one."""

from unittest.mock import patch

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from notifications import lists
from notifications.delivery import anotify, notify, retract
from notifications.live import frames, hub, missing
from notifications.models import Inbox
from notifications.testing import LivePage
from notifications.tests.harness import cut_off

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live")]

FULL_LIST = '<hx-partial hx-target="#feed" hx-swap="innerHTML">'
VIEWS = ["all", "unread", "archived", "category:comments"]


@pytest.fixture
def short(monkeypatch):
    """Five items are a page, and six changes are too many."""
    monkeypatch.setattr(lists, "PAGE_LENGTH", 5)
    monkeypatch.setattr(missing, "CHANGES_LIMIT", 6)


@sync_to_async
def deliver(bo, count, **content):
    """So many at once, as one change: n0, n1, ..."""
    with transaction.atomic():
        for n in range(count):
            notify(bo, title=f"Number {n}", key=f"n{n}", **content)


@sync_to_async
def act(bo, verb, *keys):
    inbox = Inbox.objects.of(bo)
    for key in keys:
        getattr(inbox, verb)(key)


async def revision_of(bo):
    return (await Inbox.objects.aget(user=bo)).revision


async def catch_up(page):
    await page.until_revision(await revision_of(page.user))


async def equals_a_fresh_one(page):
    """Down to the oldest item that it has."""
    with patch.object(lists, "PAGE_LENGTH", 10**6):
        fresh = await LivePage(page.user, page.path, client=page.client).load()
    cut_off(fresh.document, page.document.inputs("#resume")["bottom"])
    assert page.shown() == fresh.shown()


def keys_of(page):
    return [row.get("id").removeprefix("notification-") for row in page.document.rows()]


async def test_a_page_that_missed_few_changes_gets_each_of_them(bo, short):
    page = await LivePage(bo).load()
    await deliver(bo, missing.CHANGES_LIMIT)
    await page.connect()
    await page.receive()
    assert FULL_LIST not in page.frames[0]
    await equals_a_fresh_one(page)
    await page.cut()


async def test_a_page_that_missed_more_than_300_gets_one_full_list(bo):
    page = await LivePage(bo).load()
    await deliver(bo, 301)
    await page.connect()
    await page.receive()
    assert page.frames[0].count(FULL_LIST) == 1
    await equals_a_fresh_one(page)
    await page.cut()


async def test_what_commits_while_much_is_being_caught_up_with_hides_nothing_of_it(bo, short, monkeypatch):
    page = await LivePage(bo).load()
    for n in range(7):
        await anotify(bo, title=f"Missed {n}")
    real = frames.changed_rows

    def commit_before(*args):
        monkeypatch.setattr(frames, "changed_rows", real)
        notify(bo, title="In the middle")
        return real(*args)

    monkeypatch.setattr(frames, "changed_rows", commit_before)
    await page.connect()
    await page.until(lambda: "In the middle" in page.text("#feed"))
    await catch_up(page)
    await equals_a_fresh_one(page)
    await page.cut()


async def test_a_position_below_the_floor_gets_the_full_list(bo):
    """Retention has deleted what would tell the page that an item is gone."""
    await deliver(bo, 2)
    page = await LivePage(bo).load()
    await sync_to_async(retract)(bo, "n0")
    inbox = await Inbox.objects.aget(user=bo)
    await inbox.notifications.filter(key="n0").adelete()
    await Inbox.objects.filter(pk=inbox.pk).aupdate(floor=inbox.revision)
    await page.connect()
    await page.receive()
    assert keys_of(page) == ["n1"]
    assert FULL_LIST in page.frames[0]
    await page.cut()


@pytest.mark.parametrize("bottom", ["", "5", "5@", "@5", "x@1", "1@x", "9" * 30 + "@1", "-1@1"])
async def test_a_list_that_does_not_say_how_far_down_it_reaches_gets_the_full_one(bo, bottom):
    await deliver(bo, 2)
    page = await LivePage(bo).load()
    await page.connect(form={**page.document.inputs("#resume"), "bottom": bottom})
    await page.receive()
    assert FULL_LIST in page.frames[0]
    await equals_a_fresh_one(page)
    await page.cut()


@pytest.mark.parametrize("view", VIEWS)
async def test_a_list_with_older_items_loaded_catches_up_whatever_it_shows(bo, short, view):
    await deliver(bo, 12, category="comments")
    if view == "archived":
        await act(bo, "archive", *(f"n{n}" for n in range(12)))
    page = await LivePage(bo, f"/inbox/?view={view}").load()
    await page.load_older()
    undo = "unarchive" if view == "archived" else "archive"
    await act(bo, undo, "n3", "n4", "n11")
    await act(bo, "mark_read", "n5")
    await anotify(bo, title="New", category="comments")
    await page.connect()
    await catch_up(page)
    assert FULL_LIST not in page.frames[0]
    await equals_a_fresh_one(page)
    await page.cut()


async def test_what_is_below_the_last_item_stays_out_until_older_ones_are_loaded(bo, short):
    await deliver(bo, 12)
    async with LivePage(bo) as page:
        await act(bo, "mark_read", "n0", "n5")
        await catch_up(page)
        assert keys_of(page) == ["n11", "n10", "n9", "n8", "n7"]
        await page.load_older()
        assert page.document.by_id("notification-n5").get("data-state") == "read"
        await equals_a_fresh_one(page)


async def older_items_on_their_way(page):
    """Press "Older notifications"; the answer is under way."""
    link = next(page.document.find("#older").iter("a")).get("href")
    return (await page.client.get(link, headers={"HX-Request": "true"})).content.decode()


@pytest.mark.parametrize("count", [12, 8])  # with still older ones left, and without
async def test_a_change_of_older_items_while_they_are_on_their_way_is_not_lost(bo, short, count):
    await deliver(bo, count)
    async with LivePage(bo) as page:
        answer = await older_items_on_their_way(page)
        await act(bo, "archive", f"n{count - 7}")
        await catch_up(page)
        page.document.apply(answer)
        await page.send_form()
        await page.until(lambda: f"n{count - 7}" not in keys_of(page))
        await equals_a_fresh_one(page)


async def test_nor_is_it_when_the_connection_is_cut_before_the_server_has_heard_of_them(bo, short):
    await deliver(bo, 12)
    async with LivePage(bo) as page:
        answer = await older_items_on_their_way(page)
        await act(bo, "archive", "n5")
        await act(bo, "archive", "n4")
        page.document.apply(answer)
        await catch_up(page)
        await page.cut()
        await page.connect()
        await page.until(lambda: not {"n5", "n4"} & set(keys_of(page)))
        await equals_a_fresh_one(page)


async def test_loading_older_items_toasts_nothing_again(bo, short):
    await deliver(bo, 12)
    async with LivePage(bo) as page:
        await act(bo, "mark_read", "n11")
        await catch_up(page)
        answer = await older_items_on_their_way(page)
        await anotify(bo, title="News", key="news")
        await page.until(lambda: "News" in page.text("#toasts"))
        page.document.apply(answer)
        await page.send_form()
        await page.receive()
        assert "toast" not in page.frames[-1]


async def test_after_a_full_list_nothing_from_below_it_enters_before_the_page_has_said_so(bo, short):
    """The server knows how far down it reaches."""
    await deliver(bo, 12)
    async with LivePage(bo) as page:
        page.acknowledges = False
        await page.load_older()
        await act(bo, "mark_read", "n11")
        await catch_up(page)
        for one in hub.current().all_outlets():
            one.forget()
        await act(bo, "mark_read", "n10")
        await page.until(lambda: len(page.document.rows()) == 5)
        await act(bo, "archive", "n2")
        await act(bo, "mark_read", "n3")
        await catch_up(page)
        assert keys_of(page) == ["n11", "n10", "n9", "n8", "n7"]


async def test_a_bell_that_opens_while_something_changes_shows_it(bo):
    """The answer with the list is slower than the frame that a change in it has caused."""
    await deliver(bo, 3)
    async with LivePage(bo) as page:
        form = page.document.inputs("#resume")
        answer = await page.client.post("/inbox/seen/", form, headers={"HX-Request": "true"})
        await act(bo, "archive", "n1")
        await catch_up(page)
        list_, oob, rest = answer.content.decode().partition('<input type="hidden" name="bell_at"')
        page.document.by_id("bell-open").set("value", "1")
        page.document.apply(f'<hx-partial hx-target="#bell-list" hx-swap="innerHTML">{list_}</hx-partial>{oob}{rest}')
        assert len(page.document.rows("#bell-list")) == 3
        await page.send_form()
        await page.until(lambda: len(page.document.rows("#bell-list")) == 2)


@pytest.mark.parametrize("view", VIEWS)
async def test_a_page_that_polls_gets_to_the_same_state(bo, short, view):
    await deliver(bo, 4, category="comments")
    page = await LivePage(bo, f"/inbox/?view={view}").load()
    await act(bo, "archive", "n0", "n1")
    await act(bo, "mark_read", "n2")
    answer = await page.client.get("/inbox/changes/", page.document.inputs("#resume"))
    page.document.apply(answer.content.decode())
    await equals_a_fresh_one(page)


async def test_the_longest_titles_and_reasons_fit_into_a_frame(bo):
    """Where thirty of them do not, the list is shorter and the rest is reached by "older"."""
    await deliver(bo, 40, body="&" * 4000, reason='"' * 200)
    await sync_to_async(notify)(bo, verb="comment.added", actor='"' * 150, params={"target": "'" * 3900})
    page = await LivePage(bo).load()
    form = {**page.document.inputs("#resume"), "since": "", "bell": "1"}
    await page.connect(form=form)
    await page.receive()
    assert len(page.frames[0].encode()) <= frames.FRAME_LIMIT
    await page.load_older()
    await equals_a_fresh_one(page)
    await page.cut()
