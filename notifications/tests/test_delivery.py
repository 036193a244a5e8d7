"""The door for developers: notify, notify_many, retract."""

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from notifications.categories import UnknownCategory
from notifications.delivery import anotify, notify, notify_many, retract
from notifications.models import Broadcast, Content, Inbox, InvalidNotification, KeyTaken, Notification, stamping
from notifications.verbs import UnknownVerb

pytestmark = pytest.mark.django_db(transaction=True)


def inbox_of(user):
    return Inbox.objects.of(user)


def test_a_notification_is_in_its_recipients_inbox_and_in_nobody_elses(bo, chi):
    notification = notify(bo, title="Lunch is ready", body="Soup", url="/menu/", level="success")
    assert list(inbox_of(bo).notifications.in_view("all")) == [notification]
    assert not inbox_of(chi).notifications.exists()


def test_it_is_stamped_with_the_inboxs_revision_and_counted(bo):
    notification = notify(bo, title="One")
    inbox = inbox_of(bo)
    assert (notification.revision, notification.arrived_revision, inbox.revision) == (1, 1, 1)
    assert (inbox.unseen_count, inbox.unread_count) == (1, 1)
    assert inbox.counts == {"all": 1, "category:general": 1}


def test_arrivals_grow_within_an_inbox(bo):
    arrivals = [notify(bo, title=str(n)).arrival for n in range(5)]
    assert arrivals == sorted(set(arrivals))


def test_arrivals_grow_even_when_the_clock_jumps_back(bo, time_machine):
    time_machine.move_to("2030-01-01")
    first = notify(bo, title="From the future").arrival
    time_machine.move_to("2026-01-01")
    assert notify(bo, title="From now").arrival > first


def test_nothing_is_stamped_or_locked_before_the_callers_commit(bo):
    with transaction.atomic():
        notification = notify(bo, title="Wait for it")
        assert notification.revision is None
        assert inbox_of(bo).revision == 0
    assert inbox_of(bo).revision == 1


def test_a_rollback_leaves_nothing(bo):
    with pytest.raises(RuntimeError), transaction.atomic():
        notify(bo, title="Never was")
        raise RuntimeError
    assert not Notification.objects.exists()
    assert inbox_of(bo).revision == 0


def test_a_savepoint_that_is_rolled_back_takes_only_its_own_along(bo):
    with transaction.atomic():
        notify(bo, title="Stays")
        with pytest.raises(RuntimeError), transaction.atomic():
            notify(bo, title="Goes")
            raise RuntimeError
        notify(bo, title="Stays, too")
    titles = [notification.title for notification in inbox_of(bo).notifications.in_view("all")]
    assert titles == ["Stays, too", "Stays"]


def test_what_one_transaction_sends_to_an_inbox_raises_its_revision_once(bo):
    with transaction.atomic():
        for n in range(10):
            notify(bo, title=str(n))
    inbox = inbox_of(bo)
    assert (inbox.revision, inbox.unread_count) == (1, 10)


def test_the_same_key_again_returns_the_first(bo):
    first = notify(bo, title="Invoice 7", key="invoice-7")
    assert notify(bo, title="Invoice 7", key="invoice-7") == first
    assert inbox_of(bo).unread_count == 1


def test_the_same_key_with_other_content_names_both(bo):
    notify(bo, title="Invoice 7", key="invoice-7")
    with pytest.raises(KeyTaken, match=r"'Invoice 7'.*'Invoice 8'"):
        notify(bo, title="Invoice 8", key="invoice-7")


def test_a_retracted_one_stays_retracted(bo):
    notify(bo, title="Oops", key="oops")
    assert retract(bo, "oops")
    assert notify(bo, title="Oops", key="oops").retracted_at
    inbox = inbox_of(bo)
    assert (inbox.unread_count, inbox.unseen_count, inbox.counts) == (0, 0, {})
    assert not inbox.notifications.in_view("all").exists()


def test_retracting_waits_for_the_callers_commit(bo):
    notify(bo, title="Oops", key="oops")
    with pytest.raises(RuntimeError), transaction.atomic():
        retract(bo, "oops")
        raise RuntimeError
    assert inbox_of(bo).unread_count == 1
    with transaction.atomic():
        retract(bo, "oops")
        assert inbox_of(bo).unread_count == 1
    assert inbox_of(bo).unread_count == 0


def test_sending_and_retracting_in_one_transaction_shows_nothing(bo):
    with transaction.atomic():
        notify(bo, title="Changed my mind", key="no")
        retract(bo, "no")
    assert inbox_of(bo).counts == {}


def test_retracting_what_is_not_there_says_so(bo, chi):
    notify(bo, title="Bo's", key="bos")
    assert retract(chi, "bos") is False


def test_a_broadcast_is_not_retracted_from_one_inbox(bo):
    broadcast = Broadcast.draft(Content(title="Maintenance at noon"))
    broadcast.publish()
    inbox_of(bo).mark_read(broadcast.row_key)
    assert retract(bo, broadcast.row_key) is False
    assert [row.title for row in inbox_of(bo).announcements] == ["Maintenance at noon"]
    assert not Notification.objects.exclude(retracted_at=None).exists()


def test_an_inactive_recipient_gets_nothing_and_it_says_so(bo, caplog):
    bo.is_active = False
    bo.save()
    caplog.set_level("INFO")
    assert notify(bo, title="Hello?") is None
    assert "bo: inactive" in caplog.text
    assert not Notification.objects.exists()


def test_a_category_that_was_switched_off_brings_nothing(bo):
    inbox_of(bo).mute_category("general")
    assert notify(bo, title="Not now") is None
    inbox_of(bo).unmute_category("general")
    assert notify(bo, title="Now")


def test_a_required_category_cannot_be_switched_off(bo):
    with pytest.raises(ValueError, match="cannot be switched off"):
        inbox_of(bo).mute_category("security")


def test_many_get_it_and_the_others_are_counted_by_reason(ada, bo, chi, dana):
    chi.is_active = False
    chi.save()
    inbox_of(dana).mute_category("general")
    sent = notify_many([ada, bo, chi, dana], title="Fire drill")
    assert (sent.count, sent.skipped) == (2, {"inactive": 1, "muted": 1})


def test_a_group_gets_it(bo, chi, dana):
    kitchen = Group.objects.create(name="kitchen")
    kitchen.user_set.add(bo, dana)
    notify_many(kitchen, title="Menu")
    assert set(Notification.objects.values_list("inbox__user__username", flat=True)) == {"bo", "dana"}


def test_a_queryset_gets_it_each_once(bo, chi, django_user_model):
    sent = notify_many(django_user_model.objects.filter(username__in=["bo", "chi"]), title="Hi", key="hi")
    again = notify_many(django_user_model.objects.filter(username__in=["bo", "chi"]), title="Hi", key="hi")
    assert (sent.count, again.count, Notification.objects.count()) == (2, 2, 2)


async def test_anotify_is_for_async_callers(bo):
    notification = await anotify(bo, title="From a coroutine")
    assert notification.revision == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "neither"),
        ({"title": "x", "verb": "account.created"}, "both"),
        ({"title": "x" * 201}, "title takes at most 200 characters; got 201"),
        ({"title": "x", "body": "x" * 4001}, "body takes at most 4000 characters; got 4001"),
        ({"title": "nul\x00"}, "NUL"),
        ({"title": "x", "url": "javascript:alert(1)"}, "http"),
        ({"title": "x", "url": "//evil.example"}, "http"),
        ({"title": "x", "url": "/\\evil.example"}, "http"),
        ({"title": "x", "url": "https:evil"}, "http"),
        ({"title": "x", "url": "java\nscript:alert(1)"}, "http"),
        ({"title": "x", "level": "loud"}, "info, success, warning, error"),
        ({"title": "x", "params": {"a": object()}}, "JSON"),
        ({"title": "x", "key": "has space"}, "key is 1 to 100"),
        ({"title": "x", "key": "job-5"}, "reserved"),
        ({"title": "x", "key": "changes"}, "reserved"),
    ],
)
def test_anything_outside_of_the_limits_says_what_was_expected(bo, content, said):
    with pytest.raises(InvalidNotification, match=said):
        notify(bo, **content)
    assert not Notification.objects.exists()


def test_an_unknown_category_is_refused_with_the_known_ones(bo):
    with pytest.raises(UnknownCategory, match=r"'cats'.*general.*security"):
        notify(bo, title="Meow", category="cats")


def test_an_unknown_verb_and_a_missing_part_are_refused(bo):
    with pytest.raises(UnknownVerb, match=r"'cat\.meowed'.*account\.created"):
        notify(bo, verb="cat.meowed")
    with pytest.raises(ValueError, match="needs browser"):
        notify(bo, verb="account.new_browser")


def test_actors_and_targets_that_are_deleted_leave_a_readable_row(bo, chi, ada):
    notify(bo, verb="account.created", actor=chi, target=ada, key="k")
    chi.delete()
    ada.delete()
    notification = inbox_of(bo).notifications.get(key="k")
    assert notification.title_text == "chi has joined"
    assert notification.target_label == "ada"


def test_sending_to_nobody_is_no_error(bo):
    bo.is_active = False
    bo.save()
    assert notify_many([bo], title="Hello?").skipped == {"inactive": 1}
    assert notify_many([], title="Hello?").count == 0


def test_many_with_a_key_that_names_something_else_are_told_so(bo, chi):
    notify(chi, title="Invoice 7", key="invoice-7")
    with pytest.raises(KeyTaken, match=r"'Invoice 7'.*'Invoice 8'"):
        notify_many([bo, chi], title="Invoice 8", key="invoice-7")


def test_every_part_of_what_was_sent_is_there(ada, bo, chi):
    content = {"title": "T", "body": "B", "url": "/u/", "category": "people", "level": "error", "reason": "R"}
    notify_many([bo, chi], actor=ada, target=chi, params={"a": [1, {"b": None}]}, key="k", **content)
    rows = Notification.objects.filter(key="k")
    assert rows.count() == 2
    for row in rows:
        assert {name: getattr(row, name) for name in content} == content
        assert (row.actor, row.actor_name, row.target_label) == (ada, "Ada Okafor", "chi")
        assert (row.target, row.params) == (f"accounts.user:{chi.pk}", {"a": [1, {"b": None}]})


def test_the_same_key_again_is_the_same_although_its_actor_has_another_name_by_now(bo, chi):
    first = notify(bo, title="Invoice 7", key="invoice-7", actor=chi)
    chi.display_name = "Chi the Younger"
    chi.save()
    assert notify(bo, title="Invoice 7", key="invoice-7", actor=chi) == first


def test_a_slice_of_a_queryset_gets_it(bo, chi, dana, django_user_model):
    assert notify_many(django_user_model.objects.order_by("pk")[:2], title="Hi").count == 2


def test_what_is_none_is_empty(bo):
    notification = notify(bo, title="Hi", body=None, url=None, reason=None, group_key=None)
    assert (notification.body, notification.url, notification.reason) == ("", "", "")


def test_more_than_one_transaction_can_stamp_is_stamped_in_several(bo, monkeypatch):
    monkeypatch.setattr(stamping, "ROWS", 4)
    with transaction.atomic():
        for n in range(10):
            notify(bo, title=str(n))
    inbox = inbox_of(bo)
    assert (inbox.revision, inbox.unread_count) == (3, 10)
    assert [one.title for one in inbox.notifications.in_view("all")] == [str(n) for n in reversed(range(10))]
