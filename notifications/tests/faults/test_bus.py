"""Valkey is only a hint: whatever becomes of it, every page ends up exactly right, and no request waits for it."""

import threading
from collections.abc import Callable
from contextlib import contextmanager
from itertools import product

import pytest

from config.tests.site import eventually

from .conftest import size

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("faults")]

PAGES, NOTIFICATIONS = size(12, 500), size(60, 10_000)
SECONDS = size(2, 40)  # over which they are written
PAUSE = threading.Event()  # never set: to wait on it is to sleep
KILLS = [(0, True), (2, False), *product((0, 2, 30), (True, False))][size(0, 2) : size(2, 8)]  # seconds; keeps its data


@pytest.fixture
def storm(trial, people):
    """``with storm("Valkey killed"):`` the fault happens, and is over, while they are written; or a part of them."""

    @contextmanager
    def under(name: str, part: int = 1):
        pages, count = PAGES // part, NOTIFICATIONS // part
        one, readers = trial(name), people(pages)
        one.watch(readers)
        writing = one.begin("send_storm", [reader["user"] for reader in readers], count // pages, SECONDS)
        asking = one.keep_asking(readers[0])
        eventually(lambda: any(page.came for page in one.pages), "the storm has begun")
        yield one
        one.heal()
        one.end(writing, asking)
        assert one.failed == 0

    return under


def comes_without_the_bus(one) -> None:
    """While it is away, what is committed now comes to its reader's page."""
    page = one.pages[-1]
    key, _ = one.send(page.reader["user"], "while-it-is-away")
    eventually(lambda: key in page.came, "what is committed now comes without the bus")


@pytest.mark.parametrize(("seconds", "keeps"), KILLS)
def test_valkey_is_killed(house, storm, seconds, keeps):
    with storm(f"Valkey killed for {seconds} s, back with {'its' if keeps else 'no'} data") as one:
        house.valkey.kill()
        if seconds:
            comes_without_the_bus(one)
            PAUSE.wait(seconds)
        if not keeps:
            house.valkey.forget()
        house.valkey.start()


def while_it_lasts(one, seconds: float, end: Callable[[], None]) -> None:
    try:
        comes_without_the_bus(one)
        PAUSE.wait(seconds)
    finally:
        end()


def test_valkey_is_frozen(house, storm):
    seconds = size(2, 20)
    with storm(f"Valkey frozen for {seconds} s", part=size(1, 5)) as one:
        house.valkey.freeze()
        while_it_lasts(one, seconds, house.valkey.thaw)


def test_the_way_to_valkey_is_a_black_hole(house, storm):
    """Connections stay open and dead, new ones are never answered; those of before stay dead when it is over."""
    seconds = size(2, 20)
    with storm(f"Valkey half open for {seconds} s", part=size(1, 5)) as one:
        house.valkey.wire.die()
        while_it_lasts(one, seconds, house.valkey.wire.heal)


def test_its_subscribers_are_thrown_out(house, storm):
    with storm("CLIENT KILL TYPE pubsub", part=size(1, 5)):
        assert house.valkey.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub") >= 2


def test_it_forgets_everything(house, storm):
    with storm("FLUSHALL", part=size(1, 5)):
        house.valkey.client.flushall()


def kill(valkey) -> Callable[[], None]:
    valkey.kill()
    return valkey.start


def freeze(valkey) -> Callable[[], None]:
    valkey.freeze()
    return valkey.thaw


def forget_connections(valkey) -> Callable[[], None]:
    valkey.wire.die()
    return valkey.wire.heal


@pytest.mark.parametrize("fault", [kill, forget_connections, freeze][: size(2, 3)])
def test_the_bus_is_used_again_when_it_is_back(house, trial, people, fault):
    """No restart is needed: the hubs hear their own messages again, and it is nudges that bring what is committed."""
    one = trial(f"Valkey back after: {fault.__name__.replace('_', ' ')}")
    one.watch(people(2))
    mend = fault(house.valkey)
    eventually(lambda: house.sum("belfry_bus_up") == 0, "the hubs know that it is away")
    mend()
    eventually(lambda: house.sum("belfry_bus_up") == 2, "the hubs hear it again")
    users = [page.reader["user"] for page in one.pages]
    one.send_each(users, ["first-0", "first-1"])  # the hubs may still be joining the groups of these readers
    eventually(lambda: all(page.came for page in one.pages), "the first ones have come, be it by the sweep")
    swept = house.sum("belfry_swept_total")
    one.heal()
    one.send_each(users, ["again-0", "again-1"])
    one.end()
    assert house.sum("belfry_swept_total") - swept <= 2
