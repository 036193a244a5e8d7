"""Broadcasts on open pages, on pages that were away, and what they cost."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from notifications.delivery import anotify, notify
from notifications.live import database, frames, hub, push, sweeper
from notifications.live.frames import frames_for
from notifications.live.positions import Position
from notifications.models import Board, Broadcast, Content, Inbox, Noticeboard, Notification, Presence, Reach, clock
from notifications.testing import LivePage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live")]


def broadcast(title="Maintenance", *, placement="both", **content):
    made = Broadcast.draft(Content(title=title, placement=placement, **content))
    made.publish()
    return made


abroadcast = sync_to_async(broadcast)


@sync_to_async
def inbox_of(user):
    return Inbox.objects.get(user=user)


async def equals_a_reload(page):
    """Once it stands where board and inbox stand."""
    inbox, board = await inbox_of(page.user), await sync_to_async(Noticeboard.current)()

    def is_there():
        form = page.document.inputs("#resume")
        return int(form["since"]) >= inbox.revision and int(form["board"]) >= board.revision

    await page.until(is_there)
    fresh = await LivePage(page.user, page.path, client=page.client).load()
    assert page.shown() == fresh.shown()
    return True


# On open pages.


def test_what_is_published_while_the_board_is_read_waits_for_the_next_look_and_is_told_once(bo):
    broadcast("Before")
    board = Board.load()
    broadcast("Meanwhile")
    assert [one.title for one in Noticeboard.read(board).running] == ["Before"]
    assert [one.title for one in Noticeboard.current().running] == ["Meanwhile", "Before"]


async def test_a_broadcast_appears_on_top_in_the_list_at_the_bell_and_as_a_toast(bo):
    async with LivePage(bo) as page:
        await anotify(bo, title="Live")
        await page.until(lambda: "Live" in page.text("#feed"))
        await abroadcast(body="We **move**.", level="warning")
        await page.until(lambda: "Maintenance" in page.text("#banners"))
        assert page.text("#badge") == "2"
        assert page.text("#count-category-announcements") == "1"
        assert "Maintenance" in page.text("#toasts")
        assert page.document.rows()[0].get("id", "").startswith("notification-broadcast-")
        assert "<strong>move</strong>" in page.frames[-1]
        assert await equals_a_reload(page)


@pytest.mark.parametrize(("placement", "on_top", "in_list"), [("inbox", "", "1"), ("banner", "News", "0")])
async def test_it_stands_where_it_was_placed(bo, placement, on_top, in_list):
    async with LivePage(bo) as page:
        await abroadcast("News", placement=placement)
        assert await equals_a_reload(page)
        assert (page.text("#banners"), page.text("#badge")) == (on_top and f"{on_top} Dismiss: {on_top}", in_list)


async def test_it_reaches_those_whom_it_addresses_and_nobody_else(ada, bo, chi):
    async with LivePage(ada) as staff, LivePage(bo) as reader, LivePage(chi) as named:
        await abroadcast("For staff", audience="staff")
        await abroadcast("For Chi", audience="people", names=["chi"])
        await staff.until(lambda: "For staff" in staff.text("#banners"))
        await named.until(lambda: "For Chi" in named.text("#banners"))
        assert await equals_a_reload(reader)
        assert "For" not in reader.text("#banners") + named.text("#feed").replace("For Chi", "")
        assert not any("For staff" in frame or "For Chi" in frame for frame in reader.frames)


async def test_an_edit_changes_it_in_place(bo):
    made = await abroadcast("Tomorrow", body="At nine.")
    async with LivePage(bo) as page:
        await sync_to_async(made.rewrite)(Content(title="Today", placement="both", body="At ten."))
        await page.until(lambda: "Today" in page.text("#banners"))
        assert await equals_a_reload(page)
        assert "Tomorrow" not in page.text("#feed") + page.text("#banners")


@pytest.mark.parametrize("again", [True, False])
async def test_an_edit_is_shown_again_to_those_who_had_dealt_with_it_or_leaves_them_in_peace(bo, again):
    made = await abroadcast("Tomorrow")
    inbox = await inbox_of(bo)
    await sync_to_async(inbox.dismiss)(made.row_key)
    async with LivePage(bo) as page:
        await sync_to_async(made.rewrite)(Content(title="Today", placement="both"), show_again=again)
        assert await equals_a_reload(page)
        assert ("Today" in page.text("#banners"), page.text("#badge")) == (again, "1" if again else "0")


@pytest.mark.parametrize("verb", ["end", "withdraw", "undo_publication"])
async def test_one_that_leaves_takes_its_number_along(bo, verb):
    async with LivePage(bo) as page:
        made = await abroadcast()
        await page.until(lambda: page.text("#badge") == "1")
        await sync_to_async(getattr(made, verb))()
        await page.until(lambda: page.text("#badge") == "0")
        assert await equals_a_reload(page)
        assert page.text("#banners") == ""


async def test_one_that_was_deleted_leaves_open_pages_too(bo):
    async with LivePage(bo) as page:
        made = await abroadcast()
        await page.until(lambda: page.text("#badge") == "1")
        await sync_to_async(made.delete)()
        await page.until(lambda: page.text("#banners") == "")
        assert await equals_a_reload(page)


@pytest.mark.parametrize("placement", ["inbox", "both"])
async def test_its_toast_leaves_with_it(bo, placement):
    async with LivePage(bo) as page:
        await anotify(bo, title="Live")
        await page.until(lambda: "Live" in page.text("#feed"))
        made = await abroadcast(level="error", placement=placement)
        await page.until(lambda: "Maintenance" in page.text("#toasts"))
        await anotify(bo, title="Another")
        await page.until(lambda: "Another" in page.text("#toasts"))
        await sync_to_async(made.withdraw)()
        assert await equals_a_reload(page)
        assert ("Maintenance" in page.text("#toasts"), "Another" in page.text("#toasts")) == (False, True)


async def test_it_ends_by_the_clock_where_no_tick_runs(bo, monkeypatch):
    monkeypatch.setattr(sweeper, "SWEEP_SECONDS", 0.2)
    async with LivePage(bo) as page:
        await abroadcast(ends_at=clock.now() + timedelta(seconds=1))
        await page.until(lambda: page.text("#badge") == "1")
        await page.until(lambda: page.text("#badge") == "0" and page.text("#banners") == "")
        assert (await Broadcast.objects.aget()).state == "published"
        assert await equals_a_reload(page)


async def test_the_item_page_of_one_that_is_over_says_so(bo):
    made = await abroadcast("Secret plans")
    async with LivePage(bo, f"/inbox/{made.row_key}/") as page:
        await sync_to_async(made.withdraw)()
        await page.until(lambda: "is over" in page.text(f"#item-{made.row_key}"))
        assert await equals_a_reload(page)
        assert "Secret" not in page.text(f"#item-{made.row_key}")


# What readers do.


@pytest.mark.parametrize(
    ("act", "banners", "badge"), [("dismiss", "", "0"), ("acknowledge", "", "0"), ("mark_read", "Policy", "0")]
)
async def test_what_a_reader_does_with_it_agrees_in_all_tabs(bo, act, banners, badge):
    made = await abroadcast("Policy", asks_acknowledgement=True)
    async with LivePage(bo) as one, LivePage(bo, "/inbox/?view=unread") as other:
        address = {"mark_read": "read"}.get(act, act)
        await one.client.post(f"/inbox/{made.row_key}/{address}/", {"live": "on"}, headers={"HX-Request": "true"})
        for page in (one, other):
            await page.until(lambda page=page: page.text("#badge") == badge)
            assert await equals_a_reload(page)
            assert banners in page.text("#banners")
            assert bool(banners) == bool(page.text("#banners"))


async def test_one_that_is_not_dismissible_stays(bo):
    made = await abroadcast(is_dismissible=False)
    inbox = await inbox_of(bo)
    await sync_to_async(inbox.dismiss)(made.row_key)
    async with LivePage(bo) as page:
        assert "Maintenance" in page.text("#banners")


async def test_opening_the_bell_sees_it_and_it_stays_unread(bo):
    await abroadcast()
    async with LivePage(bo) as page:
        assert page.text("#badge") == "1"
        form = page.document.inputs("#resume")
        await page.client.post("/inbox/seen/", form, headers={"HX-Request": "true"})
        await page.until(lambda: page.text("#badge") == "0")
        assert page.text("#count-unread") == "1"
        assert await equals_a_reload(page)


async def test_what_the_page_has_not_shown_yet_stays_unread(bo):
    async with LivePage(bo) as page:
        form = page.document.inputs("#resume")
        await abroadcast()
        await page.client.post("/inbox/all/read/", {**form, "live": "on"}, headers={"HX-Request": "true"})
        await page.until(lambda: page.text("#count-unread") == "1")
    assert await sync_to_async((await inbox_of(bo)).count_of)("unread") == 1  # the page says so before the act, too


@sync_to_async
def edit(broadcast, **changes):
    broadcast.rewrite(replace(broadcast.content, **changes))


PATHS = ["/inbox/", "/inbox/broadcast-{pk}/"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("by_sql", [False, True])
async def test_who_leaves_the_group_sees_nothing_more_of_what_was_for_it(bo, path, by_sql):
    crew = await Group.objects.acreate(name="Crew")
    await bo.groups.aadd(crew)
    posted = await abroadcast("For the crew", body="Secret soup", audience="groups", groups=[crew], placement="both")
    async with LivePage(bo, path.format(pk=posted.pk)) as page:
        await anotify(bo, title="Joined")
        await page.until(lambda: page.frames)
        assert "For the crew" in page.text("main")
        await hub.current().audiences.meet()
        if by_sql:
            memberships = bo.groups.through.objects.filter(user=bo)
            await sync_to_async(memberships._raw_delete)(memberships.db)
            await hub.current().audiences.compare()
        else:
            await bo.groups.aremove(crew)
        await page.until(lambda: "For the crew" not in page.text("main"))
        heard = len(page.frames)
        await edit(posted, body="Secret salad")
        await anotify(bo, title="After it")
        await page.until(lambda: len(page.frames) > heard)
        assert "salad" not in "".join(page.frames)


async def test_a_broadcast_that_begins_between_two_looks_at_audiences_is_no_reason_for_another_list(bo, chi):
    crew = await Group.objects.acreate(name="Crew")
    for one in (bo, chi):
        await one.groups.aadd(crew)
    async with LivePage(bo) as page:
        await anotify(bo, title="Joined")
        await page.until(lambda: page.frames)
        await hub.current().audiences.meet()
        await abroadcast("For the crew", audience="groups", groups=[crew])
        await page.until(lambda: "For the crew" in page.text("#feed"))
        async with LivePage(chi):
            await hub.current().audiences.meet()
            anew = []
            with patch.object(hub.current(), "look_anew", anew.append):
                await hub.current().audiences.compare()
        assert anew == []


async def test_who_joins_the_group_sees_what_runs_and_nothing_that_has_ended(bo):
    crew = await Group.objects.acreate(name="crew")
    over = await abroadcast("Over", audience="groups", groups=[crew])
    await sync_to_async(over.end)()
    await abroadcast("For the crew", audience="groups", groups=[crew])
    async with LivePage(bo) as page:
        assert page.text("#badge") == "0"
        await bo.groups.aadd(crew)
        await sync_to_async((await inbox_of(bo)).refresh_for_reader)()
        await page.until(lambda: "For the crew" in page.text("#banners"))
        assert await equals_a_reload(page)
        assert "Over" not in page.text("#feed")


async def test_who_signs_up_later_sees_what_runs(db):
    await abroadcast()
    newcomer = await sync_to_async(get_user_model().objects.create_user)("new", password="belfry-demo")
    page = await LivePage(newcomer).load()
    assert page.text("#badge") == "1"
    assert "Maintenance" in page.text("#banners")


# Away.


async def test_a_page_that_was_away_is_exact_when_it_is_back(bo):
    edited, ended, gone = [await abroadcast(name) for name in ("Edited", "Ended", "Gone")]
    async with LivePage(bo) as page:
        await page.until(lambda: page.text("#badge") == "3")
        await page.cut()
        await sync_to_async(edited.rewrite)(Content(title="Otherwise", placement="inbox"))
        await sync_to_async(ended.end)()
        await sync_to_async(gone.withdraw)()
        await abroadcast("New")
        await page.connect()
        assert await equals_a_reload(page)
        assert page.text("#badge") == "2"


async def test_a_nudge_that_is_lost_is_made_up_for_by_the_sweep(bo, monkeypatch):
    monkeypatch.setattr(push, "nudge_board", lambda revision: None)
    async with LivePage(bo) as page:
        made = await abroadcast()
        await page.until(lambda: "Maintenance" in page.text("#banners"))
        await sync_to_async(made.withdraw)()
        await page.until(lambda: page.text("#banners") == "")
        assert await equals_a_reload(page)


async def test_more_than_is_remembered_of_what_has_left_means_the_full_list(bo, monkeypatch):
    monkeypatch.setattr("notifications.models.noticeboard.GONE_LIMIT", 2)
    shown = await abroadcast("Shown")
    async with LivePage(bo) as page:
        await page.until(lambda: page.text("#badge") == "1")
        await page.cut()
        for number in range(5):
            await sync_to_async((await abroadcast(f"Short {number}")).end)()
        await sync_to_async(shown.end)()
        await page.connect()
        assert await equals_a_reload(page)


# What it costs.


def people(count):
    users = get_user_model()
    users.objects.bulk_create([users(username=f"user{number}") for number in range(count)])
    made = users.objects.filter(username__startswith="user")
    return Inbox.objects.of_users(made.values_list("pk", flat=True))


def test_publishing_costs_the_same_for_ten_and_for_a_thousand(monkeypatch):
    sent, costs = [], []
    monkeypatch.setattr(push, "nudge_board", sent.append)
    monkeypatch.setattr(push, "nudge", sent.append)
    for count in (10, 1_000):
        get_user_model().objects.all().delete()
        people(count)
        draft = Broadcast.draft(Content(title="Maintenance"))
        with CaptureQueriesContext(
            connection,
        ) as asked:
            draft.publish()
        costs.append((len(asked), len(sent), Notification.objects.count()))
        sent.clear()
    assert costs[0] == costs[1]
    assert costs[0][1:] == (1, 0)


def test_a_frame_is_rendered_once_for_all_readers_who_see_the_same_whatever_their_numbers_are(monkeypatch):
    """And however far down their pages reach."""
    inboxes = people(300)
    for n, pk in enumerate(inboxes):
        Inbox.objects.filter(pk=pk).update(unread_count=n, unseen_count=n // 2, counts={"all": n})
    board = Noticeboard.current().revision
    known = {"since": 0, "board": board, "view": "feed:all", "language": "en", "zone": "UTC", "may_toast": True}
    wanted = {pk: {Position(bottom=n % 7 * 1_000, **known)} for n, pk in enumerate(inboxes)}
    broadcast()
    rendered = []
    real = frames.tell
    monkeypatch.setattr(frames, "tell", lambda *args: rendered.append(1) or real(*args))
    board = Noticeboard.current()
    with CaptureQueriesContext(connection) as asked:
        made = frames_for(wanted, (board.epoch, board.revision))
    for n, pk in enumerate(inboxes):
        (frame,) = made[pk].values()
        assert "Maintenance" in frame.html
        assert f'id="count-unread" class="count" data-count="{n + 1}"' in frame.html
        assert f'id="badge" class="badge" aria-hidden="true" data-count="{n // 2 + 1}"' in frame.html
    assert len(rendered) == 1
    assert len(asked) == 2


@pytest.mark.parametrize("verb", ["end", "withdraw"])
def test_nor_does_its_leaving_cost_more(verb, monkeypatch):
    made = broadcast()
    inboxes = people(300)
    known = {"since": 0, "board": Noticeboard.current().revision, "view": "feed:all", "language": "en", "zone": "UTC"}
    wanted = {pk: {Position(bottom=n % 7 * 1_000, **known)} for n, pk in enumerate(inboxes)}
    getattr(made, verb)()
    told, real = [], frames.tell
    monkeypatch.setattr(frames, "tell", lambda *args: told.append(1) or real(*args))
    for by in frames_for(wanted).values():
        (frame,) = by.values()
        assert f'<li id="notification-{made.row_key}" hx-swap-oob="delete">' in frame.html
    assert len(told) == 1


def test_readers_at_different_places_get_what_is_theirs():
    first, second, third = people(3)
    board = Noticeboard.current().revision
    Inbox.objects.filter(pk=second).update(revision=7, counts={"all": 3})
    broadcast()
    known = {"board": board, "view": "feed:all", "language": "en", "zone": "UTC"}
    wanted = {first: Position(since=0, **known), second: Position(since=7, bottom=5, **known)}
    wanted[third] = Position(since=0, bottom=5, **known)
    made = {
        pk: frame for pk, by in frames_for({pk: {one} for pk, one in wanted.items()}).items() for frame in by.values()
    }
    assert 'id="cursor" value="7"' in made[second].html
    assert 'id="bottom-5" value="5@7.' in made[second].html
    assert 'id="bottom-5" value="5@0.' in made[third].html
    assert 'id="bottom-0" value="0@0.' in made[first].html
    assert 'data-count="4"' in made[second].html
    assert 'data-count="4"' not in made[third].html


def test_a_frame_too_large_to_share_shows_nobody_what_is_in_anothers_inbox(bo, chi, monkeypatch):
    notify(bo, title="Bo's secret")
    notify(chi, title="Chi's secret")
    wanted = {inbox.pk: {at_the_end_of(inbox)} for inbox in Inbox.objects.filter(user__in=[bo, chi])}
    broadcast()
    monkeypatch.setattr(frames, "FRAME_LIMIT", 1_000)
    made = {pk: frame for pk, by in frames_for(wanted).items() for frame in by.values()}
    assert "Chi&#x27;s" not in made[bo.inbox.pk].html
    assert "Bo&#x27;s" not in made[chi.inbox.pk].html


def test_readers_for_whom_it_came_back_from_a_snooze_keep_its_places_apart(bo, chi, monkeypatch):
    made = broadcast()
    later = clock.now()
    for hours, reader in enumerate((bo, chi), 1):
        reader.inbox.snooze(made.row_key, until=later + timedelta(minutes=1))
        later += timedelta(hours=hours)
        monkeypatch.setattr(clock, "now", lambda moment=later: moment)
        monkeypatch.setattr(clock, "microseconds", lambda moment=later: int(moment.timestamp() * 1_000_000))
        reader.inbox.bring_back_due()
    wanted = {inbox.pk: {at_the_end_of(inbox)} for inbox in Inbox.objects.filter(user__in=[bo, chi])}
    made.rewrite(Content(title="Otherwise"))
    frames = {pk: frame for pk, by in frames_for(wanted).items() for frame in by.values()}
    for inbox in Inbox.objects.filter(user__in=[bo, chi]):
        assert f'data-order="{inbox.announcement(made.row_key).arrival}"' in frames[inbox.pk].html


def at_the_end_of(inbox):
    board = Noticeboard.current().revision
    return Position(since=inbox.revision, board=board, view="feed:all", language="en", zone="UTC")


@pytest.mark.parametrize("past", [0, 500])
def test_the_inbox_page_costs_the_same_with_many_past_broadcasts(client, bo, past):
    Broadcast.objects.bulk_create(
        Broadcast(title=f"Past {number}", state="ended", level="info", placement="both", revision=number)
        for number in range(past)
    )
    broadcast()
    client.force_login(bo)
    client.get("/inbox/")  # collects
    with CaptureQueriesContext(connection) as asked:
        client.get("/inbox/")
    assert len(asked) <= 8


def test_collecting_on_a_visit_is_two_indexed_queries(bo, client):
    broadcast()
    client.force_login(bo)
    client.get("/inbox/")
    inbox = Inbox.objects.of(bo)
    revision, unread = inbox.revision, inbox.unread_count
    Noticeboard.current()
    with CaptureQueriesContext(connection) as asked:
        Noticeboard.current().read_by([inbox])
        inbox.collect()
    assert len([query for query in asked if "notifications_board" not in query["sql"]]) == 2
    copies = Notification.objects.filter(
        inbox__in=[inbox.pk], broadcast__in=[broadcast.pk for broadcast in Broadcast.objects.all()]
    )
    assert "notification_copies" in copies.explain() or connection.vendor == "postgresql"
    inbox.refresh_from_db()
    assert (inbox.revision, inbox.unread_count) == (revision, unread)


# Written down by the hub.


async def test_whom_it_has_reached_and_who_is_here_is_written_down(bo, chi, monkeypatch):
    monkeypatch.setattr(sweeper, "SWEEP_SECONDS", 0.1)
    async with LivePage(bo) as page:
        await abroadcast()
        await page.until(lambda: page.text("#badge") == "1")
        async with asyncio.timeout(15):
            while not await Reach.objects.aexists():  # noqa: ASYNC110  (nothing tells when)
                await asyncio.sleep(0)
        assert [row.inbox.user_id async for row in Reach.objects.select_related("inbox")] == [bo.pk]
        assert not await Notification.objects.aexists()
        assert await Presence.online().acount() == 1
    assert (await sync_to_async(Content(title="x").reach)())[1] == 1


async def test_what_the_database_did_not_take_is_written_down_in_the_next_round(bo, monkeypatch):
    reach, refused = database.reach, asyncio.Event()

    async def refuse_once(reached):
        if refused.is_set():
            return await reach(reached)
        refused.set()
        raise DatabaseError("gone")

    monkeypatch.setattr(sweeper, "SWEEP_SECONDS", 0.1)
    monkeypatch.setattr(database, "reach", refuse_once)
    async with LivePage(bo) as page:
        made = await abroadcast()
        await page.until(lambda: page.text("#badge") == "1")
        await refused.wait()
        async with asyncio.timeout(15):
            while not await made.reaches.aexists():  # noqa: ASYNC110  (nothing tells when)
                await asyncio.sleep(0)
        assert await made.reaches.filter(inbox__user=bo).acount() == 1


# A stranger.


@pytest.mark.parametrize("path", ["", "more/"])
def test_one_that_is_for_others_is_not_there(client, bo, chi, path):
    made = broadcast("For Chi", audience="people", names=["chi"])
    client.force_login(bo)
    assert client.get(f"/inbox/{made.row_key}/{path}").status_code == 404
    assert "For Chi" not in client.get("/inbox/?q=chi").content.decode()
    assert client.get("/inbox/").context["inbox"].unseen_total == 0


@pytest.mark.parametrize("act", ["read", "archive", "dismiss", "acknowledge", "saved"])
def test_nothing_can_be_done_with_one_that_is_for_others(client, bo, chi, act):
    made = broadcast("For Chi", audience="people", names=["chi"], asks_acknowledgement=True)
    client.force_login(bo)
    assert client.post(f"/inbox/{made.row_key}/{act}/").status_code == 404
    assert not Notification.objects.filter(inbox__user=bo, broadcast=made).exists()


def test_a_search_finds_what_is_running_and_counts_it(client, bo):
    broadcast("Autumn fair", body="On the *green*.", placement="inbox")
    client.force_login(bo)
    found = client.get("/inbox/?q=gree")
    assert "Autumn fair" in found.content.decode()
    counts = {one.name: one.count for one in found.context["filters"]}
    assert (counts["all"], counts["unread"], counts["archived"]) == (1, 1, 0)
    assert (counts["category:announcements"], counts["category:general"]) == (1, 0)
    assert "Autumn fair" not in client.get("/inbox/?q=gree&category=general").content.decode()


def test_what_was_done_with_broadcasts_does_not_hide_that_too_much_is_missing(bo, monkeypatch):
    """The readers' own rows are among the newest changes, and no part of those that are counted."""
    monkeypatch.setattr("notifications.live.missing.CHANGES_LIMIT", 3)
    made = [broadcast(f"Number {number}") for number in range(3)]
    Inbox.objects.of(bo).collect()
    inbox = Inbox.objects.of(bo)
    board = Noticeboard.current().revision
    position = Position(since=inbox.revision, board=board, view="feed:all", language="en", zone="UTC")
    for number in range(4):
        notify(bo, title=f"Missing {number}")
    inbox.mark_read(*(one.row_key for one in made))
    (frame,) = frames_for({inbox.pk: {position}})[inbox.pk].values()
    assert [number for number in range(4) if f"Missing {number}" not in frame.html] == []
