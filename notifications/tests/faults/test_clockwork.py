"""What the clock causes: two ticks at once, clocks that jump, and an upgrade under open pages."""

import pytest

from config.tests.site import eventually

from .conftest import size

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("faults")]


@pytest.fixture
def second_tick(house):
    tick = house.part("second-tick", house.tick.command)
    tick.start()
    yield tick
    tick.kill()


def test_two_ticks(trial, people, second_tick):
    """What is left behind, snoozed and scheduled comes once, whoever sees to it."""
    one, readers = trial("Two ticks"), people(size(6, 100))
    one.watch(readers)
    users = [reader["user"] for reader in readers]
    one.send_each(users, ["snoozed"] * len(users))
    for user in users[:5]:
        one.writer.snooze(user, "snoozed", 1.0)
    one.writer.broadcast("At noon", 1.0)
    for n in range(5):
        at = one.writer.abandon(users, f"left-{n}")
        one.note([[user, f"left-{n}", at] for user in users])
    one.heal()
    eventually(
        lambda: all(page.toasts["snoozed"] <= 1 and "left-4" in page.came for page in one.pages), "they have come"
    )
    eventually(
        lambda: "At noon" in one.crowd.do(lambda: one.pages[-1].document.text("#feed")), "the broadcast has come"
    )
    eventually(lambda: one.writer.sql(STILL_SNOOZED) == [[0]], "nothing is snoozed any more")
    one.end()
    assert one.writer.sql("SELECT count(*) FROM notifications_broadcast WHERE title = 'At noon'") == [[1]]


STILL_SNOOZED = "SELECT count(*) FROM notifications_notification WHERE snoozed_until IS NOT NULL"


def test_a_clock_jumps(house, trial, people):
    """What comes later stands above, also when the clock says that it was earlier."""
    one, readers = trial("Clock jumps by an hour, there and back"), people(size(3, 50))
    one.watch(readers)
    users = [reader["user"] for reader in readers]
    for turn, seconds in enumerate((0, 3600, 0, -3600, 0)):
        house.set_clocks(seconds)
        one.send_each(users, [f"turn-{turn}"] * len(users))
    one.heal()
    one.end()
    for page in one.pages:
        assert [key for _, key in one.crowd.do(page.rows)] == [f"turn-{turn}" for turn in (4, 3, 2, 1, 0)]


def test_an_upgrade_with_old_pages_open(house, trial, people):
    """The new build serves them, and offers to reload."""
    one, readers = trial("Upgrade under open pages"), people(size(3, 100))
    one.watch(readers)
    writing = one.begin_to_send(
        [reader["user"] for reader in readers] * 4, [f"n-{n}" for n in range(4 * len(readers))], 2.0
    )
    for server in house.servers:
        server.stop()
        server.environment = {**server.environment, "BUILD_ID": "another"}
        server.start()
    eventually(
        lambda: one.crowd.do(lambda: all(page.document.find("#new-build") is not None for page in one.pages)),
        "all offer it",
    )
    one.heal()
    one.end(writing)
