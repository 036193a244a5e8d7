"""Groups: events of one conversation are one row, which says who they are and is counted once."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications.delivery import anotify, notify, notify_many, retract
from notifications.lists import EVENTS_SHOWN
from notifications.management.commands.tick import tick
from notifications.models import Inbox, Notification, clock
from notifications.models.retention import Limits, remove_slice
from notifications.testing import LivePage
from notifications.testing.dom import Document
from notifications.tests.recount import kept, recount

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = reverse("notifications:inbox")


def comment(user, *actors, key="", **content):
    """One after the other they comment on the menu."""
    for n, actor in enumerate(actors):
        content = {"verb": "comment.added", "target": "Menu", "group_key": "menu", **content}
        notify(user, actor=actor, key=f"{key}{n}" if key else "", **content)


def row_of(inbox) -> Notification:
    """The one row that the group has."""
    return inbox.notifications.listed().get(group_key="menu")


def says(inbox) -> str:
    return row_of(inbox).title_text


def is_right(inbox) -> bool:
    assert kept(inbox) == recount(inbox)
    return True


# One row.


def test_unread_events_are_one_row_and_count_once(bo, inbox):
    comment(bo, "Ana", "Ben", "Cy")
    assert kept(inbox) == {"unread": 1, "unseen": 1, "lists": {"all": 1, "category:general": 1}}
    assert is_right(inbox)


def test_the_row_is_the_newest_event_and_the_newest_of_its_list(bo, inbox):
    comment(bo, "Ana", key="first")
    notify(bo, title="Between")
    comment(bo, "Ben", key="second")
    assert [row.title_text for row in inbox.notifications.in_view("all")] == [
        "Ben and Ana commented on Menu",
        "Between",
    ]


def test_events_with_another_key_or_none_are_rows_of_their_own(bo, inbox):
    comment(bo, "Ana", "Ben")
    comment(bo, "Ana", group_key="soup")
    notify(bo, title="Alone")
    notify(bo, title="Alone, too")
    assert inbox.notifications.in_view("all").count() == 4
    assert is_right(inbox)


def test_an_inbox_does_not_know_the_groups_of_another(bo, chi, inbox):
    comment(bo, "Ana")
    comment(chi, "Ben")
    assert says(inbox) == "Ana commented on Menu"
    assert says(Inbox.objects.of(chi)) == "Ben commented on Menu"


def test_many_readers_get_each_their_own_row(bo, chi, inbox):
    comment(bo, "Ana")
    for actor in ("Ben", "Cy"):
        notify_many([bo, chi], verb="comment.added", target="Menu", actor=actor, group_key="menu")
    assert says(inbox) == "Cy, Ben and Ana commented on Menu"
    assert says(Inbox.objects.of(chi)) == "Cy and Ben commented on Menu"
    assert is_right(inbox)
    assert is_right(Inbox.objects.of(chi))


def test_the_same_key_again_is_no_other_event(bo, inbox):
    first = notify(bo, title="Hi", actor="Ana", group_key="menu", key="hi")
    comment(bo, "Ben")
    assert notify(bo, title="Hi", actor="Ana", group_key="menu", key="hi") == first
    assert (row_of(inbox).group_size, row_of(inbox).people_count) == (2, 2)


def test_what_a_newer_event_stands_for_is_in_no_list(bo, inbox):
    comment(bo, "Ana", "Ben")
    gone = inbox.notifications.exclude(superseded_at=None).get()
    assert not any(gone.stands_in(view) for view in ("all", "unread", "saved", "snoozed", "archived"))


# Who they are.


@pytest.mark.parametrize(
    ("actors", "people"),
    [
        (["Ana"], "Ana"),
        (["Ana", "Ana"], "Ana"),
        (["Ana", "Bo"], "Bo and Ana"),
        (["Ana", "Bo", "Cy"], "Cy, Bo and Ana"),
        (["Ana", "Bo", "Cy", "Di"], "Di, Cy and 2 others"),
        (["Di", "Cy", "El", "Bo", "Ana"], "Ana, Bo and 3 others"),
        (["Ana", "Bo", "Ana"], "Ana and Bo"),
        (["Ana", "Bo", "Cy", "Bo"], "Bo, Cy and Ana"),
        (["", "Ana", "", "Bo"], "Bo and Ana"),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_the_newest_are_named_and_the_others_counted(bo, inbox, actors, people, at_once):
    if at_once:
        with transaction.atomic():
            comment(bo, *actors)
    else:
        comment(bo, *actors)
    assert says(inbox) == f"{people} commented on Menu"


@pytest.mark.parametrize("at_once", [True, False])
def test_somebody_who_acted_long_ago_is_counted_once(bo, inbox, at_once):
    comment(bo, "Ana", "Bo", "Cy", "Di", "El")
    if at_once:
        with transaction.atomic():
            comment(bo, "Ana", "Flo", "Gus", "Hal", "Bo", "Flo")
    else:
        comment(bo, "Ana", "Flo", "Gus", "Hal", "Bo", "Flo")
    assert (row_of(inbox).people_count, row_of(inbox).group_size) == (8, 11)
    assert says(inbox) == "Flo, Bo and 6 others commented on Menu"


def test_who_has_acted_before_is_asked_at_once_for_many_readers(bo, chi, dana):
    def cost(*people):
        with CaptureQueriesContext(connection) as queries:
            notify_many(people, title="Menu", actor="Ana", group_key="menu")
        return len(queries)

    for name in ("Ana", "Ben", "Cy", "Di", "El"):
        notify_many([bo, chi, dana], title="Menu", actor=name, group_key="menu")
    assert cost(bo) == cost(bo, chi, dana)
    assert {row.people_count for row in Notification.objects.listed()} == {5}


def test_names_are_escaped_and_isolated(bo, client):
    comment(bo, "<b>Ana</b>", "دانا")
    client.force_login(bo)
    html = client.get(INBOX).content.decode()
    assert "<bdi>دانا</bdi> and <bdi>&lt;b&gt;Ana&lt;/b&gt;</bdi>" in html
    assert "<b>Ana</b>" not in html


def test_a_plain_title_stays_as_it_was_given(bo, inbox):
    comment(bo, "Ana", verb="", title="{actor} & co.")
    comment(bo, "Bo", verb="", title="{actor} & co.")
    assert says(inbox) == "{actor} & co."


# After it was read, put away, or saved.


def test_after_reading_a_new_event_is_a_new_unread_row_with_the_new_people_only(bo, inbox):
    comment(bo, "Ana", "Ben")
    read = row_of(inbox).key
    inbox.mark_read(read)
    comment(bo, "Cy")
    comment(bo, "Di")
    assert says(inbox) == "Di and Cy commented on Menu"
    assert row_of(inbox).is_unread
    assert read not in inbox.notifications.in_view("all").values_list("key", flat=True)
    assert is_right(inbox)


def test_a_new_event_of_an_archived_row_is_a_new_row_and_the_archive_keeps_no_double(bo, inbox):
    comment(bo, "Ana")
    inbox.archive(row_of(inbox).key)
    comment(bo, "Ben")
    assert says(inbox) == "Ben commented on Menu"
    assert kept(inbox) == {"unread": 1, "unseen": 1, "lists": {"all": 1, "category:general": 1}}


def test_a_new_event_of_a_snoozed_row_brings_it_back_at_once(bo, inbox):
    comment(bo, "Ana")
    inbox.snooze(row_of(inbox).key, until=in_an_hour())
    comment(bo, "Ben")
    assert says(inbox) == "Ben and Ana commented on Menu"
    assert kept(inbox)["lists"] == {"all": 1, "category:general": 1}
    assert is_right(inbox)


def long_ago():
    return clock.now() - timedelta(days=400)


def in_an_hour():
    return clock.now() + timedelta(hours=1)


def test_when_the_time_of_that_snooze_comes_nothing_happens_any_more(bo, inbox, monkeypatch):
    comment(bo, "Ana")
    until = in_an_hour()
    inbox.snooze(row_of(inbox).key, until=until)
    comment(bo, "Ben")
    before = kept(inbox), inbox.revision
    monkeypatch.setattr(clock, "now", lambda: until)
    tick()
    assert (kept(inbox), inbox.revision) == before


def test_what_is_saved_stays_saved(bo, inbox):
    comment(bo, "Ana")
    inbox.mark_saved(row_of(inbox).key)
    comment(bo, "Ben")
    inbox.mark_read(row_of(inbox).key)
    with transaction.atomic():
        comment(bo, "Cy", "Di")
    assert row_of(inbox).saved_at
    assert kept(inbox)["lists"]["saved"] == 1
    assert is_right(inbox)


def test_opening_an_earlier_event_reads_the_row(bo, inbox, client):
    comment(bo, "Ana", "Ben", key="c")
    first, _ = inbox.notifications.order_by("pk").values_list("key", flat=True)
    client.force_login(bo)
    assert client.get(f"/inbox/{first}/").status_code == 200
    assert kept(inbox)["unread"] == 0
    assert is_right(inbox)


def test_an_earlier_event_is_no_row_to_act_on(bo, inbox, client):
    comment(bo, "Ana", "Ben")
    first = inbox.notifications.order_by("pk").first()
    client.force_login(bo)
    for act in ("archive", "mark_read", "mark_saved", "snooze", "mute"):
        assert client.post(reverse(f"notifications:{act}", args=[first.key])).status_code == 404
    inbox.archive(first.key)
    assert is_right(inbox)


# What is taken back.


@pytest.fixture
def four(bo, inbox):
    """Ana, Ben, Cy and Di have commented; their keys."""
    for name in ("Ana", "Ben", "Cy", "Di"):
        notify(bo, verb="comment.added", target="Menu", actor=name, group_key="menu", key=name)
    return inbox


def test_when_the_newest_is_taken_back_the_one_before_it_stands_for_the_others(bo, four):
    retract(bo, "Di")
    assert (row_of(four).key, row_of(four).group_size) == ("Cy", 3)
    assert says(four) == "Cy, Ben and Ana commented on Menu"
    assert is_right(four)


@pytest.mark.parametrize("act", ["mark_read", "archive", "mark_saved", "snooze"])
def test_it_is_in_the_state_that_the_row_was_in(bo, four, act):
    getattr(four, act)("Di", **({"until": in_an_hour()} if act == "snooze" else {}))
    before = kept(four)
    retract(bo, "Di")
    assert row_of(four).key == "Cy"
    assert kept(four) == before
    assert is_right(four)


def test_taking_back_one_after_the_other_keeps_what_was_done_in_between(bo, four):
    retract(bo, "Di")
    four.mark_read("Cy")
    retract(bo, "Cy")
    assert row_of(four).key == "Ben"
    assert not row_of(four).is_unread
    assert is_right(four)


def test_when_what_came_after_reading_is_taken_back_the_read_row_is_back(bo, four):
    four.mark_read("Di")
    comment(bo, "El", key="late")
    retract(bo, "late0")
    assert (row_of(four).key, row_of(four).is_unread) == ("Di", False)
    assert says(four) == "Di, Cy and 2 others commented on Menu"
    assert is_right(four)


def test_taking_an_earlier_one_back_lowers_the_number(bo, four):
    retract(bo, "Ana")
    assert says(four) == "Di, Cy and Ben commented on Menu"
    assert row_of(four).group_size == 3
    assert is_right(four)


def test_who_was_taken_back_and_acts_again_is_counted_again(bo, inbox):
    for name in ("Ana", "Ben", "Cy", "Di", "El"):
        notify(bo, verb="comment.added", target="Menu", actor=name, group_key="menu", key=name)
    retract(bo, "Ana")
    comment(bo, "Ana")
    assert says(inbox) == "Ana, El and 3 others commented on Menu"


def test_what_went_with_the_years_does_not_return_when_an_earlier_one_is_taken_back(bo, four):
    four.mark_read("Di")
    four.notifications.filter(key="Di").update(read_at=long_ago(), arrival=long_ago().timestamp() * 10**6)
    remove_slice(Limits(archived_days=0, read_days=365), after=0)
    retract(bo, "Ana")
    assert not four.notifications.listed().exists()
    assert is_right(four)


def test_what_is_saved_no_more_is_not_saved_either_when_the_event_after_it_is_taken_back(bo, four):
    four.mark_saved("Di")
    four.mark_read("Di")
    comment(bo, "El", key="late")
    four.mark_unsaved("late0")
    retract(bo, "late0")
    assert (row_of(four).key, row_of(four).saved_at) == ("Di", None)
    assert is_right(four)


def test_taking_all_back_leaves_nothing(bo, four):
    with transaction.atomic():
        for name in ("Ben", "Di", "Ana", "Cy"):
            retract(bo, name)
    assert kept(four) == {"unread": 0, "unseen": 0, "lists": {}}


def test_taking_the_newest_two_back_at_once(bo, four):
    with transaction.atomic():
        retract(bo, "Cy")
        retract(bo, "Di")
    assert says(four) == "Ben and Ana commented on Menu"
    assert is_right(four)


def test_sending_and_taking_back_in_one_transaction_leaves_the_row_as_it_was(bo, four):
    before = kept(four), says(four)
    with transaction.atomic():
        comment(bo, "El", key="no")
        retract(bo, "no0")
    assert (kept(four), says(four)) == before


# On the page.


def test_the_row_opens_up_to_the_newest_five_earlier_events(bo, client):
    comment(bo, *(f"Person {n}" for n in range(9)))
    client.force_login(bo)
    details = events_of(client)
    assert [text.split(" commented")[0] for text in details] == [
        *(f"Person {n}" for n in range(7, 2, -1)),
        "and 3 more",
    ]
    assert len(details) == EVENTS_SHOWN + 1


def events_of(client) -> list[str]:
    page = Document(client.get(INBOX).content.decode())
    [row] = page.rows()
    [details] = row.iter("details")
    assert "8 earlier" in "".join(next(details.iter("summary")).itertext())
    return ["".join(one.itertext()) for one in details.iter("li")]


def test_what_was_taken_back_is_not_among_them(bo, four, client):
    retract(bo, "Ben")
    client.force_login(bo)
    assert "Ben" not in client.get(INBOX).content.decode()


def test_three_hundred_events_cost_a_page_as_much_as_three(bo, inbox, client, django_assert_max_num_queries):
    comment(bo, "Ana", "Ben", "Cy")
    client.force_login(bo)
    client.get(INBOX)
    with django_assert_max_num_queries(50) as few:
        small = client.get(INBOX).content
    with transaction.atomic():
        comment(bo, *(f"Person {n}" for n in range(300)))
    with django_assert_max_num_queries(len(few)):
        large = client.get(INBOX).content
    assert len(large) < len(small) + 4_000
    assert says(inbox) == "Person 299, Person 298 and 301 others commented on Menu"
    assert len(row_of(inbox).people) == 3
    assert is_right(inbox)


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("view", ["all", "unread", "saved", "archived", "category:general"])
async def test_a_live_page_shows_one_row_and_equals_a_fresh_one(bo, inbox, view):
    path = f"{INBOX}?view={view}"
    await anotify(bo, title="Other")
    async with LivePage(bo, path) as page:
        for step in ("comment", "comment", "mark_saved", "comment", "mark_read", "comment", "archive", "comment"):
            await step_of(bo, inbox, step)
            await page.until_revision((await Inbox.objects.aget(user=bo)).revision)
            assert len([row for row in page.document.rows() if "Menu" in "".join(row.itertext())]) <= 1
            assert page.shown() == (await LivePage(bo, path, client=page.client).load()).shown(), step


@sync_to_async
def step_of(bo, inbox, step):
    if step == "comment":
        return comment(bo, f"Person {inbox.notifications.count()}")
    return getattr(inbox, step)(row_of(inbox).key)


@pytest.mark.usefixtures("live")
async def test_a_live_page_follows_when_the_newest_is_taken_back(bo, four):
    async with LivePage(bo) as page:
        await sync_to_async(retract)(bo, "Di")
        await page.until(lambda: page.document.by_id("notification-Di") is None)
        assert [row.get("id") for row in page.document.rows()] == ["notification-Cy"]
        assert page.shown() == (await LivePage(bo, client=page.client).load()).shown()
