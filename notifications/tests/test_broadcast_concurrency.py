"""Two ticks, two editors, two clicks at the same moment: one broadcast, once."""

from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from notifications import signals
from notifications.broadcasting import broadcast, remind
from notifications.management.commands.tick import tick
from notifications.models import Board, Broadcast, Content, EditedMeanwhile, Inbox, Notification, WrongState
from notifications.tasks import gather_names
from notifications.tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)

User = get_user_model()


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    monkeypatch.setattr(signals, "start", lambda *_: None)


def happened(one: Broadcast) -> list[str]:
    return list(one.events.order_by("pk").values_list("what", flat=True))


def tried(call):
    """What it returns, or the error that it ends with."""
    try:
        return call()
    except (EditedMeanwhile, WrongState) as error:
        return error


def copies(one: Broadcast, count: int) -> list[Broadcast]:
    """The same one in several tabs."""
    return [Broadcast.objects.get(pk=one.pk) for _ in range(count)]


def test_two_ticks_publish_and_end_it_once(bo, hands):
    one = broadcast("Later", starts_at=hands.after(minutes=1), ends_at=hands.after(minutes=2))
    hands.move(minutes=1)
    together(*[tick] * 4)
    assert (happened(one), Board.load().revision) == (["created", "scheduled", "published"], 1)
    hands.move(minutes=1)
    together(*[tick] * 4)
    assert (happened(one), Board.load().revision) == (["created", "scheduled", "published", "ended"], 2)


def test_ten_clicks_publish_it_once(ada, bo):
    one = Broadcast.draft(Content(title="Hello"), ada)
    together(*[partial(tab.publish, ada) for tab in copies(one, 10)])
    assert (happened(one), Board.load().revision) == (["created", "published"], 1)
    assert Inbox.objects.of(bo).unseen_total == 1


def test_ten_callers_with_one_key_say_it_once(bo):
    said = together(*[partial(broadcast, "Deploy", key="deploy-7")] * 10)
    one = Broadcast.objects.get()
    assert {each.pk for each in said} == {one.pk}
    assert happened(one) == ["created", "published"]


def test_of_two_editors_one_is_told_of_the_other(ada, bo):
    one = broadcast("First")
    edits = [
        partial(tried, partial(tab.rewrite, Content(title=f"By {who.username}"), who, version=one.version))
        for tab, who in zip(copies(one, 2), (ada, bo), strict=True)
    ]
    ends = together(*edits)
    (caught,) = [end for end in ends if isinstance(end, EditedMeanwhile)]
    one.refresh_from_db()
    assert one.title.removeprefix("By ") == {"Ada Okafor": "ada", "Bo Lindqvist": "bo"}[caught.by_name]
    assert happened(one) == ["created", "published", "edited"]


def test_whoever_cancels_at_the_very_start_is_told_when_it_is_too_late(ada, hands):
    one = broadcast("Later", starts_at=hands.after(minutes=1))
    hands.move(minutes=1)
    (tab,) = copies(one, 1)
    end, _ = together(partial(tried, partial(tab.cancel, ada)), tick)
    one.refresh_from_db()
    assert (one.state, happened(one)[-1]) == (
        ("published", "published") if isinstance(end, WrongState) else ("draft", "cancelled")
    )


def test_one_withdraws_while_another_ends_it(ada, bo):
    one = broadcast("Hello")
    first, second = copies(one, 2)
    together(partial(tried, partial(first.end, ada)), partial(tried, partial(second.withdraw, bo)))
    one.refresh_from_db()
    assert one.state == "withdrawn"
    assert happened(one) in (["created", "published", "ended", "withdrawn"], ["created", "published", "withdrawn"])


def test_tick_and_workers_gather_very_many_names_each_once(db):
    User.objects.bulk_create(User(username=f"reader-{n:05}") for n in range(2_500))
    one = broadcast("Hello", audience=[f"user:reader-{n:05}" for n in range(2_500)])
    together(partial(gather_names, one.pk), tick, partial(gather_names, one.pk), tick)
    one.refresh_from_db()
    assert (one.state, one.names, one.people.count()) == ("published", "", 2_500)
    assert happened(one) == ["created", "scheduled", "published"]


def test_two_who_remind_at_once_remind_once(ada, bo, chi):
    one = broadcast("Rules", asks_acknowledgement=True)
    assert together(*[partial(remind, tab, ada) for tab in copies(one, 4)]) == [3] * 4
    told = Notification.objects.filter(verb="broadcast.reminder").values_list("inbox__user__username", flat=True)
    assert sorted(told) == ["ada", "bo", "chi"]


def test_who_joins_groups_while_it_is_published_neither_waits_in_a_circle_nor_is_forgotten(bo, chi):
    crew = Group.objects.create(name="crew")
    one = Broadcast.draft(Content(title="Hello", audience="groups", groups=[crew]))
    together(one.publish, partial(bo.groups.add, crew), partial(crew.user_set.add, chi))
    assert [len(Inbox.objects.of(user).announcements) for user in (bo, chi)] == [1, 1]
