"""Servers die and are renewed; pages come back to whoever is there, and lack nothing."""

import signal
import statistics
import threading
from collections import Counter

import pytest

from config.tests.site import eventually

from .conftest import IS_FULL, size
from .writer import PATIENCE

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("faults")]

READERS, TABS = size(8, 250), size(2, 8)  # with a page in Chromium fewer than ten, above which the oldest is closed
NOTIFICATIONS, SECONDS = size(40, 400), size(2, 20)  # each of them to ten pages, and the crowd shares our cores
PAUSE = threading.Event()  # never set: to wait on it is to sleep


@pytest.fixture
def watched(trial, people):
    """``watched("...")``: many pages, to whose readers is written meanwhile."""

    def begin(name: str):
        one, readers = trial(name), people(READERS)
        one.watch(readers, TABS)
        users = [readers[n % READERS]["user"] for n in range(NOTIFICATIONS)]
        writing = one.begin_to_send(users, [f"n-{n}" for n in range(NOTIFICATIONS)], SECONDS)
        eventually(lambda: any(page.came for page in one.pages), "the first ones have come")
        return one, writing

    return begin


@pytest.mark.parametrize("number", [1, 2])
def test_servers_are_killed(house, watched, number):
    """What was asked of one that died cannot be answered; whoever asks again is."""
    one, writing = watched(f"{'One server' if number == 1 else 'Both servers'} of two killed")
    asking = one.keep_asking(one.pages[0].reader)
    for server in house.servers[:number]:
        server.kill()
    for server in house.servers[:number]:
        server.start()
    one.heal()
    one.end(writing, asking)


def test_a_rolling_restart(house, watched):
    """Each is asked to end when the other one answers: sockets are told to come back, and no request fails."""
    one, writing = watched(f"Rolling restart under {READERS * TABS:,} sockets")
    asking = one.keep_asking(one.pages[0].reader)
    for server in house.servers:
        assert server.stop() in (0, -signal.SIGTERM), server.said[-3000:]  # uvicorn ends by the signal that it was sent
        server.start()
    eventually(lambda: one.crowd.do(lambda: all(page.is_live for page in one.pages)), "all are live again", PATIENCE)
    gaps = [gap for page in one.pages for gap in page.gaps]
    codes = sum((page.codes for page in one.pages), Counter())
    one.remarks.append(
        f"gaps: median {statistics.median(gaps):.1f} s, longest {max(gaps):.1f} s; closed with {dict(codes)}"
    )
    one.heal()
    one.end(writing, asking)
    assert (one.failed, set(codes)) == (0, {1012})
    assert statistics.median(gaps) < 5 or not IS_FULL
