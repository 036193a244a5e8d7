"""What Belfry listens to, and what it sends."""

import pytest
from django.contrib.auth.signals import user_logged_in
from django.db import transaction

from notifications import events
from notifications.delivery import notify, notify_many, retract
from notifications.models import Inbox, Notification

pytestmark = pytest.mark.django_db(transaction=True)

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NEWER_FIREFOX = FIREFOX.replace("140.0", "141.0")
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Safari/604.1"


@pytest.fixture
def heard(request):
    """What the receivers of one of our signals were told."""
    calls = []

    def listen(signal):
        def receiver(sender, **arguments):
            calls.append(arguments)

        signal.connect(receiver, weak=False)
        request.addfinalizer(lambda: signal.disconnect(receiver))
        return calls

    return listen


def titles(user):
    return [notification.title_text for notification in Inbox.objects.of(user).notifications.in_view("all")]


def test_a_new_account_tells_staff_and_nobody_else(ada, chi, django_user_model):
    django_user_model.objects.create_user("eve", display_name="Eve")
    assert "Eve has joined" in titles(ada)
    assert titles(chi) == []


def test_an_account_that_was_rolled_back_tells_nobody(ada, django_user_model):
    before = titles(ada)
    with pytest.raises(RuntimeError), transaction.atomic():
        django_user_model.objects.create_user("eve")
        raise RuntimeError
    assert titles(ada) == before


def sign_in(client, user_agent):
    client.logout()
    client.post("/accounts/login/", {"username": "bo", "password": "belfry-demo"}, headers={"User-Agent": user_agent})


def test_the_first_browser_of_an_account_is_its_owners(client, bo):
    sign_in(client, FIREFOX)
    assert titles(bo) == []


def test_a_sign_in_from_a_browser_not_seen_before_tells_the_owner_once(client, bo):
    for browser in (FIREFOX, PHONE, PHONE, FIREFOX):
        sign_in(client, browser)
    assert titles(bo) == ["New sign-in from Safari, iPhone"]


def test_an_updated_browser_is_no_stranger(client, bo):
    for browser in (FIREFOX, NEWER_FIREFOX):
        sign_in(client, browser)
    assert titles(bo) == []


def test_a_sign_in_without_a_request_is_no_browser(bo):
    user_logged_in.send(type(bo), request=None, user=bo)
    assert titles(bo) == []


def test_delivered_is_sent_after_the_commit(bo, heard):
    calls = heard(events.notification_delivered)
    with transaction.atomic():
        notify(bo, title="One")
        assert calls == []
    [call] = calls
    assert [notification.revision for notification in call["notifications"]] == [1]


def test_delivered_is_not_sent_for_what_was_rolled_back(bo, heard):
    calls = heard(events.notification_delivered)
    with pytest.raises(RuntimeError), transaction.atomic():
        notify(bo, title="Never")
        raise RuntimeError
    assert calls == []


def test_read_names_what_was_read(bo, inbox, heard):
    calls = heard(events.notification_read)
    notify(bo, title="One", key="one")
    notify(bo, title="Two", key="two")
    inbox.mark_read("one")
    inbox.mark_all_read(upto=inbox.revision)
    assert [call["keys"] for call in calls] == [["one"], ["two"]]
    assert all(call["inbox"] == inbox for call in calls)


def test_retracted_names_what_was_taken_back(bo, heard):
    calls = heard(events.notification_retracted)
    notify(bo, title="Oops", key="oops")
    retract(bo, "oops")
    assert [call["keys"] for call in calls] == [["oops"]]


def test_skipped_says_who_got_nothing_and_why(bo, inbox, heard):
    calls = heard(events.notification_skipped)
    inbox.mute_category("general")
    notify(bo, title="Not now")
    assert [(call["user"], call["reason"]) for call in calls] == [(bo, "muted")]


def test_a_receiver_that_fails_is_logged_and_disturbs_nobody(bo, caplog, request):
    def receiver(sender, **arguments):
        raise ZeroDivisionError

    events.notification_delivered.connect(receiver, weak=False)
    request.addfinalizer(lambda: events.notification_delivered.disconnect(receiver))
    assert notify(bo, title="Arrives").revision == 1
    assert "ZeroDivisionError" in caplog.text


def test_many_arrive_as_one_signal(bo, chi, heard):
    calls = heard(events.notification_delivered)
    notify_many([bo, chi], title="Both")
    assert [len(call["notifications"]) for call in calls] == [2]
    assert Notification.objects.count() == 2
