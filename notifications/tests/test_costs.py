"""What things cost the database: pages the same for ten notifications as for thousands, and sending few statements."""

import json
import re
from collections.abc import Callable
from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from notifications.broadcasting import broadcast
from notifications.delivery import close, notify, notify_many, retract
from notifications.live.frames import frames_for
from notifications.live.positions import Position
from notifications.models import Content, Inbox, Noticeboard, Notification, Reach
from notifications.models.faces import renew_face
from notifications.models.notification import due_inboxes
from notifications.testing.dom import Document

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = reverse("notifications:inbox")
CHANGES = reverse("notifications:changes")
BELL = reverse("notifications:mark_seen")
MANY = 5_000
MOMENT = "2026-01-01T00:00:00Z"
EPOCH = 1_700_000_000_000_000  # µs


#: For what few rows match: PostgreSQL goes by its statistics, and rightly reads a thousand rows in another way.
by_rule = pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL plans by its statistics")


def fill(inbox: Inbox, count: int) -> None:
    """Rows as if they had been delivered one by one: every third is read, every fifth archived."""
    numbers = range(inbox.revision + 1, inbox.revision + count + 1)
    Notification.objects.bulk_create(
        Notification(
            inbox=inbox,
            key=f"n{n}",
            title=f"Number {n}",
            category="people" if n % 2 else "general",
            level="info",
            revision=n,
            arrived_revision=n,
            arrival=EPOCH + n,
            read_at=MOMENT if n % 3 == 0 else None,
            archived_at=MOMENT if n % 5 == 0 else None,
        )
        for n in numbers
    )
    inbox.revision, inbox.last_arrival = numbers[-1], EPOCH + numbers[-1]
    inbox.unread_count = inbox.unseen_count = inbox.notifications.unread().count()
    inbox.counts = {view: inbox.notifications.in_view(view).count() for view in ("all", "archived", "category:people")}
    inbox.save()


@pytest.fixture
def reader(bo, inbox, client):
    client.force_login(bo)
    client.get(INBOX)
    return client


def asks(client, inbox: Inbox) -> dict[str, Callable[[], object]]:
    """What a reader's browser asks for all day."""
    form = Document(client.get(INBOX).content.decode()).inputs("#resume")
    missed = {**form, "since": max(inbox.revision - 5, 0)}
    return {
        "the inbox": lambda: client.get(INBOX),
        "another list": lambda: client.get(f"{INBOX}?view=category:people"),
        "the unread ones": lambda: client.get(f"{INBOX}?view=unread"),
        "the archive": lambda: client.get(f"{INBOX}?view=archived"),
        "the saved ones": lambda: client.get(f"{INBOX}?view=saved"),
        "the snoozed ones": lambda: client.get(f"{INBOX}?view=snoozed"),
        "older ones": lambda: client.get(f"{INBOX}?before={inbox.last_arrival - inbox.revision // 2}"),
        "changes": lambda: client.get(CHANGES, missed),
        "changes with the bell open": lambda: client.get(CHANGES, {**missed, "bell": "1"}),
        "a full list": lambda: client.get(CHANGES, {**form, "view": "feed:unread", "since": ""}),
        "the bell": lambda: client.post(BELL, {"since": inbox.revision}, headers={"HX-Request": "true"}),
    }


def statements(work: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        work()
    return [query["sql"] for query in captured.captured_queries]


# Pages.


def test_pages_and_fragments_cost_the_same_for_ten_notifications_as_for_thousands(reader, inbox):
    costs = []
    for count in (10, MANY):
        fill(inbox, count)
        costs.append({name: len(statements(ask)) for name, ask in asks(reader, inbox).items()})
    assert costs[0] == costs[1]
    assert {name: cost for name, cost in costs[1].items() if cost > (14 if name == "the bell" else 8)} == {}


def test_faces_cost_no_query_of_their_own(reader, inbox, chi):
    costs = []
    for avatar in ("", "a" * 32):
        fill(inbox, 50)
        get_user_model().objects.filter(pk=chi.pk).update(avatar=avatar)
        inbox.notifications.update(actor=chi if avatar else None, actor_name="Chi")
        costs.append({name: len(statements(ask)) for name, ask in asks(reader, inbox).items()})
    assert costs[0] == costs[1]
    assert "a" * 32 in reader.get(INBOX).content.decode()


def test_who_has_which_face_is_asked_for_nothing_else_of_them(reader, inbox, chi):
    fill(inbox, 5)
    inbox.notifications.update(actor=chi)
    asked = [sql for sql in statements(lambda: reader.get(INBOX)) if "LEFT OUTER JOIN" in sql and "avatar" in sql]
    assert asked
    assert [sql for sql in asked if "password" in sql or "email" in sql] == []


@by_rule
def test_the_rows_of_an_actor_are_found_by_their_index(inbox, chi):
    fill(inbox, 1_000)
    inbox.notifications.filter(key="n1").update(actor=chi)
    asked = statements(lambda: list(renew_face(chi)))
    plans = [plan(sql) for sql in asked if re.match('SELECT .*"notifications_notification".*"actor_id" = ', sql)]
    assert len(plans) >= 2
    assert [steps for steps in plans if "notification_actor" not in steps] == []


@pytest.mark.parametrize("pages", [1, 40])
def test_a_flush_costs_two_queries_for_all_pages_of_all_inboxes(bo, chi, inbox, pages):
    fill(inbox, MANY)
    notify(chi, title="For Chi")
    notify(bo, title="For Bo")
    board = Noticeboard.current()
    known = {"board": board.revision, "view": "feed:all", "language": "en", "zone": "UTC"}
    positions = {Position(since=MANY - n % 3, title=str(n), **known) for n in range(pages)}
    wanted = {inbox.pk: positions, Inbox.objects.of(chi).pk: {Position(since=0, **known)}}
    assert len(statements(lambda: frames_for(wanted, (board.epoch, board.revision)))) == 2


def test_ten_new_broadcasts_cost_a_visit_as_many_statements_as_one(reader, inbox):
    costs = []
    for count in (1, 10):
        for n in range(count):
            broadcast(f"News {n}")
        costs.append(len(statements(lambda: reader.get(INBOX))))
    assert costs[0] == costs[1]
    assert Reach.objects.filter(inbox=inbox).count() == 11


@pytest.mark.parametrize("state", ["not met before", "shown again"])
def test_reading_ten_broadcasts_costs_as_many_statements_as_one(inbox, state):
    costs = []
    for count in (1, 10):
        new = [broadcast(f"News {n}") for n in range(count)]
        if state == "shown again":
            inbox.mark_read(*(one.row_key for one in new))
            for one in new:
                one.rewrite(Content(title="Old news"), show_again=True)
        costs.append(len(statements(lambda: inbox.mark_all_read(0, Noticeboard.current().revision))))
        inbox.forget_announcements()
        assert inbox.count_of("unread") == 0
    assert costs[0] == costs[1]


WAYS = {
    "the inbox": "notification_active",
    "another list": "notification_category.*category",
    "the unread ones": "notification_unread",
    "the archive": "notification_archived",
    "the saved ones": "notification_saved",
    "the snoozed ones": "notification_snoozed",
    "older ones": "notification_active.*arrival",
    "changes": "notification_changes.*inbox_id.*revision",
    "changes with the bell open": "notification_(active|changes.*revision)",
    "a full list": "notification_(active|unread)",
    "the bell": "notifications?_",
}


@pytest.mark.parametrize("name", WAYS)
def test_nothing_sorts_an_inbox_or_searches_it_without_its_index(reader, inbox, name):
    fill(inbox, 1_000)
    asked = statements(asks(reader, inbox)[name])
    plans = [plan(sql) for sql in asked if re.match('SELECT .* FROM "notifications_notification"', sql)]
    assert plans
    assert [steps for steps in plans if re.search("Sort|ORDER BY|SCAN|Seq Scan", steps)] == []
    assert [steps for steps in plans if not re.search(WAYS[name], steps)] == []


@by_rule
def test_the_row_of_a_group_is_found_by_its_index(bo, inbox):
    fill(inbox, 1_000)
    asked = statements(lambda: notify(bo, title="Said", group_key="talk", key="said"))
    asked += statements(lambda: retract(bo, "said"))
    plans = [plan(sql) for sql in asked if re.match('SELECT .* FROM "notifications_notification" .*"group_key" ', sql)]
    assert len(plans) >= 2
    assert [steps for steps in plans if "notification_conversation" not in steps] == []


@by_rule
def test_what_is_due_is_found_by_its_index(inbox):
    fill(inbox, 1_000)
    plans = [plan(sql) for sql in statements(lambda: due_inboxes(10))]
    assert plans
    assert [steps for steps in plans if "notification_due" not in steps] == []


def plan(sql: str) -> str:
    """The database's way to the rows, in its own words.

    PostgreSQL is forbidden to sort and to read whole tables, which it would rightly do for few rows: what it does in
    spite of that it would do for many. It has counted the rows, as its own housekeeping does sooner or later.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            return "; ".join(step for *_, step in cursor.fetchall())
        cursor.execute("ANALYZE notifications_notification")
        for way in ("sort", "seqscan", "bitmapscan"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        return json.dumps(cursor.fetchone()[0])


# Sending.


def test_a_notification_costs_a_handful_of_statements_whatever_the_inbox_holds(bo, inbox):
    costs = []
    for count in (10, MANY):
        fill(inbox, count)
        costs.append(len(statements(lambda: notify(bo, title="One more"))))
    assert costs[0] == costs[1] <= 13


def test_a_transaction_full_of_notifications_stamps_once(bo, inbox):
    def send(count: int) -> None:
        with transaction.atomic():
            for n in range(count):
                notify(bo, title=str(n))

    one, ten = len(statements(lambda: send(1))), len(statements(lambda: send(10)))
    per_notification = (ten - one) / 9
    assert per_notification <= 6
    inbox.refresh_from_db()
    assert inbox.revision == 2


def test_taking_one_back_costs_the_same_whatever_the_inbox_holds(bo, inbox):
    costs = []
    for count in (10, MANY):
        fill(inbox, count)
        costs.append(len(statements(lambda: retract(bo, f"n{inbox.revision}"))))
    assert costs[0] == costs[1] <= 18


@pytest.mark.parametrize("have_inboxes", [True, False])
def test_ten_thousand_get_it_in_few_statements(db, have_inboxes):
    users = get_user_model()
    users.objects.bulk_create(users(username=f"reader-{n}") for n in range(10_000))
    if have_inboxes:
        Inbox.objects.of_users(users.objects.values_list("pk", flat=True))
    sent = []
    cost = len(statements(lambda: sent.append(notify_many(users.objects.all(), title="Fire drill", key="drill"))))
    assert cost <= (60 if connection.vendor == "postgresql" else 250)
    assert sent[0].count == Notification.objects.filter(revision=1).count() == 10_000
    assert Inbox.objects.filter(unread_count=1, unseen_count=1, counts__all=1).count() == 10_000


def test_an_event_of_a_crowded_group_costs_the_same_for_two_readers_as_for_twenty(db):
    users = get_user_model().objects
    costs = []
    for count in (2, 20):
        for n in range(count):
            users.create(username=f"reader-{count}-{n}")
        people = users.filter(username__startswith=f"reader-{count}-")
        for actor in ("Ana", "Bo", "Chi", "Edo"):
            notify_many(people, title="Again", actor=actor, group_key="drill")
        again = partial(notify_many, people, title="Again", actor="Ana", group_key="drill")
        costs.append(len(statements(again)))
        assert {row.people_count for row in Notification.objects.active()} == {4}
    assert costs[0] == costs[1]


@by_rule
def test_what_was_sent_about_something_is_found_by_its_index(bo, inbox):
    fill(inbox, 1_000)
    asked = statements(lambda: close(bo))
    plans = [plan(sql) for sql in asked if re.match("(SELECT|INSERT) .*notifications_notification", sql)]
    assert len(plans) == 2
    assert [steps for steps in plans if "notification_target" not in steps] == []


def test_an_answer_that_shows_no_jobs_asks_for_none(bo, inbox, client):
    notify(bo, title="One", key="one")
    client.force_login(bo)
    asked = statements(lambda: client.post("/inbox/one/archive/", {"live": "on"}, headers={"HX-Request": "true"}))
    assert any("notifications_inbox" in str(one) for one in asked)
    assert not any("notifications_job" in str(one) for one in asked)
