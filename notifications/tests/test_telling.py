"""Telling: a message rings for whoever does not read it just now, once, whatever dies in between."""

import pytest
from django.core.management import call_command

from notifications import telling
from notifications.models import Inbox, Level, Notification, Thread, ThreadPresence
from notifications.models.thread import PATIENCE
from notifications.search import Search
from notifications.telling import note_readings, tell
from notifications.threads import change_room, dismiss, edit, invite, say, start_room, write_to

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


def test_a_name_may_begin_with_a_capital(ops, ada, bo):
    assert say(ada, ops, "@Bo: yes.").mentions == [bo.pk]


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


def test_a_mention_that_was_held_back_rings_although_something_later_has_rung(ops, ada, bo, hands):
    sit(ops, bo)
    say(ada, ops, "Help, @bo")
    ThreadPresence.objects.all().delete()
    say(ada, ops, "Anybody?")
    assert rung(bo) == ["Ada Okafor in Ops"]
    hands.move(seconds=PATIENCE.total_seconds() + 1)
    call_command("tick", once=True)
    assert sorted(rung(bo)) == ["Ada Okafor in Ops", "Ada Okafor mentioned you in Ops"]


def test_a_lively_room_does_not_put_the_tick_off(ops, ada, bo, hands):
    sit(ops, bo)
    say(ada, ops, "Hello")
    for n in range(3):
        hands.move(seconds=PATIENCE.total_seconds() / 2)
        sit(ops, bo)
        say(ada, Thread.objects.get(), f"Hello {n}")
    call_command("tick", once=True)
    assert len(rung(bo)) == 1
    assert Thread.objects.get().told_number > 0


def test_what_is_taken_back_while_it_is_told_is_in_no_inbox(ops, ada, bo, monkeypatch):
    original = telling.put

    def slowly(inbox_ids, key, draft):
        Thread.objects.get().retract(ops.messages.get())
        return original(inbox_ids, key, draft)

    monkeypatch.setattr(telling, "put", slowly)
    say(ada, ops, "Something that nobody should read")
    assert rung(bo) == []


def test_who_reads_it_while_it_is_told_has_read_it(ops, ada, bo, monkeypatch):
    original = telling.put

    def slowly(inbox_ids, key, draft):
        note_readings(Thread.objects.get(), [bo.inbox.pk], 1)
        return original(inbox_ids, key, draft)

    monkeypatch.setattr(telling, "put", slowly)
    say(ada, ops, "Read at once")
    assert rung(bo) == []


def test_who_is_out_of_a_room_learns_nothing_more_of_it_by_their_inbox(ops, ada, bo):
    message = say(ada, ops, "While you are here")
    dismiss(ada, ops, bo.inbox)
    edit(ada, message, "Now that you are gone")
    row = Notification.objects.get(inbox__user=bo, verb="room.said")
    assert (row.title_text, row.body_text) == ("No longer available", "")
    assert row.body == "While you are here"


def test_a_room_that_is_closed_closes_what_passers_by_were_told(ada, bo):
    room = start_room(ada, "Lunch")
    say(ada, room, "Soup, @bo?")
    change_room(ada, room, title="Lunch", about="", is_open=False)
    assert Notification.objects.get(inbox__user=bo, verb="thread.mentioned").title_text == "No longer available"


def test_an_edit_is_found_by_its_new_words_and_not_by_its_old_ones(ops, ada, bo):
    edit(ada, say(ada, ops, "Pumpkin"), "Lentils")
    assert [Search(text).rows(bo.inbox).count() for text in ("pumpkin", "lentils")] == [0, 1]


def test_who_has_muted_rooms_is_not_rung_at_by_invitations(ada, bo):
    bo.inbox.mute_category("rooms")
    invite(ada, start_room(ada, "Ops", is_open=False), [bo])
    assert rung(bo) == []


def test_who_has_no_inbox_yet_can_be_invited(ada, bo):
    Inbox.objects.filter(user=bo).delete()
    room = start_room(ada, "Ops", is_open=False)
    assert invite(ada, room, [bo]) == 1
    assert room.is_open_to(Inbox.objects.get(user=bo))
