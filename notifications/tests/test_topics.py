"""Topics: what is said about one reaches who follows it, without any room."""

import pytest
from django.contrib.auth.models import Group

from notifications.models import Notification
from notifications.threads import start_room
from notifications.topics import UnknownRoom, follow, followers, notify_topic, unfollow

pytestmark = pytest.mark.django_db(transaction=True)

ORDER = "shop.order:17"


def titles(user):
    return [row.title_text for row in Notification.objects.listed().filter(inbox__user=user).order_by("arrival")]


def test_followers_are_told_and_others_are_not(bo, chi, dana):
    follow(bo, ORDER)
    follow(chi, ORDER)
    unfollow(chi, ORDER)
    sent = notify_topic(ORDER, title="Your order is on its way")
    assert (sent.count, titles(bo), titles(chi), titles(dana)) == (1, ["Your order is on its way"], [], [])


def test_who_did_it_is_not_told(bo, chi):
    follow(bo, ORDER)
    follow(chi, ORDER)
    notify_topic(ORDER, verb="comment.added", actor=bo, target="Order 17")
    assert (titles(bo), len(titles(chi))) == ([], 1)


def test_what_is_said_about_one_topic_is_one_row(bo):
    follow(bo, ORDER)
    for title in ("Packed", "Sent", "Delivered"):
        notify_topic(ORDER, title=title)
    assert titles(bo) == ["Delivered"]
    notify_topic(ORDER, title="Paid", group_key="payments")
    assert titles(bo) == ["Delivered", "Paid"]


def test_levels_decide_who_gets_what(bo, chi, dana):
    follow(bo, ORDER, "everything")
    follow(chi, ORDER, "mentions")
    follow(dana, ORDER, "nothing")
    notify_topic(ORDER, title="One")
    notify_topic(ORDER, title="Two", mentioning=[chi, dana])
    assert (titles(bo), titles(chi), titles(dana)) == (["Two"], ["Two"], [])


def test_the_same_key_again_sends_nothing_twice(bo):
    follow(bo, ORDER)
    for _ in range(2):
        notify_topic(ORDER, title="Paid", key="paid-17")
    assert Notification.objects.count() == 1


def test_an_object_is_a_topic_by_its_name(bo):
    kitchen = Group.objects.create(name="Kitchen")
    follow(bo, kitchen)
    notify_topic(f"auth.group:{kitchen.pk}", title="Soup")
    assert titles(bo) == ["Soup"]
    assert list(followers(kitchen)) == [bo]


def test_following_a_room_is_being_in_it(ada, bo):
    room = start_room(ada, "Ops", is_open=False)
    follow(bo, "room:ops")
    assert room.is_open_to(bo.inbox)
    notify_topic("room:ops", title="The deploy is through")
    assert titles(bo) == ["The deploy is through"]
    unfollow(bo, "room:ops")
    assert not room.is_open_to(bo.inbox)


@pytest.mark.parametrize("topic", ["", "ops", "room:", ":x", "a b:c", "x" * 101 + ":1", "thread:1-2", None, 5])
def test_what_is_no_topic_is_refused_with_what_was_expected(bo, topic):
    with pytest.raises(ValueError, match="topic"):
        follow(bo, topic)
    with pytest.raises(ValueError, match="topic"):
        notify_topic(topic, title="x")


def test_a_room_that_is_not_there_is_named(bo):
    with pytest.raises(UnknownRoom, match="room:nowhere"):
        follow(bo, "room:nowhere")


def test_a_level_that_is_not_there_is_refused(bo):
    with pytest.raises(ValueError, match="loud"):
        follow(bo, ORDER, "loud")
