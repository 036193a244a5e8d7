"""Many at once in a thread: no number twice, nobody told twice, no limit slipped through, and nothing deadlocks."""

from functools import partial

import pytest

from notifications import threads
from notifications.models import Follow, Inbox, Message, Notification, Thread, TooFast
from notifications.models.allowance import MESSAGES, Allowance
from notifications.telling import note_readings, tell
from notifications.tests.recount import kept, recount
from notifications.tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ops(ada, bo, chi, dana):
    room = threads.start_room(ada, "Ops", is_open=False)
    threads.invite(ada, room, [bo, chi, dana])
    Notification.objects.all().delete()
    Inbox.objects.update(unread_count=0, unseen_count=0, counts={})
    return room


def said(thread):
    return list(thread.messages.order_by("number").values_list("number", "arrival", "revision"))


def test_many_who_speak_at_once_get_numbers_in_the_order_of_the_commits(ops, ada, bo, chi, dana):
    def speak(user, n):
        threads.say(user, Thread.objects.get(pk=ops.pk), f"{user} {n}")

    together(*[partial(speak, user, n) for user in (ada, bo, chi, dana) for n in range(5)])
    rows = said(ops)
    assert [number for number, *_ in rows] == list(range(1, 21))
    assert rows == sorted(rows, key=lambda row: row[1]) == sorted(rows, key=lambda row: row[2])
    for user in (ada, bo, chi, dana):
        inbox = Inbox.objects.get(user=user)
        assert kept(inbox) == recount(inbox)
        assert inbox.notifications.listed().get().group_size == 15


def test_a_form_that_is_sent_twenty_times_at_once_says_it_once(ops, bo):
    together(*[lambda: threads.say(bo, Thread.objects.get(pk=ops.pk), "Once", key="form")] * 20)
    assert Message.objects.count() == 1


def test_two_who_write_to_each_other_at_once_begin_one_thread(bo, chi):
    together(
        *[partial(threads.write_to, bo, chi, "Hello Chi", key="a")] * 5,
        *[partial(threads.write_to, chi, bo, "Hello Bo", key="b")] * 5,
    )
    assert Thread.objects.count() == 1
    assert Follow.objects.count() == 2
    assert Message.objects.count() == 2


def test_a_limit_lets_exactly_so_many_through_at_once(bo, hands):
    pk = bo.inbox.pk

    def spend():
        try:
            Allowance.spend(pk, MESSAGES)
        except TooFast:
            return 0
        return 1

    assert sum(together(*[spend] * 40)) == MESSAGES.count


def test_telling_reading_and_speaking_at_once_ring_for_each_message_once(ops, ada, bo, chi):
    def speak(n):
        threads.say(ada, Thread.objects.get(pk=ops.pk), f"{n}")

    together(
        *[partial(speak, n) for n in range(6)],
        *[lambda: tell(Thread.objects.get(pk=ops.pk))] * 4,
        *[lambda: note_readings(Thread.objects.get(pk=ops.pk), [bo.inbox.pk], 3)] * 2,
    )
    tell(Thread.objects.get(pk=ops.pk))
    keys = list(chi.inbox.notifications.values_list("key", flat=True))
    assert sorted(keys) == sorted(f"message-{ops.pk}-{n}" for n in range(1, 7))
    for user in (bo, chi):
        inbox = Inbox.objects.get(user=user)
        assert kept(inbox) == recount(inbox)


def test_who_is_sent_away_while_they_speak_is_either_in_or_out(ops, ada, bo):
    def speak():
        try:
            threads.say(bo, Thread.objects.get(pk=ops.pk), "Am I here?")
        except threads.NotAllowed:
            return False
        return True

    *spoken, _ = together(*[speak] * 4, lambda: threads.dismiss(ada, Thread.objects.get(pk=ops.pk), bo.inbox))
    assert Message.objects.filter(author=bo).count() == sum(spoken)
    assert not Follow.objects.filter(inbox=bo.inbox, topic=ops.topic).exists()
