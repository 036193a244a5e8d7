"""The stream: what is committed reaches the open pages, and a page that was away catches up."""

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from notifications.delivery import anotify, aretract, notify
from notifications.lists import PAGE_LENGTH
from notifications.live import frames
from notifications.live.frames import frames_for
from notifications.live.positions import Position
from notifications.testing import LivePage
from notifications.views import inbox as inbox_views

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live")]


async def fresh(page):
    return (await LivePage(page.user, page.path, client=page.client).load()).shown()


async def test_a_notification_is_pushed_to_every_page_of_its_recipient_and_to_nobody_else(bo, chi):
    async with LivePage(bo) as first, LivePage(bo, "/inbox/?view=unread") as second, LivePage(chi) as stranger:
        await anotify(bo, title="Lunch is ready")
        await first.until(lambda: "Lunch is ready" in first.text("#feed"))
        await second.until(lambda: "Lunch is ready" in second.text("#feed"))
        await anotify(chi, title="For Chi")
        await stranger.until(lambda: "For Chi" in stranger.text("#feed"))
        assert "Lunch" not in "".join(stranger.frames)
        assert first.shown() == await fresh(first)
        assert second.shown() == await fresh(second)


async def test_the_first_frame_after_a_page_was_rendered_has_what_came_in_between(bo):
    page = await LivePage(bo).load()
    await anotify(bo, title="In between")
    await page.connect()
    await page.until(lambda: "In between" in page.text("#feed"))
    assert page.shown() == await fresh(page)
    await page.cut()


async def test_what_commits_while_a_page_is_made_is_in_its_first_frame(bo, monkeypatch):
    real = inbox_views.page_of

    def rows_then_news(*args):
        rows = real(*args)
        notify(bo, title="In between")
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(inbox_views, "page_of", rows_then_news)
        page = await LivePage(bo).load()
    assert "In between" not in page.text("#feed")
    await page.connect()
    await page.until(lambda: "In between" in page.text("#feed"))
    await page.cut()


async def test_what_commits_while_a_frame_is_made_is_toasted_once(bo, monkeypatch):
    real = frames.changed_rows

    def commit_before(*args):
        monkeypatch.setattr(frames, "changed_rows", real)
        notify(bo, title="In the middle", key="middle")
        return real(*args)

    async with LivePage(bo) as page:
        for title in ("Live", "First", "Last"):
            if title == "First":
                monkeypatch.setattr(frames, "changed_rows", commit_before)
            await anotify(bo, title=title)
            await page.until(lambda title=title: title in page.text("#feed"))
        await page.until(lambda: "In the middle" in page.text("#feed"))
        assert "".join(page.frames).count('id="toast-middle"') == 1


def test_what_two_readers_have_under_one_key_stays_apart(ada, bo):
    for user in (ada, bo):
        notify(user, title=f"For {user}", key="lunch")
    position = Position(since=0, board=0, view="feed:all", language="en", zone="UTC")
    made = frames_for({inbox.pk: {position} for inbox in (ada.inbox, bo.inbox)})
    assert "For ada" in made[ada.inbox.pk][position].html
    assert "For ada" not in made[bo.inbox.pk][position].html


async def test_acts_elsewhere_reach_the_page(bo, inbox):
    await anotify(bo, title="Read me", key="one")
    await anotify(bo, title="Archive me", key="two")
    await anotify(bo, title="Take me back", key="three")
    async with LivePage(bo) as page:
        for act in (inbox.mark_read, inbox.archive, inbox.mark_unread):
            await sync_to_async(act)("one" if act != inbox.archive else "two")
        await aretract(bo, "three")
        await page.until_revision((await fresh_inbox(inbox)).revision)
        assert page.shown() == await fresh(page)
        assert len(page.document.rows()) == 1


async def test_the_numbers_of_lists_that_an_arrival_is_not_in_stay_at_home(bo, inbox):
    async with LivePage(bo) as page:
        await anotify(bo, title="Lunch is ready", key="lunch")
        await page.until(lambda: page.text("#count-all") == "1")
        assert "count-archived" not in page.frames[-1]
        await sync_to_async(inbox.archive)("lunch")
        await page.until(lambda: page.text("#count-archived") == "1")


async def test_an_arrival_that_was_put_away_meanwhile_moves_the_numbers_of_both_lists(bo, inbox):
    page = await LivePage(bo).load()
    await anotify(bo, title="Lunch is ready", key="lunch")
    await sync_to_async(inbox.archive)("lunch")
    await anotify(bo, title="It is getting cold")
    await page.connect()
    await page.until(lambda: "cold" in page.text("#feed"))
    assert page.shown() == await fresh(page)
    await page.cut()


async def fresh_inbox(inbox):
    await inbox.arefresh_from_db()
    return inbox


async def test_nothing_is_sent_before_the_commit_and_nothing_after_a_rollback(bo):
    def roll_back():
        with pytest.raises(RuntimeError), transaction.atomic():
            notify(bo, title="Never was")
            raise RuntimeError

    async with LivePage(bo) as page:
        await sync_to_async(roll_back)()
        await anotify(bo, title="Real")
        await page.until(lambda: "Real" in page.text("#feed"))
        assert "Never" not in "".join(page.frames)


@pytest.mark.parametrize("since", ["99999", "-1", "", "x", "9" * 30, "1; drop table"])
async def test_a_strange_cursor_gets_one_full_list(bo, since):
    await anotify(bo, title="Here I am")
    page = await LivePage(bo).load()
    form = {**page.document.inputs("#resume"), "since": since}
    page.document.apply('<hx-partial hx-target="#feed" hx-swap="innerHTML"></hx-partial>')
    await page.connect(form=form)
    await page.receive()
    assert len(page.frames) == 1
    assert page.shown() == await fresh(page)
    await page.cut()


async def test_the_way_to_older_items_goes_when_there_are_none_and_comes_back(bo, inbox):
    for n in range(PAGE_LENGTH + 1):
        await anotify(bo, title=f"Number {n}", key=f"n{n}")
    async with LivePage(bo, "/inbox/?view=unread") as page:
        await sync_to_async(inbox.mark_all_read)(upto=PAGE_LENGTH + 1)
        await page.until(lambda: page.text("#count-unread") == "0")
        assert page.text("#older") == ""
        await sync_to_async(inbox.mark_unread)("n0")
        await page.until(lambda: page.text("#count-unread") == "1")
        assert page.text("#older") == "Older notifications"


async def test_an_open_bell_stays_current(bo):
    async with LivePage(bo) as page:
        await anotify(bo, title="First")
        await page.until(lambda: "First" in page.text("#feed"))
        page.document.by_id("bell-open").set("value", "1")
        await page.send_form()
        await anotify(bo, title="Second")
        await page.until(lambda: "Second" in page.text("#bell-list"))
        assert len(page.document.rows("#bell-list")) == 2
