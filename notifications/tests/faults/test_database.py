"""PostgreSQL goes, is full, or is slow: sockets stay, requests are answered clearly, and all of it mends itself."""

import threading
from contextlib import ExitStack

import psycopg
import pytest

from config.tests.site import eventually

from .conftest import on, size
from .crowd import Failure
from .house import status_of
from .writer import Failed

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("faults"), on(("postgresql", "daphne"))]

PAUSE = threading.Event()  # never set: to wait on it is to sleep


def test_postgresql_is_killed(house, trial, people):
    seconds = size(3, 30)
    one, readers = trial(f"PostgreSQL killed for {seconds} s"), people(size(4, 100))
    one.watch(readers)
    house.postgresql.kill()
    with pytest.raises(Failed):
        one.writer.send(readers[0]["user"], "never")
    assert_says_come_back(one, readers[0])
    assert status_of(house.port, "/readyz") == 503
    PAUSE.wait(seconds)
    house.postgresql.start()
    one.heal()
    eventually(lambda: is_sent(one, readers), "what is written now is committed")
    one.end()
    assert all(page.opened == 1 for page in one.pages), "No socket was closed."


def is_sent(one, readers) -> bool:
    try:
        one.send_each([reader["user"] for reader in readers], ["after-that"] * len(readers))
    except Failed:
        return False
    return True


def assert_says_come_back(one, reader) -> None:
    before = len(one.crowd.failures)
    with pytest.raises(Failure, match="503"):
        one.crowd.get(reader, "/inbox/")
    del one.crowd.failures[before:]  # this one is meant


def test_postgresql_has_no_connection_left(house, trial, people):
    one, readers = trial("PostgreSQL out of connections"), people(size(4, 50))
    one.watch(readers)
    with ExitStack() as hoard:
        take_all(house.postgresql.url, hoard)
        PAUSE.wait(size(2, 15))
        assert status_of(house.port, "/livez") == 200
    one.heal()
    eventually(lambda: is_sent(one, readers), "what is written now is committed")
    one.end()
    assert all(page.opened == 1 for page in one.pages), "No socket was closed."


def take_all(url: str, hoard: ExitStack) -> None:
    for _ in range(1_000):
        try:
            hoard.enter_context(psycopg.connect(url, autocommit=True))
        except psycopg.OperationalError:
            return
    raise AssertionError("PostgreSQL has more than 1,000 connections to give.")


def test_postgresql_is_slow(house, trial, people, others):
    """A table is locked for a while, as by a careless migration."""
    seconds = size(2, 5)
    one, readers, careless = trial(f"PostgreSQL: inboxes locked for {seconds} s"), people(size(4, 50)), others()
    one.watch(readers)
    locking = careless.begin("lock", "notifications_inbox", seconds)
    writing = one.begin_to_send([reader["user"] for reader in readers], ["behind-it"] * len(readers), 0.0)
    while not locking.done():
        assert status_of(house.port, "/livez") == 200
    locking.result(60)
    one.heal()
    one.end(writing)
    assert all(page.opened == 1 for page in one.pages), "No socket was closed."
