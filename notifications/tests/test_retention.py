"""Retention: what is put away or read and old enough goes for good, and nothing else does."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.urls import reverse

from notifications.delivery import notify, retract
from notifications.job_files import private
from notifications.jobs import Result, run_job
from notifications.management.commands import tick as ticking
from notifications.models import Board, Inbox, Job, Notification, Sighting, clock, retention
from notifications.models.mute import CONVERSATION
from notifications.models.retention import Limits
from notifications.testing import LivePage
from notifications.tests.recount import kept, recount

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = reverse("notifications:inbox")
LIMITS = Limits(archived_days=90, read_days=365)
FULL_LIST = '<hx-partial hx-target="#feed" hx-swap="innerHTML">'
TIMES = ("read_at", "archived_at", "retracted_at", "superseded_at", "saved_at", "returned_at")


@pytest.fixture(autouse=True)
def _limits(settings):
    settings.RETENTION_ARCHIVED_DAYS, settings.RETENTION_READ_DAYS = 90, 365


def age(inbox, days: int, *keys: str) -> None:
    """Let all that has happened to these have happened so many days earlier."""
    for row in inbox.notifications.filter(key__in=keys):
        moved = {name: getattr(row, name) - timedelta(days=days) for name in TIMES if getattr(row, name)}
        Notification.objects.filter(pk=row.pk).update(arrival=row.arrival - days * 86_400 * 10**6, **moved)


def remove(limits: Limits = LIMITS) -> int:
    after, removed = 0, 0
    while after is not None:
        count, after = retention.remove_slice(limits, after)
        removed += count
    return removed


def left(inbox) -> set[str]:
    assert kept(inbox) == recount(inbox)
    return set(inbox.notifications.values_list("key", flat=True))


# What goes, and what stays.

STATES = {
    "archived": (lambda inbox, user: inbox.archive("one"), 90),
    "archived unread": (lambda inbox, user: inbox.archive("one"), 90),
    "archived while snoozed": (
        lambda inbox, user: (inbox.snooze("one", until=clock.now() + timedelta(days=300)), inbox.archive("one")),
        90,
    ),
    "taken back": (lambda inbox, user: retract(user, "one"), 90),
    "taken back though saved": (lambda inbox, user: (inbox.mark_saved("one"), retract(user, "one")), 90),
    "read": (lambda inbox, user: inbox.mark_read("one"), 365),
}
KEPT = {
    "unread": lambda inbox: None,
    "snoozed": lambda inbox: inbox.snooze("one", until=clock.now() + timedelta(days=300)),
    "read and snoozed": lambda inbox: (
        inbox.mark_read("one"),
        inbox.snooze("one", until=clock.now() + timedelta(days=300)),
    ),
    "saved and read": lambda inbox: (inbox.mark_saved("one"), inbox.mark_read("one")),
    "saved and archived": lambda inbox: (inbox.mark_saved("one"), inbox.archive("one")),
}


@pytest.mark.parametrize("name", STATES)
def test_what_is_put_away_or_read_goes_when_it_is_old_enough_and_not_before(bo, inbox, name):
    act, days = STATES[name]
    notify(bo, title="One", key="one")
    notify(bo, title="Stays", key="stays")
    act(inbox, bo)
    age(inbox, days - 1, "one")
    assert remove() == 0
    assert left(inbox) == {"one", "stays"}
    age(inbox, 2, "one")
    assert remove() == 1
    assert left(inbox) == {"stays"}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_unread_snoozed_or_saved_stays_for_ever(bo, inbox, name):
    notify(bo, title="One", key="one")
    KEPT[name](inbox)
    age(inbox, 5_000, "one")
    assert remove() == 0
    assert left(inbox) == {"one"}


def test_what_was_read_long_ago_but_has_come_back_only_lately_stays(bo, inbox):
    notify(bo, title="One", key="one")
    inbox.mark_read("one")
    Notification.objects.update(read_at=clock.now() - timedelta(days=400))
    assert remove() == 0


def test_what_came_long_ago_but_was_read_only_lately_stays(bo, inbox):
    notify(bo, title="One", key="one")
    age(inbox, 400, "one")
    inbox.mark_read("one")
    assert remove() == 0


@pytest.mark.parametrize("limits", [Limits(0, 0)])
def test_with_no_limits_everything_stays_for_ever(bo, inbox, limits):
    for name, (act, _) in STATES.items():
        notify(bo, title=name, key="one")
        act(inbox, bo)
        age(inbox, 5_000, "one")
        inbox.notifications.filter(key="one").update(key=name.replace(" ", "-"))
    assert remove(limits) == 0
    assert len(left(inbox)) == len(STATES)


@pytest.mark.parametrize(("limits", "gone"), [(Limits(0, 365), "read"), (Limits(90, 0), "archived")])
def test_each_limit_works_without_the_other(bo, inbox, limits, gone):
    for key in ("read", "archived"):
        notify(bo, title=key, key=key)
        inbox.mark_read(key)
    inbox.archive("archived")
    age(inbox, 400, "read", "archived")
    assert remove(limits) == 1
    assert left(inbox) == {"read", "archived"} - {gone}


@pytest.mark.parametrize("name", KEPT)
def test_the_events_of_a_group_stay_with_the_row_that_opens_up_to_them(bo, inbox, name):
    for n in range(3):
        notify(bo, title=f"Event {n}", key="one" if n == 2 else f"e{n}", group_key="g")
    KEPT[name](inbox)
    age(inbox, 5_000, "e0", "e1", "one")
    assert remove() == 0


def test_the_events_of_a_group_go_after_that_row(bo, inbox):
    for n in range(3):
        notify(bo, title=f"Event {n}", key=f"e{n}", group_key="g")
    inbox.mark_read("e2")
    age(inbox, 200, "e0", "e1", "e2")
    assert remove() == 0
    age(inbox, 200, "e0", "e1", "e2")
    assert remove() == 1
    assert remove() == 2
    assert left(inbox) == set()


def test_what_came_after_a_group_was_read_keeps_none_of_it(bo, inbox):
    for n in range(3):
        notify(bo, title=f"Event {n}", key=f"e{n}", group_key="g")
        inbox.mark_read("e1")
    age(inbox, 200, "e0", "e1", "e2")
    assert remove() == 2
    assert left(inbox) == {"e2"}


def test_the_events_of_an_unread_row_stay_while_it_is_snoozed(bo, inbox):
    for n in range(3):
        notify(bo, title=f"Event {n}", key=f"e{n}", group_key="g")
    inbox.snooze("e2", until=clock.now() + timedelta(days=300))
    age(inbox, 200, "e0", "e1", "e2")
    assert remove() == 0
    assert left(inbox) == {"e0", "e1", "e2"}


def test_another_reader_keeps_theirs(bo, chi, inbox):
    for user in (bo, chi):
        notify(user, title="One", key="one")
    inbox.archive("one")
    age(inbox, 100, "one")
    assert remove() == 1
    assert left(Inbox.objects.of(chi)) == {"one"}


def test_mutes_that_are_over_and_old_sightings_go_but_the_last(bo, inbox):
    inbox.mute(CONVERSATION, "over", "Over", clock.now() - timedelta(days=1))
    inbox.mute(CONVERSATION, "always", "Always", None)
    for n in range(3):
        notify(bo, title=str(n))
        inbox.mark_seen(upto=2 * n + 1)
    Sighting.objects.update(at=clock.now() - timedelta(days=400))
    remove()
    assert [mute.name for mute in inbox.mutes.all()] == ["always"]
    assert [one.revision for one in Sighting.objects.all()] == [5]


# How.


@pytest.fixture
def old(bo, inbox):
    """Ten that may go, among ten that stay."""
    for n in range(20):
        notify(bo, title=str(n), key=f"n{n}")
    inbox.archive(*(f"n{n}" for n in range(0, 20, 2)))
    age(inbox, 100, *(f"n{n}" for n in range(20)))
    return inbox


def test_it_goes_in_slices(old, monkeypatch):
    monkeypatch.setattr(retention, "SLICE", 3)
    counts, after = [], 0
    while after is not None:
        count, after = retention.remove_slice(LIMITS, after)
        counts.append(count)
    assert max(counts) <= 2
    assert sum(counts) == 10
    assert left(old) == {f"n{n}" for n in range(1, 20, 2)}


def test_what_its_reader_brings_back_in_the_last_moment_stays(old, monkeypatch):
    real = Inbox.change

    def bring_back_first(inbox):
        monkeypatch.setattr(Inbox, "change", real)
        inbox.unarchive("n0")
        return real(inbox)

    monkeypatch.setattr(Inbox, "change", bring_back_first)
    assert remove() == 9
    assert "n0" in left(old)


def test_a_dry_run_counts_and_removes_nothing(old, capsys):
    call_command("remove_old", "--dry-run")
    assert "10 notifications would be removed" in capsys.readouterr().out
    assert len(left(old)) == 20


def test_the_command_says_how_many_there_were(old, capsys):
    call_command("remove_old")
    assert "10 notifications were removed" in capsys.readouterr().out
    call_command("remove_old")
    assert "0 notifications were removed" in capsys.readouterr().out


@pytest.fixture
def began(monkeypatch):
    """How often retention has begun from the start."""
    starts = []
    real = retention.remove_slice

    def note(limits, after):
        starts.extend([after] if after == 0 else [])
        return real(limits, after)

    monkeypatch.setattr(ticking, "remove_slice", note)
    return starts


def test_the_tick_does_it_once_a_day_also_when_it_is_started_again(old, began, time_machine):
    time_machine.move_to("2030-01-01T00:00:00Z", tick=False)
    for _ in range(5):
        ticking.Retention().step()
    assert began == [0]
    running = ticking.Retention()
    for hours in (23, 2, 1, 22, 2):
        time_machine.shift(timedelta(hours=hours))
        for _ in range(4):
            running.step()
    assert began == [0, 0, 0]


def test_each_round_of_the_tick_takes_one_slice(old, monkeypatch):
    monkeypatch.setattr(retention, "SLICE", 5)
    running = ticking.Retention()
    counts = []
    for _ in range(6):
        running.step()
        counts.append(len(left(old)))
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 15
    assert counts[-1] == 10


def test_it_notes_when_it_has_begun(old):
    assert Board.load().retained_at is None
    ticking.Retention().step()
    assert Board.load().retained_at


# On pages.


def test_pages_of_the_past_get_the_full_list(old):
    remove()
    old.refresh_from_db()
    assert old.floor == old.revision


@pytest.mark.usefixtures("live")
async def test_an_open_archive_shows_no_row_that_is_gone(old, bo):
    async with LivePage(bo, f"{INBOX}?view=archived") as page:
        assert len(page.document.rows()) == 10
        await sync_to_async(remove)()
        await page.until(lambda: not page.document.rows())
        assert FULL_LIST in page.frames[-1]
        assert page.shown() == (await LivePage(bo, page.path, client=page.client).load()).shown()


@pytest.mark.usefixtures("live")
async def test_where_nothing_goes_no_page_is_told_anything(bo, inbox):
    await sync_to_async(notify)(bo, title="One")
    revision = (await Inbox.objects.aget(pk=inbox.pk)).revision
    assert await sync_to_async(remove)() == 0
    assert (await Inbox.objects.aget(pk=inbox.pk)).revision == revision


def test_jobs_go_as_long_after_their_end_as_what_was_read_and_their_files_with_them(bo, tmp_path):
    def end(title, days):
        with run_job(owner=bo, title=title) as job:
            file = tmp_path / "numbers.csv"
            file.write_text("1")
            job.result = Result(file=file)
        Job.objects.filter(pk=job.id).update(ended_at=clock.now() - timedelta(days=days))
        return Job.objects.get(pk=job.id).result_file

    old, young = end("Old", 366), end("Young", 364)
    remove(Limits(archived_days=90, read_days=0))
    assert Job.objects.count() == 2
    remove()
    assert [job.title for job in Job.objects.all()] == ["Young"]
    assert (private().exists(old), private().exists(young)) == (False, True)
