"""Many at once: nothing is lost or counted twice, nobody waits for anybody's open transaction, nothing deadlocks."""

import threading
from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from config.tests.site import eventually
from notifications.delivery import notify, notify_many, retract
from notifications.models import Inbox, Notification
from notifications.models.draft import random_key
from notifications.models.stamping import settle
from notifications.tests.recount import kept, recount
from notifications.tests.threads import PATIENCE, open_transaction, together

pytestmark = pytest.mark.django_db(transaction=True)

needs_many_writers = pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="SQLite has one writer at a time: a second transaction that writes begins when the first has ended.",
)


ACTS = ["mark_read", "archive", "mark_read", "mark_unread", "unarchive"]


def state(inbox: Inbox) -> list[tuple[str, int, int]]:
    """Key, revision of the arrival, and arrival, in the order of the list."""
    return list(inbox.notifications.in_view("all").values_list("key", "arrived_revision", "arrival"))


@pytest.mark.parametrize("has_inbox", [True, False])
def test_fifty_calls_with_one_key_make_one_row_that_is_counted_once(bo, has_inbox):
    if not has_inbox:
        Inbox.objects.filter(user=bo).delete()
    sent = together(*[partial(notify, bo, title="Invoice 7", key="invoice-7")] * 50)
    inbox = Inbox.objects.of(bo)
    assert {notification.pk for notification in sent} == {inbox.notifications.get().pk}
    assert kept(inbox) == recount(inbox) == {"unread": 1, "unseen": 1, "lists": {"all": 1, "category:general": 1}}


def test_twenty_writers_to_one_inbox_leave_no_gap_and_no_doubt_about_the_order(bo, inbox):
    def write(writer: int) -> None:
        for n in range(5):
            notify(bo, title="x", key=f"{writer}-{n}")

    together(*[partial(write, writer) for writer in range(20)])
    assert kept(inbox) == recount(inbox)
    rows = state(inbox)[::-1]
    assert len(rows) == len({arrival for *_, arrival in rows}) == inbox.unread_count == 100
    revisions = [revision for _, revision, _ in rows]
    assert revisions == sorted(revisions)
    assert set(revisions) == set(range(1, inbox.revision + 1))


def test_many_readers_of_one_inbox_act_while_more_arrives(bo, inbox):
    for n in range(10):
        notify(bo, title="x", key=f"n{n}")
    acts = [partial(getattr(Inbox.objects.get(pk=inbox.pk), act), f"n{n}") for n, act in enumerate(ACTS * 2)]
    together(*acts, *[partial(notify, bo, title="y", key=f"m{n}") for n in range(10)])
    assert kept(inbox) == recount(inbox)
    assert inbox.notifications.listed().count() == 20


def test_marking_all_as_read_leaves_what_arrives_meanwhile(bo, inbox):
    for n in range(5):
        notify(bo, title="x", key=f"before-{n}")
    arrivals = [partial(notify, bo, title="y", key=f"meanwhile-{n}") for n in range(10)]
    together(partial(Inbox.objects.get(pk=inbox.pk).mark_all_read, upto=5), *arrivals)
    unread = set(inbox.notifications.unread().values_list("key", flat=True))
    assert unread == {f"meanwhile-{n}" for n in range(10)}
    assert kept(inbox) == recount(inbox)


@pytest.mark.parametrize("key", ["", "same"])
def test_mailings_in_opposite_orders_never_wait_for_each_other_in_a_circle(db, key):
    users = get_user_model()
    users.objects.bulk_create(users(username=f"reader-{n}") for n in range(300))
    readers = list(users.objects.order_by("pk"))
    for n in range(3):
        mailing = partial(notify_many, title="Fire drill", key=key and f"{key}-{n}")
        sent = together(*[partial(mailing, order) for order in (readers, readers[::-1], readers, readers[::-1])])
        assert [one.count for one in sent] == [300] * 4
    expected = 3 if key else 12
    assert set(Inbox.objects.values_list("unread_count", "counts__all").distinct()) == {(expected, expected)}


@needs_many_writers
def test_two_open_transactions_in_opposite_orders_neither_deadlock_nor_lock_an_inbox(bo, chi):
    step, may_commit = threading.Barrier(2), threading.Barrier(3)

    def send(first, second) -> None:
        with transaction.atomic():
            notify(first, title="First")
            step.wait(PATIENCE)
            notify(second, title="Second")
            may_commit.wait(PATIENCE)
            may_commit.wait(PATIENCE)

    def look() -> int:
        may_commit.wait(PATIENCE)
        try:
            with transaction.atomic():
                return len(Inbox.objects.select_for_update(no_key=True, nowait=True).filter(user__in=[bo, chi]))
        finally:
            may_commit.wait(PATIENCE)

    assert together(partial(send, bo, chi), partial(send, chi, bo), look)[2] == 2
    for reader in (bo, chi):
        assert kept(Inbox.objects.of(reader))["unread"] == 2


@needs_many_writers
def test_what_commits_late_is_news_to_a_page_that_was_further_already(bo, inbox):
    with open_transaction(partial(notify, bo, title="Slow", key="slow")):
        notify(bo, title="Fast", key="fast")
        inbox.refresh_from_db()
        position = inbox.revision
        assert [key for key, *_ in state(inbox)] == ["fast"]
    assert [row.key for row in inbox.notifications.changed_since(position)] == ["slow"]
    assert [key for key, *_ in state(inbox)] == ["slow", "fast"]


@needs_many_writers
def test_a_long_transaction_keeps_no_reader_from_acting(bo, inbox):
    notify(bo, title="Read me", key="one")
    notify(bo, title="Take me back", key="two")

    def import_for_hours() -> None:
        notify(bo, title="Row 1")
        notify_many([bo], title="Row 2")
        retract(bo, "two")

    with open_transaction(import_for_hours), never_waiting():
        inbox.mark_read("one")
        inbox.mark_read("two")
        inbox.mark_seen(upto=2)
        inbox.archive("two")
        assert (
            kept(inbox)
            == recount(inbox)
            == {
                "unread": 0,
                "unseen": 0,
                "lists": {"all": 1, "category:general": 1, "archived": 1},
            }
        )
    assert inbox.notifications.get(key="two").retracted_at
    assert kept(inbox) == recount(inbox)
    assert inbox.unread_count == 2


class never_waiting:  # noqa: N801  (reads as a sentence)
    """Whoever would have to wait for a lock gets an error instead."""

    def __enter__(self) -> None:
        self.set("1ms")

    def __exit__(self, *error: object) -> None:
        self.set("0")

    def set(self, value: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{value}'")


def test_one_notification_taken_back_by_many_goes_once(bo, inbox):
    notify(bo, title="Oops", key="oops")
    assert together(*[partial(retract, bo, "oops")] * 10) == [True] * 10
    assert kept(inbox) == recount(inbox) == {"unread": 0, "unseen": 0, "lists": {}}
    assert inbox.revision == 2


def test_a_row_is_stamped_once_however_many_try(bo, inbox):
    pending(inbox.pk for _ in range(20))
    together(*[partial(settle, [inbox.pk])] * 8)
    assert kept(inbox) == recount(inbox)
    assert (inbox.revision, inbox.unread_count) == (1, 20)


def test_those_who_stamp_the_same_inboxes_never_wait_for_each_other_in_a_circle(db):
    users = get_user_model()
    users.objects.bulk_create(users(username=f"reader-{n}") for n in range(500))
    ids = Inbox.objects.of_users(users.objects.values_list("pk", flat=True))
    for n in range(1, 4):
        pending(ids)
        together(*[partial(settle, ids), partial(settle, ids[::-1])] * 3)
        assert set(Inbox.objects.values_list("revision", "unread_count").distinct()) == {(n, n)}


def test_imports_that_tell_the_same_people_in_opposite_orders_all_end(bo, chi, dana):
    def run(readers) -> None:
        for _ in range(10):
            with transaction.atomic():
                for reader in readers:
                    notify(reader, title="Row")

    together(*[partial(run, order) for order in ([bo, chi, dana], [dana, chi, bo], [chi, bo, dana]) * 2])
    for reader in (bo, chi, dana):
        inbox = Inbox.objects.of(reader)
        assert kept(inbox) == recount(inbox)
        assert inbox.unread_count == 60


def pending(inbox_ids) -> None:
    """Rows that a writer who died has left unstamped."""
    Notification.objects.bulk_create(
        Notification(inbox_id=pk, key=random_key(), title="x", category="general", level="info") for pk in inbox_ids
    )


@needs_many_writers
def test_an_account_that_is_deleted_waits_for_whoever_writes_into_its_inbox(bo, inbox):
    notify(bo, title="One")
    is_locked = threading.Event()

    def write() -> None:
        with transaction.atomic():
            list(Inbox.objects.filter(pk=inbox.pk).locked())
            is_locked.set()
            eventually(is_somebody_waiting, "the deleter waits")
            inbox.notifications.update(title="Another")

    def delete() -> None:
        assert is_locked.wait(PATIENCE)
        bo.delete()

    together(write, delete)
    assert not Notification.objects.exists()


def is_somebody_waiting() -> bool:
    """For a lock that somebody else holds in this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE NOT granted AND datname = current_database()"
        )
        return cursor.fetchone()[0] > 0
