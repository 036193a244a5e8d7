"""Talking: who may say what to whom, and what becomes of it."""

import pytest
from django.contrib.auth.models import Permission
from django.utils import translation

from notifications import threads
from notifications.models import Follow, Inbox, InvalidMessage, Level, Message, Notification, Report, Thread, TooFast
from notifications.models.allowance import MESSAGES, NEW_THREADS, Allowance
from notifications.models.message import TEXT_LIMIT
from notifications.threads import NotAllowed, edit, invite, join, leave, report, retract, say, start_room, write_to

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def talk(bo, chi):
    """A thread of Bo and Chi."""
    return write_to(bo, chi, "Hello **Chi**").thread


@pytest.fixture
def ops(ada, bo):
    """A room by invitation, which Ada keeps, with Bo in it."""
    room = start_room(ada, "Ops & Deploys", is_open=False)
    invite(ada, room, [bo])
    return room


def unread(user):
    return Inbox.objects.get(user=user).unread_count


# One to one.


def test_what_is_written_to_somebody_is_one_item_in_their_inbox(bo, chi):
    message = write_to(bo, chi, "Lunch *today*?")
    item = chi.inbox.notifications.get()
    assert (item.title_text, item.body_text) == ("Bo Lindqvist wrote to you", "Lunch today?")
    assert item.link == f"/threads/{message.thread_id}/#message-1"
    assert unread(chi) == 1
    assert not bo.inbox.notifications.exists()


def test_both_write_in_the_same_thread_whoever_began(talk, bo, chi):
    assert write_to(chi, bo, "Hello Bo").thread == talk
    assert [one.author_name for one in talk.messages.order_by("number")] == ["Bo Lindqvist", "chi"]


def test_several_are_one_row_counted_once_until_it_is_read(talk, bo, chi):
    say(bo, talk, "and")
    say(bo, talk, "another")
    assert unread(chi) == 1
    [row] = chi.inbox.notifications.listed()
    assert (row.title_text, row.body_text) == ("Bo Lindqvist wrote to you: 3 new", "another")
    chi.inbox.mark_read(row.key)
    say(bo, talk, "later")
    [row] = chi.inbox.notifications.unread()
    assert row.title_text == "Bo Lindqvist wrote to you"


def test_what_somebody_wrote_is_never_looked_up_in_a_catalogue(bo, chi):
    write_to(bo, chi, "Monday")
    with translation.override("de"):
        assert chi.inbox.notifications.get().body_text == "Monday"


def test_nobody_writes_to_themselves(bo):
    with pytest.raises(NotAllowed, match="somebody else"):
        write_to(bo, bo, "Note to self")


def test_the_same_form_sent_twice_says_it_once(bo, chi):
    first = write_to(bo, chi, "Once", key="form-1")
    assert write_to(bo, chi, "Once", key="form-1") == first
    assert chi.inbox.notifications.count() == Message.objects.count() == 1


@pytest.mark.parametrize("text", ["", " \n ", "\u200b", "x" * (TEXT_LIMIT + 1), "a\x00b", "half \ud800"])
def test_what_cannot_be_said_is_refused_with_a_reason_and_begins_no_thread(bo, chi, text):
    with pytest.raises(InvalidMessage) as refused:
        write_to(bo, chi, text)
    assert str(refused.value).endswith(".")
    assert not Thread.objects.exists()


def test_markdown_is_safe_and_htmx_finds_nothing_in_it(bo, chi):
    message = write_to(bo, chi, '<b hx-get="/x">b</b> [x](javascript:1) <mark>no</mark> **yes**')
    assert "<b" not in message.html
    assert "<mark>" not in message.html
    assert "<strong>yes</strong>" in message.html


# Blocking, and other limits.


def test_who_is_blocked_can_begin_nothing_and_go_on_with_nothing(talk, bo, chi):
    threads.block(chi, bo)
    for attempt in (lambda: write_to(bo, chi, "Hey"), lambda: say(bo, talk, "Hey")):
        with pytest.raises(NotAllowed, match="You cannot write to chi"):
            attempt()
    with pytest.raises(NotAllowed, match="Unblock them"):
        say(chi, talk, "Hey")
    threads.unblock(chi, bo)
    assert say(bo, talk, "Hey again").number == 2


def test_who_is_blocked_does_not_get_through_by_an_edit_either(talk, bo, chi):
    threads.block(chi, bo)
    with pytest.raises(NotAllowed, match="You cannot write to chi"):
        edit(bo, talk.messages.get(), "And another thing")
    assert talk.messages.get().body == "Hello **Chi**"


def test_who_was_sent_away_changes_nothing_that_they_said_before(ops, ada, bo):
    message = say(bo, ops, "Mine")
    threads.dismiss(ada, ops, bo.inbox)
    with pytest.raises(NotAllowed, match="not in this room"):
        edit(bo, message, "Mine still")


def test_a_room_that_is_closed_meanwhile_lets_nobody_in(ada, bo):
    room = start_room(ada, "Lunch")
    Thread.objects.update(is_open=False)
    with pytest.raises(NotAllowed, match="by invitation"):
        join(bo, room)


def test_too_fast_begins_no_thread_either(bo, chi, hands):
    for _ in range(MESSAGES.count):
        Allowance.spend(bo.inbox.pk, MESSAGES)
    with pytest.raises(TooFast):
        write_to(bo, chi, "Hello")
    assert not Thread.objects.exists()


def test_a_blocked_person_rings_nobody_in_a_room_either(ops, ada, bo):
    threads.block(bo, ada)
    say(ada, ops, "All hands, @bo")
    assert not bo.inbox.notifications.filter(verb__in=["room.said", "thread.mentioned"]).exists()


def test_nobody_writes_to_an_account_that_is_gone(talk, bo, chi):
    chi.is_active = False
    chi.save()
    with pytest.raises(NotAllowed, match="has left"):
        say(bo, talk, "Are you there?")
    chi.delete()
    talk.refresh_from_db()
    with pytest.raises(NotAllowed, match="has left"):
        say(bo, talk, "Are you there?")
    assert talk.title_for(bo.inbox) == "Somebody who has left"


def test_too_fast_is_refused_with_the_seconds_to_wait_and_nothing_is_written(bo, chi, hands):
    talk = write_to(bo, chi, "Hello").thread
    for number in range(MESSAGES.count - 1):
        say(bo, talk, f"{number}")
    with pytest.raises(TooFast) as refused:
        say(bo, talk, "one more")
    assert refused.value.wait == 2
    assert talk.messages.count() == MESSAGES.count


def test_what_was_used_up_comes_back_with_time(bo, hands):
    for _ in range(NEW_THREADS.count):
        Allowance.spend(bo.inbox.pk, NEW_THREADS)
    with pytest.raises(TooFast):
        Allowance.spend(bo.inbox.pk, NEW_THREADS)
    hands.move(seconds=NEW_THREADS.price.total_seconds())
    Allowance.spend(bo.inbox.pk, NEW_THREADS)


# Editing and taking back.


def test_an_edited_message_says_so_and_what_quotes_it_says_the_same(talk, bo, chi):
    message = talk.messages.get()
    before = Inbox.objects.get(user=chi).revision
    edit(bo, message, "Hello Chi, *really*")
    message.refresh_from_db()
    assert message.edited_at
    assert "<em>really</em>" in message.html
    assert chi.inbox.notifications.get().body_text == "Hello Chi, really"
    assert Inbox.objects.get(user=chi).revision == before + 1


def test_what_is_taken_back_is_gone_from_the_thread_and_from_every_inbox(talk, bo, chi):
    retract(bo, talk.messages.get())
    gone = talk.messages.get()
    assert (gone.body, gone.html, gone.words) == ("", "", [])
    assert not talk.messages.shown().exists()
    assert unread(chi) == 0
    assert not chi.inbox.notifications.listed().exists()
    retract(bo, gone)  # twice does no harm


def test_nobody_edits_or_takes_back_what_others_said(talk, chi):
    message = talk.messages.get()
    for attempt in (lambda: edit(chi, message, "No"), lambda: retract(chi, message)):
        with pytest.raises(NotAllowed):
            attempt()
    assert message.body == "Hello **Chi**"


# Rooms.


def test_a_rooms_address_comes_from_its_title_and_is_taken_once(ops, bo):
    assert ops.get_absolute_url() == "/rooms/ops-deploys/"
    with pytest.raises(NotAllowed, match="already"):
        start_room(bo, "Ops - Deploys")
    assert start_room(bo, "غرفة").name.startswith("room-")


def test_the_same_title_is_the_same_room_in_any_script_and_one_that_shows_nothing_is_none(bo):
    start_room(bo, "غرفة")
    with pytest.raises(NotAllowed, match="already"):
        start_room(bo, "غرفة")
    with pytest.raises(NotAllowed, match="has a name"):
        start_room(bo, "\u200b\u202e")
    assert start_room(bo, "\u202eOps").title == "Ops"


def test_who_is_not_invited_can_neither_join_nor_speak(ops, chi):
    with pytest.raises(NotAllowed, match="by invitation"):
        join(chi, ops)
    with pytest.raises(NotAllowed, match="not in this room"):
        say(chi, ops, "Let me in")
    with pytest.raises(NotAllowed, match="in a room"):
        invite(chi, ops, [chi])
    assert not ops.is_open_to(chi.inbox)


def test_members_invite_and_the_invited_are_told_once(ops, bo, chi):
    assert invite(bo, ops, [chi]) == 1
    assert invite(bo, ops, [chi]) == 0
    [item] = chi.inbox.notifications.all()
    assert item.title_text == "Bo Lindqvist has invited you to Ops & Deploys"
    assert ops.is_open_to(chi.inbox)


def test_an_invitation_by_somebody_blocked_reaches_nobody(ops, bo, chi):
    threads.block(chi, bo)
    assert invite(bo, ops, [chi]) == 0


def test_who_left_or_was_sent_away_is_out(ops, ada, bo):
    leave(bo, ops)
    assert not ops.is_open_to(bo.inbox)
    invite(ada, ops, [bo])
    with pytest.raises(NotAllowed, match="keeps"):
        threads.dismiss(bo, ops, ada.inbox)
    threads.dismiss(ada, ops, bo.inbox)
    assert not ops.is_open_to(bo.inbox)


def test_speaking_in_an_open_room_is_joining_it(ada, chi):
    room = start_room(ada, "Lunch")
    say(chi, room, "Soup?")
    assert Follow.objects.get(topic="room:lunch", inbox=chi.inbox).level == Level.EVERYTHING


def test_only_its_keeper_changes_a_room_or_staff_who_may(ops, ada, bo):
    with pytest.raises(NotAllowed):
        threads.change_room(bo, ops, title="Mine", about="", is_open=True)
    bo.user_permissions.add(Permission.objects.get(codename="change_thread"))
    threads.change_room(type(bo).objects.get(pk=bo.pk), ops, title="Operations", about="On call", is_open=True)
    ops.refresh_from_db()
    assert (ops.title, ops.about, ops.is_open, ops.head_revision) == ("Operations", "On call", True, ops.revision)


# Reporting.


def test_a_report_reaches_staff_with_what_was_said_then(ops, ada, bo):
    ada.is_superuser = True
    ada.save()
    message = say(bo, ops, "Something **nasty**")
    with pytest.raises(NotAllowed, match="your own"):
        report(bo, message)
    report(ada, message, "It is nasty")
    edit(bo, message, "Something nice")
    made = report(ada, message)
    assert Report.objects.count() == 1
    assert (made.body, made.where, made.author_name) == ("Something **nasty**", "Ops & Deploys", "Bo Lindqvist")
    item = Notification.objects.get(verb="message.reported")
    assert item.inbox.user == ada
    assert item.link == f"/admin/notifications/report/{made.pk}/change/"
