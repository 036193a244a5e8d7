"""Snooze: out of sight until a time on the reader's clock, and back by itself."""

from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone

from notifications import snoozing
from notifications.delivery import notify, retract
from notifications.management.commands.tick import tick
from notifications.models import Inbox, InvalidSnooze, clock
from notifications.testing import LivePage
from notifications.testing.dom import Document
from notifications.tests.recount import kept, recount

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = reverse("notifications:inbox")
HTMX = {"HX-Request": "true"}
NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)  # a Wednesday


@pytest.fixture
def at(monkeypatch):
    """``at(moment)``: it is that time now."""

    def move(moment):
        monkeypatch.setattr(clock, "now", lambda: moment)
        monkeypatch.setattr(clock, "microseconds", lambda: int(moment.timestamp() * 1_000_000))

    move(NOW)
    return move


@pytest.fixture
def lunch(inbox, at):
    """One that is to be snoozed, and one that stays."""
    notify(inbox.user, title="Stays", key="stays")
    notify(inbox.user, title="Lunch", key="lunch", category="people")
    return inbox


def hours(n: float) -> datetime:
    return NOW + timedelta(hours=n)


def is_right(inbox) -> bool:
    assert kept(inbox) == recount(inbox)
    return True


def listed(inbox, view: str) -> list[str]:
    return [row.key for row in inbox.notifications.in_view(view)]


# Until when.


def offered(moment: datetime, zone: str = "Europe/Berlin") -> dict[str, str]:
    """What is offered at this moment, on the reader's clock."""
    with timezone.override(zone):
        return {one.name: f"{timezone.localtime(one.until):%m-%d %H:%M}" for one in snoozing.choices()}


@pytest.mark.parametrize(
    ("moment", "choices"),
    [
        ("2026-11-18T10:30", {"hour": "11-18 12:30", "evening": "11-18 18:00", "tomorrow": "11-19 09:00"}),
        ("2026-03-28T12:00", {"hour": "03-28 14:00", "evening": "03-28 18:00", "tomorrow": "03-29 09:00"}),
        ("2026-10-24T10:00", {"hour": "10-24 13:00", "evening": "10-24 18:00", "tomorrow": "10-25 09:00"}),
        ("2026-03-29T00:30", {"hour": "03-29 03:30", "evening": "03-29 18:00", "tomorrow": "03-30 09:00"}),
        ("2026-10-25T00:30", {"hour": "10-25 02:30", "evening": "10-25 18:00", "tomorrow": "10-26 09:00"}),
        ("2026-11-18T23:30", {"hour": "11-19 01:30", "evening": "11-19 18:00", "tomorrow": "11-20 09:00"}),
        ("2026-12-31T12:00", {"hour": "12-31 14:00", "evening": "12-31 18:00", "tomorrow": "01-01 09:00"}),
    ],
)
def test_the_times_offered_are_those_of_the_readers_clock(at, moment, choices):
    at(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert offered(clock.now()).items() >= choices.items()


@pytest.mark.parametrize(
    ("day", "monday"),
    [("2026-11-16", "11-23"), ("2026-11-18", "11-23"), ("2026-11-22", "11-23"), ("2026-10-24", "10-26")],
)
def test_next_week_is_the_next_monday_at_nine(at, day, monday):
    at(datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC))
    assert offered(clock.now())["week"] == f"{monday} 09:00"


def test_an_hour_is_an_hour_of_the_world_also_where_the_clocks_are_changed(at):
    at(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    with timezone.override("Europe/Berlin"):
        assert snoozing.until_of("hour") - clock.now() == timedelta(hours=1)


@pytest.mark.parametrize(("local", "is_offered"), [("16:59", True), ("17:00", False), ("23:00", False)])
def test_this_evening_is_not_offered_when_it_is_too_close(at, local, is_offered):
    at(datetime.fromisoformat(f"2026-11-18T{local}+01:00"))
    assert ("evening" in offered(clock.now())) is is_offered


@pytest.mark.parametrize(
    ("own", "moment"),
    [
        ("2026-11-22T09:00", "2026-11-22T08:00"),
        ("2026-07-01T09:00:30", "2026-07-01T07:00:30"),
        ("2026-03-29T02:30", "2026-03-29T01:30"),  # skipped: half an hour after the clocks went forward
        ("2026-10-25T02:30", "2026-10-25T00:30"),  # comes twice: the first
        ("2026-10-25T03:00", "2026-10-25T02:00"),
        ("2026-11-22T09:00+00:00", "2026-11-22T09:00"),
    ],
)
def test_a_time_of_ones_own_is_on_the_readers_clock(own, moment):
    with timezone.override("Europe/Berlin"):
        assert snoozing.until_of("own", own) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


def test_a_reader_gets_the_time_of_their_own_zone(chi, client, at):
    notify(chi, title="Mittag", key="mittag")
    client.force_login(chi)
    client.post("/inbox/mittag/snooze/", {"until": "tomorrow"})
    until = Inbox.objects.of(chi).notifications.get().snoozed_until
    assert until == datetime(2026, 11, 19, 8, tzinfo=UTC)


# What is refused.

REFUSED = {
    "nothing": ({}, "one of the times offered"),
    "an unknown choice": ({"until": "never"}, "one of the times offered"),
    "an own time that is empty": ({"until": "own", "more-own": ""}, "Give a date and a time"),
    "an own time that is not there": ({"until": "own"}, "Give a date and a time"),
    "rubbish": ({"until": "own", "more-own": "soon"}, "Give a date and a time"),
    "a 13th month": ({"until": "own", "more-own": "2026-13-01T09:00"}, "Give a date and a time"),
    "the past": ({"until": "own", "more-own": "2026-11-17T09:00"}, "in the future"),
    "now": ({"until": "own", "more-own": "2026-11-18T10:30"}, "in the future"),
    "more than a year": ({"until": "own", "more-own": "2027-11-21T09:00"}, "at most a year"),
    "the end of the calendar": ({"until": "own", "more-own": "9999-12-31T23:59"}, "at most a year"),
    "its end in another zone": ({"until": "own", "more-own": "9999-12-31T23:59-12:00"}, "at most a year"),
    "its beginning": ({"until": "own", "more-own": "0001-01-01T00:00+12:00"}, "in the future"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("headers", [HTMX, {}])
def test_what_is_no_time_to_snooze_until_is_refused_with_words_and_changes_nothing(bo, lunch, client, name, headers):
    form, words = REFUSED[name]
    before = kept(lunch), lunch.revision
    client.force_login(bo)
    answer = client.post("/inbox/lunch/snooze/", form, headers=headers, follow=True)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert (kept(lunch), lunch.revision) == before


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize("own", ["9999-12-31T23:59", "0001-01-01T00:00"])
def test_the_ends_of_the_calendar_are_refused_in_every_zone(lunch, zone, own):
    with timezone.override(zone), pytest.raises(InvalidSnooze):
        lunch.snooze("lunch", until=snoozing.until_of("own", own))


def test_a_refusal_speaks_the_readers_language_and_says_it_in_the_live_region(bo, lunch, client):
    client.force_login(bo)
    html = client.post("/inbox/lunch/snooze/", {"until": "never"}, headers=HTMX).content.decode()
    assert 'hx-target="#alerts"' in html
    assert 'hx-target="#undo"' not in html


# Asleep.


def test_it_leaves_its_lists_and_their_numbers_and_stands_in_its_own(lunch):
    lunch.snooze("lunch", until=hours(1))
    assert kept(lunch) == {
        "unread": 1,
        "unseen": 1,
        "lists": {"all": 1, "category:general": 1, "snoozed": 1},
    }
    assert listed(lunch, "snoozed") == ["lunch"]
    assert listed(lunch, "all") == listed(lunch, "unread") == ["stays"]
    assert is_right(lunch)


def test_what_is_saved_and_snoozed_counts_as_both(lunch):
    lunch.mark_saved("lunch")
    lunch.snooze("lunch", until=hours(1))
    assert kept(lunch)["lists"] == {"all": 1, "category:general": 1, "snoozed": 1, "saved": 1}
    assert is_right(lunch)


def test_snoozing_what_was_read_is_no_less_possible(lunch):
    lunch.mark_read("lunch")
    lunch.snooze("lunch", until=hours(1))
    assert listed(lunch, "snoozed") == ["lunch"]
    assert is_right(lunch)


def test_snoozing_again_moves_the_time_and_doing_it_twice_changes_nothing(lunch):
    lunch.snooze("lunch", until=hours(1))
    lunch.snooze("lunch", until=hours(2))
    revision = lunch.revision
    lunch.snooze("lunch", until=hours(2))
    assert lunch.notifications.get(key="lunch").snoozed_until == hours(2)
    assert (lunch.revision, is_right(lunch)) == (revision, True)


def test_what_is_archived_cannot_be_snoozed(lunch):
    lunch.archive("lunch")
    lunch.snooze("lunch", until=hours(1))
    assert listed(lunch, "archived") == ["lunch"]
    assert lunch.notifications.get(key="lunch").snoozed_until is None


def test_its_row_says_until_when(bo, lunch, client):
    lunch.snooze("lunch", until=hours(1))
    client.force_login(bo)
    page = Document(client.get(f"{INBOX}?view=snoozed").content.decode())
    assert "Snoozed until Wed, November 18, 11:30 a.m." in page.text("#notification-lunch")


def test_archiving_what_is_snoozed_puts_it_away_for_good(lunch, at):
    lunch.snooze("lunch", until=hours(1))
    lunch.archive("lunch")
    assert (listed(lunch, "snoozed"), listed(lunch, "archived")) == ([], ["lunch"])
    at(hours(2))
    tick()
    lunch.bring_back_due()
    assert listed(lunch, "archived") == ["lunch"]
    assert is_right(lunch)


def test_taking_back_what_is_snoozed_leaves_nothing_to_come(bo, lunch, at):
    lunch.snooze("lunch", until=hours(1))
    retract(bo, "lunch")
    at(hours(2))
    tick()
    assert listed(lunch, "all") == ["stays"]
    assert is_right(lunch)


def test_bringing_it_back_by_hand_leaves_it_in_its_old_place_as_it_was(lunch):
    before = kept(lunch)
    lunch.snooze("lunch", until=hours(1))
    lunch.unsnooze("lunch")
    assert kept(lunch) == before
    assert listed(lunch, "all") == ["lunch", "stays"]
    assert is_right(lunch)


def test_selected_ones_are_snoozed_and_brought_back_together(bo, lunch, client):
    client.force_login(bo)
    client.post(
        "/inbox/selected/snooze/", {"key": ["lunch", "stays"], "until": "own", "selection-own": "2026-11-19T09:00"}
    )
    assert listed(lunch, "snoozed") == ["lunch", "stays"]
    client.post("/inbox/selected/unsnooze/", {"key": ["lunch", "stays"]})
    assert listed(lunch, "snoozed") == []
    assert is_right(lunch)


# Back again.


def test_it_stays_asleep_until_its_time(lunch, at):
    lunch.snooze("lunch", until=hours(1))
    at(hours(1) - timedelta(seconds=1))
    tick()
    assert listed(lunch, "snoozed") == ["lunch"]


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1), timedelta(days=3)])
def test_at_its_time_it_is_the_newest_unread_and_unseen_also_when_the_tick_starts_only_later(bo, lunch, at, late):
    lunch.mark_read("lunch")
    lunch.snooze("lunch", until=hours(1))
    notify(bo, title="Meanwhile", key="meanwhile")
    lunch.mark_seen(upto=kept(lunch) and lunch.revision)
    at(hours(1) + late)
    tick()
    assert listed(lunch, "unread") == ["lunch", "meanwhile", "stays"]
    assert kept(lunch)["unseen"] == 1
    assert kept(lunch)["lists"].get("snoozed") is None
    assert is_right(lunch)


def test_several_come_back_in_the_order_of_their_times(bo, lunch, at):
    for n in range(3):
        notify(bo, title=str(n), key=f"n{n}")
        lunch.snooze(f"n{n}", until=hours(3 - n))
    at(hours(5))
    tick()
    assert listed(lunch, "all") == ["n0", "n1", "n2", "lunch", "stays"]


def test_it_comes_back_once(lunch, at):
    lunch.snooze("lunch", until=hours(1))
    at(hours(2))
    tick()
    lunch.mark_read("lunch")
    revision = kept(lunch) and lunch.revision
    tick()
    assert (kept(lunch)["unread"], lunch.revision) == (1, revision)


def test_more_than_one_transaction_can_take_come_back_in_several(bo, lunch, at, monkeypatch):
    monkeypatch.setattr("notifications.models.inbox.RETURNS_LIMIT", 2)
    for n in range(5):
        notify(bo, title=str(n), key=f"n{n}")
    lunch.snooze(*(f"n{n}" for n in range(5)), until=hours(1))
    at(hours(2))
    for left in (True, True, False, False):
        assert lunch.bring_back_due() == left
    assert listed(lunch, "snoozed") == []
    assert is_right(lunch)


def test_one_inbox_that_cannot_be_written_keeps_no_other_waiting(bo, chi, lunch, at, monkeypatch):
    theirs = Inbox.objects.of(chi)
    notify(chi, title="Tea", key="tea")
    theirs.snooze("tea", until=hours(1))
    lunch.snooze("lunch", until=hours(1))
    real = Inbox.bring_back_due

    def fails(inbox):
        if inbox.pk == lunch.pk:
            raise OperationalError("database is locked")
        real(inbox)

    monkeypatch.setattr(Inbox, "bring_back_due", fails)
    at(hours(2))
    tick()
    assert listed(theirs, "all") == ["tea"]


# On a live page.


async def comes_back(lunch, at):
    at(hours(2))
    await sync_to_async(tick)()


async def equals_a_fresh_one(page):
    await page.until_revision((await Inbox.objects.aget(user=page.user)).revision)
    assert page.shown() == (await LivePage(page.user, page.path, client=page.client).load()).shown()


@pytest.mark.usefixtures("live")
async def test_a_live_page_shows_it_at_the_top_with_a_toast(bo, lunch, at):
    await sync_to_async(lunch.snooze)("lunch", until=hours(1))
    await sync_to_async(notify)(bo, title="Meanwhile")
    async with LivePage(bo) as page:
        await equals_a_fresh_one(page)
        await comes_back(lunch, at)
        await page.until(lambda: "Lunch" in page.text("#toasts"))
        assert page.document.rows()[0].get("id") == "notification-lunch"
        assert page.text("#badge") == "3"
        await equals_a_fresh_one(page)


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("view", ["all", "unread", "saved", "snoozed", "archived", "category:people"])
async def test_every_list_follows_the_whole_journey(bo, lunch, at, view):
    await sync_to_async(lunch.mark_saved)("lunch", "stays")
    async with LivePage(bo, f"{INBOX}?view={view}") as page:
        for act in ("snooze", "unsnooze", "mark_read", "snooze"):
            until = {"until": hours(1)} if act == "snooze" else {}
            await sync_to_async(getattr(lunch, act))("lunch", **until)
            await equals_a_fresh_one(page)
        await comes_back(lunch, at)
        await equals_a_fresh_one(page)


@pytest.mark.usefixtures("live")
async def test_in_the_saved_list_it_moves_to_the_top_in_one_frame(bo, lunch, at):
    await sync_to_async(lunch.mark_saved)("lunch", "stays")
    await sync_to_async(lunch.snooze)("stays", until=hours(1))
    async with LivePage(bo, f"{INBOX}?view=saved") as page:
        await equals_a_fresh_one(page)
        assert [row.get("id") for row in page.document.rows()] == ["notification-lunch", "notification-stays"]
        seen = len(page.frames)
        await comes_back(lunch, at)
        await equals_a_fresh_one(page)
        assert [row.get("id") for row in page.document.rows()] == ["notification-stays", "notification-lunch"]
        moved = [frame for frame in page.frames[seen:] if "notification-stays" in frame]
        assert len(moved) == 1


@pytest.mark.usefixtures("live")
async def test_a_page_that_was_away_finds_it_at_the_top_without_a_toast(bo, lunch, at):
    await sync_to_async(lunch.snooze)("lunch", until=hours(1))
    page = await LivePage(bo).load()
    await comes_back(lunch, at)
    await page.connect()
    await equals_a_fresh_one(page)
    assert page.text("#toasts") == ""
    await page.cut()
