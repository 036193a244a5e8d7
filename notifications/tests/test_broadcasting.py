"""broadcast() and remind(), as other code calls them."""

from datetime import datetime

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction

from notifications import broadcasting, signals
from notifications.broadcasting import BroadcastInTransaction, abroadcast, broadcast, remind
from notifications.models import (
    Broadcast,
    BroadcastEvent,
    Content,
    Inbox,
    InvalidBroadcast,
    KeyTaken,
    Notification,
    WrongState,
)
from notifications.tasks import send_reminders

pytestmark = pytest.mark.django_db(transaction=True)

User = get_user_model()


@pytest.fixture
def crew(bo):
    group = Group.objects.create(name="crew")
    bo.groups.add(group)
    return group


@pytest.fixture
def started(monkeypatch):
    """The tasks that were started, in place of the broker."""
    started = []
    monkeypatch.setattr(signals, "start", lambda task, *arguments: started.append((task.name, *arguments)))
    return started


def readers_of(one: Broadcast) -> set[str]:
    return set(one.users().values_list("username", flat=True))


def reminders(user) -> list[Notification]:
    return list(Inbox.objects.of(user).notifications.in_view("all").filter(verb="broadcast.reminder"))


# Saying it.


def test_it_is_published_with_everything_that_was_given(ada, bo, hands):
    said = broadcast(
        "Maintenance",
        body="From **22:00** on",
        url="/status/",
        level="warning",
        placement="both",
        is_dismissible=False,
        asks_acknowledgement=True,
        ends_at=hands.after(hours=1),
        author=ada,
    )
    said.refresh_from_db()
    assert (said.state, said.author_name, said.author) == ("published", "Ada Okafor", ada)
    assert said.body_html == "<p>From <strong>22:00</strong> on</p>\n"
    assert said.content == Content(
        title="Maintenance",
        body="From **22:00** on",
        url="/status/",
        level="warning",
        placement="both",
        is_dismissible=False,
        asks_acknowledgement=True,
        starts_at=said.starts_at,
        ends_at=hands.after(hours=1),
        groups=[],
        names=[],
    )
    assert [row.title for row in Inbox.objects.of(bo).banners] == ["Maintenance"]


def test_with_a_start_it_waits(bo, hands):
    said = broadcast("Later", starts_at=hands.after(hours=1))
    assert (said.state, Inbox.objects.of(bo).announcements) == ("scheduled", [])


async def test_async_code_says_it_too(transactional_db):
    said = await abroadcast("Hello")
    assert (await sync_to_async(Broadcast.objects.get)()).pk == said.pk


@pytest.mark.parametrize(
    ("audience", "names"),
    [
        (lambda: "everyone", {"ada", "bo", "chi"}),
        (lambda: "staff", {"ada"}),
        (lambda: "group:crew", {"bo"}),
        (lambda: "user:chi", {"chi"}),
        (lambda: ["user:chi", "user:bo"], {"bo", "chi"}),
        (lambda: Group.objects.get(), {"bo"}),
        (lambda: [Group.objects.get()], {"bo"}),
        (lambda: Group.objects.all(), {"bo"}),
        (lambda: User.objects.get(username="bo"), {"bo"}),
        (lambda: User.objects.order_by("username")[1:], {"bo", "chi"}),
    ],
)
def test_an_audience_can_be_named_in_many_ways(ada, bo, chi, crew, audience, names):
    assert readers_of(broadcast("Hello", audience=audience())) == names


def test_people_who_are_not_active_are_left_out(bo, chi):
    User.objects.filter(pk=chi.pk).update(is_active=False)
    assert readers_of(broadcast("Hello", audience=User.objects.all())) == {"bo"}


@pytest.mark.parametrize(
    ("audience", "field"),
    [
        ("nobody", "audience"),
        (["staff", "user:bo"], "audience"),
        (["group:crew", "user:bo"], "audience"),
        ([7], "audience"),
        ("group:ghosts", "groups"),
        ("user:ghost", "names"),
        ([], "names"),
    ],
)
def test_an_audience_that_is_none_is_refused(bo, crew, audience, field):
    with pytest.raises(InvalidBroadcast) as refusal:
        broadcast("Hello", audience=audience)
    assert list(refusal.value.message_dict) == [field]
    assert not Broadcast.objects.exists()


@pytest.mark.parametrize("wrong", [{"level": "loud"}, {"key": "a b"}, {"starts_at": datetime(2099, 1, 1)}])
def test_a_mistake_is_said_at_its_field(db, wrong):
    with pytest.raises(InvalidBroadcast) as refusal:
        broadcast("Hello", **wrong)
    assert list(refusal.value.message_dict) == list(wrong)
    assert not Broadcast.objects.exists()


def test_inside_of_a_transaction_it_says_what_to_do_and_nothing_is_written(db):
    with pytest.raises(BroadcastInTransaction, match=r"transaction\.on_commit"), transaction.atomic():
        broadcast("Hello")
    assert not Broadcast.objects.exists()


# Once.


def test_the_same_key_again_returns_the_first(bo, hands):
    content = {"audience": "user:bo", "ends_at": hands.after(hours=1), "key": "deploy-7"}
    first = broadcast("Deploy", **content)
    hands.move(minutes=1)
    assert broadcast("Deploy", **content) == first
    assert Broadcast.objects.count() == 1
    assert list(first.events.values_list("what", flat=True)).count("published") == 1


def test_also_after_its_end_after_edits_and_withdrawn(bo, hands):
    first = broadcast("Deploy", key="deploy-7", ends_at=hands.after(hours=1), starts_at=hands.after(minutes=-5))
    again = {"ends_at": first.ends_at, "starts_at": hands.after(minutes=-5)}
    first.rewrite(Content(title="Deploy, second try", audience="people", names=["bo"]))
    assert broadcast("Deploy", key="deploy-7", **again) == first
    hands.move(hours=2)
    first.withdraw()
    assert broadcast("Deploy", key="deploy-7", **again) == first
    assert Broadcast.objects.get().state == "withdrawn"


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"title": "Dinner"}, "title Lunch.*title Dinner"),
        ({"body": "Soup"}, "body"),
        ({"level": "error"}, "level info.*level error"),
        ({"audience": "staff"}, "audience"),
        ({"audience": "group:office"}, r"groups \['crew'\].*groups \['office'\]"),
        ({"starts_at": 5}, "starts_at"),
        ({"ends_at": 9}, "ends_at"),
    ],
)
def test_the_same_key_with_other_content_is_refused_with_the_difference(bo, crew, hands, other, named):
    Group.objects.create(name="office")
    broadcast("Lunch", key="lunch", audience="group:crew")
    given = {name: hands.after(hours=value) if isinstance(value, int) else value for name, value in other.items()}
    with pytest.raises(KeyTaken, match=named):
        broadcast(**{"title": "Lunch", "key": "lunch", "audience": "group:crew", **given})
    assert Broadcast.objects.count() == 1


def test_the_same_key_for_other_people_is_refused(bo, chi):
    broadcast("Lunch", key="lunch", audience=[bo])
    with pytest.raises(KeyTaken, match=r"people 1 named.*2 named"):
        broadcast("Lunch", key="lunch", audience=[bo, chi])


def test_another_start_is_other_content_and_the_same_one_is_not(hands):
    first = broadcast("Later", key="later", starts_at=hands.after(hours=2))
    assert broadcast("Later", key="later", starts_at=first.starts_at) == first
    for other in (None, hands.after(hours=1), hands.after(hours=3)):
        with pytest.raises(KeyTaken, match="starts_at"):
            broadcast("Later", key="later", starts_at=other)


def test_what_a_caller_who_was_killed_has_begun_is_published_by_its_repetition(db):
    Broadcast.draft(Content(title="Hello"), key="hello")
    assert broadcast("Hello", key="hello").state == "published"


def test_what_somebody_has_undone_is_not_published_once_more(db):
    broadcast("Hello", key="hello").undo_publication()
    assert broadcast("Hello", key="hello").state == "draft"


# "I have read this".


@pytest.fixture
def asked(ada, bo, chi):
    """A broadcast that Bo has acknowledged, and Ada and Chi have not."""
    asked = broadcast("New rules", asks_acknowledgement=True, author=ada)
    Inbox.objects.of(bo).acknowledge(asked.row_key)
    return asked


def test_exactly_those_who_have_not_acknowledged_it_are_reminded(asked, ada, bo, chi, started):
    assert (remind(asked, ada), started) == (2, [])
    (row,) = reminders(chi)
    assert row.title_text == "Please confirm that you have read “New rules”"
    assert (row.url, row.category, row.actor) == (f"/inbox/{asked.row_key}/", "announcements", ada)
    assert (len(reminders(ada)), reminders(bo)) == (1, [])
    event = asked.events.first()
    assert (event.what, event.by_name, event.changes) == ("reminded", "Ada Okafor", {"people": [0, 2]})


def test_who_has_no_inbox_yet_is_reminded_too(asked, ada, chi):
    Inbox.objects.filter(user=chi).delete()
    assert remind(asked, ada) == 2
    assert len(reminders(chi)) == 1


def test_a_double_click_reminds_once_and_a_later_one_again(asked, ada, chi, hands):
    assert (remind(asked, ada), remind(asked, ada)) == (2, 2)
    assert len(reminders(chi)) == 1
    hands.move(minutes=1)
    remind(asked, ada)
    assert len(reminders(chi)) == 2


def test_who_acknowledged_what_was_shown_once_more_is_asked_again(asked, ada, bo, hands):
    hands.move(seconds=1)
    asked.rewrite(Content(title="Newer rules", asks_acknowledgement=True), show_again=True)
    assert remind(asked, ada) == 3
    assert len(reminders(bo)) == 1


@pytest.mark.parametrize("verb", ["end", "withdraw"])
def test_what_is_over_reminds_nobody_and_its_reminders_ask_for_nothing(asked, ada, chi, verb):
    remind(asked, ada)
    getattr(asked, verb)()
    (row,) = reminders(chi)
    assert (row.title_text, row.is_unread) == ("No longer available", False)
    with pytest.raises(WrongState):
        remind(asked, ada)


def test_what_has_ended_by_the_clock_reminds_nobody(ada, hands):
    asked = broadcast("New rules", asks_acknowledgement=True, ends_at=hands.after(minutes=1))
    hands.move(minutes=1)
    with pytest.raises(WrongState, match="ended"):
        remind(asked, ada)


def test_what_does_not_ask_for_acknowledgement_reminds_nobody(ada):
    with pytest.raises(WrongState, match="asking for no acknowledgement"):
        remind(broadcast("Hello"), ada)


def test_more_than_a_thousand_are_reminded_by_a_task_that_may_be_killed(ada, started, monkeypatch):
    User.objects.bulk_create(User(username=f"reader-{n}") for n in range(2_500))
    asked = broadcast("New rules", asks_acknowledgement=True)
    assert remind(asked, ada) == 2_501
    assert started == [("notifications.tasks.send_reminders", BroadcastEvent.objects.get(what="reminding").pk)]
    assert not Notification.objects.filter(verb="broadcast.reminder").exists()

    class Killed(BaseException):
        pass

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(broadcasting, "notify_many", killed_after(1, broadcasting.notify_many, Killed))
        send_reminders(started[0][1])
    assert Notification.objects.filter(verb="broadcast.reminder").count() == 1_000
    for _ in range(2):
        send_reminders(started[0][1])
    told = Notification.objects.filter(verb="broadcast.reminder").values_list("inbox__user", flat=True)
    assert len(told) == len(set(told)) == 2_501
    assert asked.events.filter(what="reminded").count() == 1


@pytest.mark.parametrize("verb", ["end", "withdraw"])
def test_a_task_that_comes_when_it_is_over_reminds_nobody(ada, started, monkeypatch, verb):
    monkeypatch.setattr(broadcasting, "REMINDED_AT_ONCE", 0)
    monkeypatch.setattr(signals, "REMINDED_AT_ONCE", 0)
    asked = broadcast("New rules", asks_acknowledgement=True)
    remind(asked, ada)
    getattr(asked, verb)()
    ((_, event),) = started
    send_reminders(event)
    assert not Notification.objects.filter(verb="broadcast.reminder").exists()
    assert BroadcastEvent.objects.get(pk=event).what == "reminded"


def killed_after(count, call, error):
    """The call, but for the one after so many, at which the process dies."""
    calls = iter(range(count + 1))

    def instead(*args, **options):
        if next(calls) == count:
            raise error
        return call(*args, **options)

    return instead
