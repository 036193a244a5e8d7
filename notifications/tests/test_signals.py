"""What Belfry listens to, and what it sends."""

import pytest
from django.contrib.auth.signals import user_logged_in
from django.core.management import call_command
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


def test_a_new_member_of_staff_is_told_of_others_only_and_who_left_of_nobody(ada, django_user_model):
    create = django_user_model.objects.create_user
    create("gone", is_staff=True, is_active=False)
    create("eve", is_staff=True)
    assert titles(ada) == ["eve has joined", "gone has joined"]
    assert titles(django_user_model.objects.get(username="eve")) == []
    assert titles(django_user_model.objects.get(username="gone")) == []


def test_accounts_that_are_loaded_from_a_file_are_not_news(ada, chi, tmp_path):
    file = tmp_path / "accounts.json"
    call_command("dumpdata", "accounts.user", output=str(file))
    chi.delete()
    before = titles(ada)
    call_command("loaddata", str(file), verbosity=0)
    assert titles(ada) == before


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


SIGNALS = ["notification_delivered", "notification_read", "notification_retracted", "notification_skipped"]


def cause_all_signals(bo, inbox):
    notify(bo, title="One", key="one")
    inbox.mark_read("one")
    retract(bo, "one")
    inbox.mute_category("general")
    notify(bo, title="Not now")


@pytest.mark.parametrize("name", SIGNALS)
def test_a_receiver_that_fails_is_logged_and_disturbs_nobody(bo, inbox, caplog, request, name):
    def receiver(sender, **arguments):
        raise ZeroDivisionError

    signal = getattr(events, name)
    signal.connect(receiver, weak=False)
    request.addfinalizer(lambda: signal.disconnect(receiver))
    cause_all_signals(bo, inbox)
    row = inbox.notifications.get()
    assert all((row.revision, row.read_at, row.retracted_at))
    assert "ZeroDivisionError" in caplog.text


def test_receivers_are_called_outside_of_any_transaction(bo, inbox, request):
    found = {}
    for name in SIGNALS:

        def receiver(sender, name=name, **arguments):
            found[name] = transaction.get_connection().in_atomic_block

        signal = getattr(events, name)
        signal.connect(receiver, weak=False)
        request.addfinalizer(lambda signal=signal, receiver=receiver: signal.disconnect(receiver))
    cause_all_signals(bo, inbox)
    assert found == dict.fromkeys(SIGNALS, False)


def test_many_arrive_as_one_signal(bo, chi, heard):
    calls = heard(events.notification_delivered)
    notify_many([bo, chi], title="Both")
    assert [len(call["notifications"]) for call in calls] == [2]
    assert Notification.objects.count() == 2
