"""Telling: a message rings for whoever does not read it just now, once, whatever dies in between."""

import pytest
from django.core.management import call_command

from notifications import telling
from notifications.models import Follow, Inbox, Level, Notification, Thread, ThreadPresence
from notifications.models.thread import PATIENCE
from notifications.telling import note_readings, tell
from notifications.threads import invite, say, start_room, write_to

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ops(ada, bo, chi, dana):
    """A room of Ada, Bo, Chi and Dana."""
    room = start_room(ada, "Ops", is_open=False)
    invite(ada, room, [bo, chi, dana])
    Notification.objects.all().delete()
    return room


def rung(user):
    """What has rung for them, as they read it."""
    return [row.title_text for row in Notification.objects.unread().filter(inbox__user=user).order_by("arrival")]


def sit(thread, user):
    ThreadPresence.renew("a hub", [(thread.pk, user.inbox.pk)])


def test_followers_who_are_elsewhere_get_one_row_with_people_and_number(ops, ada, bo, chi):
    for user, text in ((ada, "one"), (bo, "two"), (ada, "three"), (bo, "four"), (bo, "five")):
        say(user, ops, text)
    assert rung(chi) == ["Bo Lindqvist and Ada Okafor in Ops: 5 new"]
    assert rung(ada) == ["Bo Lindqvist in Ops: 3 new"]


def test_who_has_it_open_is_left_alone(ops, ada, bo, chi):
    sit(ops, bo)
    say(ada, ops, "Hello")
    assert rung(bo) == []
    assert rung(chi) == ["Ada Okafor in Ops"]


def test_who_had_it_open_and_did_not_read_it_is_told_by_the_tick(ops, ada, bo, hands):
    sit(ops, bo)
    say(ada, ops, "Hello")
    call_command("tick", once=True)
    assert rung(bo) == []
    hands.move(seconds=PATIENCE.total_seconds() + 1)
    sit(ops, bo)  # a page that says it is there, and does not say that it has shown it
    call_command("tick", once=True)
    assert rung(bo) == ["Ada Okafor in Ops"]
    call_command("tick", once=True)
    assert rung(bo) == ["Ada Okafor in Ops"]
    assert Thread.objects.get().tell_at is None


def test_who_has_read_it_meanwhile_is_not_told(ops, ada, bo, hands):
    sit(ops, bo)
    say(ada, ops, "Hello")
    note_readings(ops, [bo.inbox.pk], 1)
    hands.move(seconds=PATIENCE.total_seconds() + 1)
    call_command("tick", once=True)
    assert rung(bo) == []


def test_what_a_writer_that_died_has_told_nobody_the_tick_tells(ops, ada, bo, monkeypatch, hands):
    monkeypatch.setattr(telling, "tell_soon", lambda *_: None)
    say(ada, ops, "Hello @chi")
    assert rung(bo) == []
    hands.move(seconds=PATIENCE.total_seconds() + 1)
    call_command("tick", once=True)
    assert rung(bo) == ["Ada Okafor in Ops"]


def test_telling_twice_rings_once(ops, ada, bo, hands):
    say(ada, ops, "Hello")
    hands.move(seconds=PATIENCE.total_seconds() + 1)
    for _ in range(3):
        Follow.objects.update(told_number=0)
        Thread.objects.update(told_number=0)
        tell(Thread.objects.get())
    assert rung(bo) == ["Ada Okafor in Ops"]


def test_of_a_large_room_the_tick_tells(ops, ada, bo, monkeypatch):
    monkeypatch.setattr(telling, "AT_ONCE", 2)
    say(ada, ops, "Hello")
    assert rung(bo) == []
    call_command("tick", once=True)
    assert rung(bo) == ["Ada Okafor in Ops"]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (Level.EVERYTHING, ["Ada Okafor in Ops", "Ada Okafor mentioned you in Ops"]),
        (Level.MENTIONS, ["Ada Okafor mentioned you in Ops"]),
        (Level.NOTHING, []),
    ],
)
def test_everything_mentions_only_or_nothing(ops, ada, bo, level, expected):
    ops.choose(bo.inbox, level)
    say(ada, ops, "Good morning")
    say(ada, ops, "Are you there, @bo?")
    assert rung(bo) == expected


def test_a_mention_marks_the_name_and_only_names_that_are_somebodys(ops, ada, bo, chi):
    message = say(ada, ops, "@bo, ask @nobody or mail x@chi. `@dana` <@ada>")
    assert message.html.count("<mark>") == 3
    assert "<mark>@bo</mark>, ask @nobody or mail x@chi." in message.html
    assert rung(chi) == ["Ada Okafor in Ops"]


def test_in_an_open_room_a_mention_reaches_who_is_not_in_it(ada, bo, chi):
    room = start_room(ada, "Lunch")
    say(ada, room, "Soup, @bo?")
    assert rung(bo) == ["Ada Okafor mentioned you in Lunch"]
    assert rung(chi) == []


def test_in_a_room_by_invitation_it_reaches_nobody_else(ops, ada, bo, dana):
    ops.let_go(dana.inbox)
    say(ada, ops, "Where is @dana?")
    assert rung(dana) == []


def test_opening_the_thread_reads_what_rings_for_it_and_nothing_that_came_later(ops, ada, bo):
    say(ada, ops, "one")
    say(ada, ops, "two, @bo")
    say(ada, ops, "three")
    ops.refresh_from_db()
    note_readings(ops, [bo.inbox.pk], 2)
    assert rung(bo) == ["Ada Okafor in Ops: 2 new"]
    note_readings(ops, [bo.inbox.pk], 3)
    assert rung(bo) == []


def test_who_passes_by_reads_their_mention_by_opening_the_room(ada, bo):
    room = start_room(ada, "Lunch")
    say(ada, room, "Soup, @bo?")
    note_readings(room, [bo.inbox.pk], 1)
    assert rung(bo) == []


def test_who_mutes_a_conversation_in_their_inbox_hears_nothing_of_it(bo, chi):
    thread = write_to(bo, chi, "Hello").thread
    chi.inbox.mute("conversation", thread.topic, "", None)
    say(bo, thread, "Hello?")
    assert Notification.objects.filter(inbox__user=chi).count() == 1


def test_who_joins_later_is_not_told_of_what_was_said_before(ops, ada, bo, hands):
    say(ada, ops, "Before")
    ops.let_go(bo.inbox)
    invite(ada, ops, [bo])
    Notification.objects.all().delete()
    hands.move(seconds=PATIENCE.total_seconds() + 1)
    call_command("tick", once=True)
    assert rung(bo) == []


def test_speaking_costs_the_same_however_many_are_told(ops, ada, django_user_model, django_assert_max_num_queries):
    users = [django_user_model(username=f"reader{n}", password="!") for n in range(50)]
    django_user_model.objects.bulk_create(users)
    ops.admit(Inbox.objects.of_users(user.pk for user in users))
    say(ada, ops, "The first one pays for what is kept")
    with django_assert_max_num_queries(40):
        say(ada, ops, "Hello, all of you")
    assert Notification.objects.filter(verb="room.said").count() == 2 * 53
