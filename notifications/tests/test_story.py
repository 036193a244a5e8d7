"""The story of a notification: who sent it, why it came, what became of it. Staff see all of it, its reader the why."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from notifications import delivery
from notifications.delivery import anotify, notify, notify_many, retract
from notifications.models import Notification, clock
from notifications.story import rules_of, story_of
from notifications.testing.dom import Document

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def minutes(monkeypatch):
    """``minutes(5)``: five minutes after nine."""

    def move(n):
        monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=n))

    move(0)
    return move


def told(notification) -> list[tuple[str, datetime | None]]:
    notification.refresh_from_db()
    return [(event.what, event.at) for event in story_of(notification)]


def at(n: int) -> datetime:
    return NOW + timedelta(minutes=n)


# Where it comes from.


def tell_customer(user):
    return notify(user, title="Hi")


class Shop:
    def tell(self, user):
        notify_many([user], title="Hi", key="many")


def test_it_knows_the_place_in_the_callers_code(bo):
    assert tell_customer(bo).source == f"{__name__}.tell_customer"


def test_a_method_is_named_with_its_class(bo):
    Shop().tell(bo)
    assert Notification.objects.get(key="many").source == f"{__name__}.Shop.tell"


def test_a_long_name_is_cut(bo, monkeypatch):
    monkeypatch.setattr("notifications.origins.place_of", lambda frame: "x" * 500)
    assert len(notify(bo, title="Hi").source) == 200


async def test_an_async_caller_is_no_error(bo):
    assert not (await anotify(bo, title="Hi")).source.startswith(("notifications.delivery", "asgiref"))


def test_outside_of_a_request_nobody_has_sent_it(bo):
    assert notify(bo, title="Hi").sent_by == ""


def test_in_a_request_it_is_the_user_of_that_request(ada, client, django_user_model):
    """Signing up tells staff."""
    client.force_login(django_user_model.objects.create_superuser("root", "", "x"))
    client.post(
        reverse("admin:accounts_user_add"),
        {"username": "eve", "password1": "a-long-pass-1", "password2": "a-long-pass-1", "usable_password": "true"},
    )
    eve = django_user_model.objects.get(username="eve")
    assert ada.inbox.notifications.get(key=f"account-{eve.pk}").sent_by == "root"
    assert notify(ada, title="Afterwards").sent_by == ""


def test_the_same_key_again_keeps_the_first_sender(bo, minutes):
    first = notify(bo, title="Hi", key="hi")
    minutes(5)
    again = notify(bo, title="Hi", key="hi")
    assert (again.source, again.sent_at) == (first.source, at(0))


# What became of it.


def test_its_times_are_told_in_their_order(bo, inbox, minutes):
    one = notify(bo, title="Hi", key="hi")
    minutes(1)
    inbox.mark_seen(upto=1)
    minutes(2)
    inbox.mark_read("hi")
    minutes(3)
    inbox.archive("hi")
    minutes(4)
    retract(bo, "hi")
    assert [moment for _, moment in told(one)] == [at(n) for n in (0, 0, 1, 2, 3, 4)]
    assert [what for what, _ in told(one)] == [
        "Sent",
        "Committed, and placed in the inbox",
        "Seen in the bell",
        "Read",
        "Archived",
        "Withdrawn by its sender",
    ]


def test_it_tells_when_it_was_seen_first_and_not_when_the_bell_was_opened_before_it(bo, inbox, minutes):
    notify(bo, title="Before")
    inbox.mark_seen(upto=1)
    one = notify(bo, title="Hi")
    assert "Seen in the bell" not in dict(told(one))
    minutes(5)
    inbox.mark_seen(upto=3)
    minutes(6)
    notify(bo, title="After")
    inbox.mark_seen(upto=5)
    assert dict(told(one))["Seen in the bell"] == at(5)


def test_what_was_committed_late_is_told(bo, minutes, monkeypatch):
    with monkeypatch.context() as dying:
        dying.setattr(delivery, "settle", lambda ids: None)
        one = notify(bo, title="Hi")
    minutes(7)
    delivery.settle([one.inbox_id])
    assert dict(told(one)) == {"Sent": at(0), "Committed, and placed in the inbox": at(7)}


def test_snooze_and_group_and_target_have_their_lines(bo, inbox, minutes):
    one = notify(bo, title="Hi", key="hi", group_key="g")
    inbox.mark_saved("hi")
    inbox.snooze("hi", until=at(60))
    assert "Snoozed" in dict(told(one))
    minutes(61)
    inbox.bring_back_due()
    assert dict(told(one))["Came back from its snooze"] == at(61)
    inbox.mark_unavailable("hi")
    notify(bo, title="Newer", group_key="g")
    assert {"Saved", "What it was about became unavailable", "A newer event of its group took its place"} <= {
        what for what, _ in told(one)
    }


def test_an_old_row_without_these_times_tells_what_it_can(bo):
    one = notify(bo, title="Hi")
    Notification.objects.update(sent_at=None, delivered_at=None, source="")
    assert told(one) == []


def test_the_rules_say_what_was_looked_at(ada, bo):
    one = notify(bo, title="Hi", category="security", group_key="menu", target=ada, reason="Because you ordered it")
    rules = {str(name): str(text) for name, text in rules_of(one)}
    assert rules["Reason"] == "Because you ordered it"
    assert "required" in rules["Category"]
    assert rules["Conversation"] == "menu (would ring although muted)"
    assert rules["About"] == f"accounts.user:{ada.pk} (would ring although muted)"


def test_the_rules_say_what_was_not_muted(bo):
    one = notify(bo, title="Hi", group_key="menu")
    assert ("Conversation", "menu (was not muted)") in rules_of(one)


# Who sees it.


def page_of(client, path) -> Document:
    answer = client.get(path)
    assert answer.status_code == 200
    return Document(answer.content.decode())


@pytest.fixture
def auditor(ada):
    ada.user_permissions.add(Permission.objects.get(codename="view_notification"))
    return ada


def story_address(one) -> str:
    return reverse("admin:notifications_notification_change", args=[one.pk])


def test_staff_who_may_look_see_the_story(auditor, bo, client):
    one = notify(bo, title="Hi", actor="<b>Eve</b>", target="<i>", reason="<u>why</u>")
    client.force_login(auditor)
    html = client.get(story_address(one)).content.decode()
    assert f"{__name__}.test_staff_who_may_look_see_the_story" in html
    assert "Committed, and placed in the inbox" in html
    assert "&lt;u&gt;why&lt;/u&gt;" in html
    assert "<u>why</u>" not in html


@pytest.mark.parametrize("method", ["post", "get"])
def test_nothing_can_be_changed_there(auditor, bo, client, method):
    one = notify(bo, title="Hi")
    client.force_login(auditor)
    for path in (story_address(one).replace("change", "delete"), reverse("admin:notifications_notification_add")):
        assert getattr(client, method)(path).status_code == 403


def test_others_do_not(ada, bo, chi, client):
    one = notify(bo, title="Hi", key="hi")
    for user, status in ((bo, 302), (chi, 302), (ada, 403)):
        client.force_login(user)
        assert client.get(story_address(one)).status_code == status


@pytest.mark.parametrize("path", ["/inbox/hi/more/", "/inbox/hi/"])
def test_the_reader_is_told_why_and_gets_no_link_to_the_story(bo, client, path):
    notify(bo, title="Hi", key="hi", reason="Because you ordered it")
    client.force_login(bo)
    page = page_of(client, path)
    assert "Because you ordered it" in page.text("#main")
    assert not [link for link in page.root.iter("a") if "/admin/" in link.get("href", "")]


def test_staff_who_may_look_get_the_link_in_their_own_inbox(auditor, client):
    one = notify(auditor, title="Hi", key="hi")
    client.force_login(auditor)
    assert story_address(one) in [link.get("href") for link in page_of(client, "/inbox/hi/more/").root.iter("a")]


def test_other_staff_do_not(ada, client):
    one = notify(ada, title="Hi", key="hi")
    client.force_login(ada)
    assert story_address(one) not in [link.get("href") for link in page_of(client, "/inbox/hi/more/").root.iter("a")]


def test_the_why_says_whether_it_can_be_switched_off(bo, client):
    notify(bo, title="Hi", key="hi")
    notify(bo, title="Alarm", key="alarm", category="security")
    client.force_login(bo)
    assert "Choose what rings" in page_of(client, "/inbox/hi/more/").text("#main")
    assert "cannot be switched off" in page_of(client, "/inbox/alarm/more/").text("#main")
