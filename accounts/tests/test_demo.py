"""The demo's people and what they find."""

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from notifications.models import Broadcast, Inbox, Message, Notification, Thread

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def demo(settings):
    settings.DEMO = True
    call_command("demo_data", verbosity=0)


def inbox_of(username: str) -> Inbox:
    return Inbox.objects.get(user__username=username)


def test_the_cast_can_sign_in_and_only_ada_is_staff(demo, client):
    for name in ("ada", "bo", "chi", "dana"):
        assert client.login(username=name, password="belfry-demo")
    assert [user.username for user in get_user_model().objects.filter(is_staff=True)] == ["ada"]


def test_everyone_finds_something_and_bo_finds_news(demo):
    assert Notification.objects.count() >= 35
    assert all(inbox_of(name).notifications.active().exists() for name in ("ada", "bo", "chi", "dana"))
    bo = inbox_of("bo")
    assert 0 < bo.unseen_count < bo.unread_count < bo.counts["all"]
    assert bo.notifications.archived().exists()


def test_items_lie_in_the_past_in_the_order_of_their_delivery(demo):
    for name in ("ada", "bo", "chi", "dana"):
        rows = list(inbox_of(name).notifications.order_by("pk").values_list("arrival", flat=True))
        assert rows == sorted(rows)


def test_ada_has_something_to_say_to_everybody_and_something_that_is_over(demo):
    for name in ("ada", "bo", "chi", "dana"):
        (banner,) = inbox_of(name).banners
        assert banner.title.startswith("Bookings pause on Sunday")
    states = Broadcast.objects.order_by("published_at").values_list("state", "author_name")
    assert list(states) == [("ended", "Ada Okafor"), ("published", "Ada Okafor")]


def test_running_it_again_says_nothing_twice_also_when_it_was_withdrawn(demo):
    Broadcast.objects.get(key="demo-maintenance").withdraw()
    before = list(Broadcast.objects.order_by("pk").values())
    call_command("demo_data", verbosity=0)
    assert list(Broadcast.objects.order_by("pk").values()) == before


def test_they_talk_in_rooms_and_in_private_and_bo_has_not_read_everything(demo):
    bo = inbox_of("bo")
    assert {thread.title_for(bo) for thread in Thread.objects.followed_by(bo)} == {"Fog", "On call", "Chi Nguyen"}
    verbs = bo.notifications.unread().filter(key__startswith="message-").values_list("verb", flat=True)
    assert sorted(verbs) == ["room.said", "thread.mentioned", "thread.said"]
    for thread in Thread.objects.all():
        arrivals = list(thread.messages.order_by("number").values_list("arrival", flat=True))
        assert arrivals == sorted(arrivals)
    before = list(Message.objects.values())
    call_command("demo_data", verbosity=0)
    assert list(Message.objects.values()) == before


def test_running_it_again_changes_nothing(demo):
    bo = inbox_of("bo")
    bo.mark_all_read(upto=bo.revision)
    before = list(Notification.objects.order_by("pk").values())
    call_command("demo_data", verbosity=0)
    assert list(Notification.objects.order_by("pk").values()) == before
    assert inbox_of("bo").revision == bo.revision


def test_running_it_again_adds_what_is_missing(demo):
    inbox_of("bo").notifications.filter(key="demo-fog-4").delete()
    call_command("demo_data", verbosity=0)
    assert inbox_of("bo").notifications.filter(key="demo-fog-4").exists()


def test_outside_of_a_demo_nobody_gets_a_known_password():
    with pytest.raises(CommandError, match="DEBUG"):
        call_command("demo_data")
    assert not get_user_model().objects.exists()
