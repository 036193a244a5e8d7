"""Writers that die, change their mind, take their time, and write all at once."""

import time
from itertools import count

import pytest

from config.tests.site import eventually

from .conftest import size
from .writer import Gone

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("faults")]

AT_ONCE = 5  # calls of one writer at a time: each of its threads needs a connection


@pytest.mark.parametrize(
    ("point", "when"), [("before-stamping", "commit and stamp"), ("before-nudging", "stamp and nudge")]
)
def test_a_writer_is_killed(house, trial, people, others, point, when):
    """What it has committed is committed: the tick stamps it, and the sweep shows it."""
    one, readers, writer = trial(f"Writer killed between {when}"), people(2), others()
    one.watch(readers)
    house.arm(point, "die")
    user = readers[0]["user"]
    with pytest.raises(Gone):
        writer.send(user, "last-words")
    one.committed.append((user, "last-words", time.time()))
    one.send(user, "after-that")
    one.heal()
    one.end()


def test_a_writer_rolls_back(trial, people):
    one, readers = trial("Writer rolls back"), people(2)
    one.watch(readers)
    user = readers[0]["user"]
    one.writer.roll_back(user, "never")
    one.send(user, "after-that")
    one.heal()
    one.end()
    assert not any("never" in page.came for page in one.pages)


def test_a_transaction_stays_open_while_others_commit(house, trial, people, others):
    """Nobody waits for its inboxes, and it comes later than what was committed before it. (SQLite lets one write.)"""
    one, readers, slow = trial("Transaction held open while others commit"), people(2), others()
    one.watch(readers)
    user = readers[0]["user"]
    held = slow.begin("hold", user, "held", "commit")
    other = one.writer.begin("send", user, "other")
    if house.database == "postgresql":
        key, _ = other.result(60)
        eventually(lambda: all(key in page.came for page in one.pages if page.reader["user"] == user), "it has come")
    slow.may_commit("commit")
    one.note([[user, *other.result(60)], [user, "held", held.result(60)]])
    one.heal()
    one.end()


def test_many_write_to_one_inbox(trial, people, others):
    processes, threads, each = size(2, 5), size(4, 10), size(4, 20)
    one, readers = trial(f"{processes * threads} writers on one inbox"), people(1)
    one.watch(readers, tabs=2)
    user, numbers = readers[0]["user"], count()
    writing = [
        writer.begin("send_each", [user] * each, [f"n-{next(numbers)}" for _ in range(each)])
        for writer in [others() for _ in range(processes)]
        for _ in range(threads)
    ]
    for one_of_them in writing:
        one.note(one_of_them.result(180))
    one.heal()
    one.end()


def test_mark_all_read_against_arrivals_in_three_tabs(trial, people):
    """What has not been shown yet stays unread, whichever tab says it."""
    one, readers = trial("Read-all against arrivals in three tabs"), people(1)
    tabs = one.watch(readers, tabs=3)
    user, number = readers[0]["user"], size(40, 400)
    writing = one.begin_to_send([user] * number, [f"n-{n}" for n in range(number)], size(2, 20))
    said = 0
    for turn in range(size(8, 80)):
        tab = tabs[turn % 3]
        form = one.crowd.do(lambda tab=tab: {**tab.form, "live": "on"})
        one.crowd.ask("POST", tab.reader, "/inbox/all/read/", form)
        said, inbox = max(said, int(form["since"])), readers[0]["inbox"]
        early = "read_at IS NOT NULL AND arrived_revision > {} AND inbox_id = {}"
        read = f"SELECT count(*) FROM notifications_notification WHERE {early.format(said, inbox)}"
        assert one.writer.sql(read) == [[0]]
    one.heal()
    one.end(writing)


def test_opposite_orders(trial, people, others):
    """Two that write to the same people, each beginning at the other's end, do not wait for each other for ever."""
    one, readers = trial("notify_many() in opposite orders"), people(size(20, 300))
    one.watch(readers[:20])
    users = [reader["user"] for reader in readers]
    there, back = others(), others()
    for turn in range(size(1, 8)):
        keys = range(turn * AT_ONCE, (turn + 1) * AT_ONCE)
        going = [("there", n, there.begin("send_many", users, f"there-{n}")) for n in keys]
        coming = [("back", n, back.begin("send_many", users[::-1], f"back-{n}")) for n in keys]
        for name, n, done in going + coming:
            at = done.result(180)
            one.note([[user, f"{name}-{n}", at] for user in users[:20]])
    one.heal()
    one.end()
