"""What the clock wants: published and ended on time and once, whatever clock, ticks and workers do."""

import threading
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DatabaseError

from notifications import signals
from notifications.broadcasting import broadcast, remind
from notifications.management.commands import tick as ticking
from notifications.management.commands.tick import Announcer, tick
from notifications.models import Board, Broadcast, Content, Inbox, Notification, clock
from notifications.models.broadcast_content import NAMES_AT_ONCE
from notifications.tasks import gather_names

pytestmark = pytest.mark.django_db(transaction=True)

User = get_user_model()


@pytest.fixture(autouse=True)
def started(monkeypatch):
    """The tasks that were started, in place of the broker."""
    started = []
    monkeypatch.setattr(signals, "start", lambda task, *arguments: started.append((task.name, *arguments)))
    return started


def state() -> str:
    return Broadcast.objects.get().state


def happened() -> list[str]:
    return list(Broadcast.objects.get().events.order_by("pk").values_list("what", flat=True))


def make_readers(count: int) -> list[str]:
    User.objects.bulk_create(User(username=f"reader-{n:05}") for n in range(count))
    return [f"reader-{n:05}" for n in range(count)]


# On time.


def test_it_is_published_at_its_start_and_ended_at_its_end(bo, hands):
    broadcast("Later", starts_at=hands.after(minutes=5), ends_at=hands.after(minutes=10))
    tick()
    assert (state(), Inbox.objects.of(bo).announcements) == ("scheduled", [])
    hands.move(minutes=5)
    tick()
    assert [row.title for row in Inbox.objects.of(bo).announcements] == ["Later"]
    hands.move(minutes=5)
    tick()
    assert (state(), happened()) == ("ended", ["created", "scheduled", "published", "ended"])


def test_the_loop_waits_until_the_next_start_or_end_where_that_is_sooner(hands):
    announcer = Announcer()
    assert announcer.pause(1.0) == 1.0
    one = broadcast("Later", starts_at=hands.after(seconds=5), ends_at=hands.after(seconds=5.25))
    assert announcer.pause(1.0) == 1.0
    assert announcer.pause(60) == 5
    hands.move(seconds=5)
    one.carry_out_due()
    assert announcer.pause(1.0) == 0.25


def test_what_cannot_be_published_does_not_keep_the_loop_running_without_a_pause(hands):
    broadcast("Later", starts_at=hands.after(seconds=5))
    hands.move(seconds=6)
    assert Announcer().pause(1.0) == 1.0


def test_a_running_tick_wakes_at_the_start_of_a_broadcast(bo, monkeypatch):
    """The one test that goes by the real clock: its loop would look only once an hour."""
    published, stopped = threading.Event(), threading.Event()
    begin = Broadcast._begin

    def noted(self, board, by):
        begin(self, board, by)
        published.set()
        stopped.set()

    monkeypatch.setattr(Broadcast, "_begin", noted)
    monkeypatch.setattr(ticking, "threading", SimpleNamespace(Event=lambda: stopped))  # each thread has an Event, too
    monkeypatch.setattr(ticking.signal, "signal", lambda *_: None)
    starts_at = clock.now() + timedelta(seconds=0.5)
    broadcast("Now", starts_at=starts_at)
    call_command("tick", interval=3600.0, stdout=StringIO())
    assert published.is_set()
    assert Broadcast.objects.get().published_at >= starts_at


def test_it_is_on_time_also_while_there_is_much_else_to_do(bo, chi, hands, monkeypatch):
    """Its start comes while the tick is busy with the first of two inboxes."""
    broadcast("Now", starts_at=hands.after(minutes=1))
    monkeypatch.setattr(ticking, "LOOK_EVERY", 0)
    monkeypatch.setattr(ticking, "pending_inboxes", lambda limit: [1, 2])
    seen = []

    def busy(inbox_ids):
        seen.append(state())
        hands.move(minutes=1)

    monkeypatch.setattr(ticking, "settle", busy)
    tick()
    assert seen == ["scheduled", "published"]


def test_a_tick_that_was_away_for_an_hour_publishes_what_still_runs_and_ends_the_rest(bo, hands):
    broadcast("Short", starts_at=hands.after(minutes=5), ends_at=hands.after(minutes=10))
    broadcast("Long", starts_at=hands.after(minutes=5))
    hands.move(hours=1)
    for _ in range(2):
        tick()
    assert [row.title for row in Inbox.objects.of(bo).announcements] == ["Long"]
    short = Broadcast.objects.get(title="Short")
    assert short.state == "ended"
    for one in Broadcast.objects.all():
        assert one.events.filter(what="published").count() == 1


def test_a_clock_that_jumps_back_publishes_nothing_twice(bo, hands):
    broadcast("Later", starts_at=hands.after(minutes=5))
    hands.move(minutes=5)
    tick()
    revision = Board.load().revision
    hands.move(hours=-1)
    tick()
    hands.move(hours=2)
    tick()
    assert (Board.load().revision, happened().count("published")) == (revision, 1)
    assert len(Inbox.objects.of(bo).announcements) == 1


def test_a_clock_that_jumps_ahead_publishes_once(bo, hands):
    broadcast("Later", starts_at=hands.after(minutes=30))
    hands.move(hours=1)
    tick()
    hands.move(hours=-1)
    tick()
    assert happened() == ["created", "scheduled", "published"]


@pytest.mark.parametrize(
    ("written", "starts", "expected"),
    [
        ("2027-03-20T12:00", "2027-04-01T09:00", "2027-04-01T07:00"),  # into summer time
        ("2027-10-20T12:00", "2027-11-10T09:00", "2027-11-10T08:00"),  # out of it
    ],
)
def test_a_start_in_local_time_comes_at_that_local_time_after_the_clocks_were_changed(
    settings, hands, written, starts, expected
):
    settings.TIME_ZONE = "Europe/Berlin"
    hands.moment = datetime.fromisoformat(written).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    call_command("broadcast", "Good morning", "--starts", starts, stdout=StringIO())
    due = datetime.fromisoformat(expected).replace(tzinfo=UTC)
    hands.moment = due - timedelta(microseconds=1)
    tick()
    assert state() == "scheduled"
    hands.moment = due
    tick()
    assert state() == "published"
    assert f"{due.astimezone(ZoneInfo('Europe/Berlin')):%H:%M}" == "09:00"


def test_what_was_cancelled_or_put_off_is_not_published_at_its_first_start(hands):
    starts_at = hands.after(minutes=5)
    broadcast("Cancelled", starts_at=starts_at).cancel()
    broadcast("Put off", starts_at=starts_at).rewrite(Content(title="Put off", starts_at=hands.after(hours=1)))
    hands.move(minutes=5)
    tick()
    assert not Broadcast.objects.filter(state="published").exists()


def test_one_that_fails_does_not_keep_the_others_from_being_published(hands, monkeypatch):
    for title in ("First", "Second"):
        broadcast(title, starts_at=hands.after(minutes=5))
    carry_out = Broadcast.carry_out_due

    def failing(self):
        if self.title == "First":
            raise DatabaseError
        carry_out(self)

    monkeypatch.setattr(Broadcast, "carry_out_due", failing)
    hands.move(minutes=5)
    tick()
    assert [one.title for one in Broadcast.objects.filter(state="published")] == ["Second"]


# Very many names.


def test_very_many_people_are_gathered_by_the_tick_a_batch_in_a_round(bo, started):
    one = broadcast("Hello", audience=User.objects.filter(username__in=make_readers(2_500)))
    assert started == [("notifications.tasks.gather_names", one.pk)]
    counts = []
    for _ in range(3):
        assert state() == "scheduled"
        tick()
        counts.append(one.people.count())
    assert counts == [1_000, 2_000, 2_500]
    assert (state(), Broadcast.objects.get().users().count()) == ("published", 2_500)


def test_the_task_gathers_them_all_and_publishes(started):
    one = broadcast("Hello", audience=[f"user:{name}" for name in make_readers(2_500)])
    for _ in range(2):
        gather_names(one.pk)
    assert (state(), one.people.count(), happened().count("published")) == ("published", 2_500, 1)


def test_the_task_does_not_publish_before_the_start(hands, started):
    one = broadcast("Hello", audience=[f"user:{n}" for n in make_readers(1_001)], starts_at=hands.after(hours=1))
    gather_names(one.pk)
    assert (state(), one.people.count()) == ("scheduled", 1_001)


def test_the_task_forgives_that_it_was_discarded_meanwhile(started):
    one = broadcast("Hello", audience=[f"user:{name}" for name in make_readers(1_001)])
    one.cancel()
    one.discard()
    ((_, pk),) = started
    assert gather_names(pk) is None
    assert not Broadcast.objects.exists()


def test_as_many_names_as_are_looked_up_at_once_need_no_task(started):
    broadcast("Hello", audience=[f"user:{name}" for name in make_readers(NAMES_AT_ONCE)])
    assert (state(), started) == ("published", [])


def test_edited_while_they_are_gathered_the_new_names_count(bo, started):
    one = broadcast("Hello", audience=[f"user:{name}" for name in make_readers(1_500)])
    tick()
    Broadcast.objects.get().rewrite(Content(title="Hello", audience="people", names=["bo"], starts_at=one.starts_at))
    tick()
    assert [user.username for user in Broadcast.objects.get().users()] == ["bo"]
    assert state() == "published"


# Reminders whose task never came.


def test_reminders_that_no_worker_has_sent_are_sent_by_the_tick_after_a_minute(ada, hands, started):
    make_readers(1_500)
    remind(broadcast("Rules", asks_acknowledgement=True), ada)
    announcer = Announcer()
    tick(announcer)
    told = Notification.objects.filter(verb="broadcast.reminder")
    assert (told.count(), happened()[-1]) == (0, "reminding")
    hands.move(minutes=1)
    for count in (1_000, 1_501, 1_501):
        tick(announcer)
        assert told.count() == count
    assert happened()[-1] == "reminded"
