"""Networks that are cut at every bad moment: what was missed is there when the page is back, once."""

import threading

import pytest

from config.tests.site import eventually

from .conftest import size

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("faults")]

PAUSE = threading.Event()  # never set: to wait on it is to sleep


def test_many_short_cuts(trial, people):
    """Each page loses its network again and again, at moments of its own, while its reader is written to."""
    pages, cuts, each = size(6, 50), size(2, 50), size(1.0, 2.0)
    one, readers = trial(f"Cut off {cuts} times for {each:.0f} s"), people(pages)
    one.watch(readers)
    count = cuts * pages * size(4, 1)
    users = [readers[n % pages]["user"] for n in range(count)]
    writing = one.begin_to_send(users, [f"n-{n}" for n in range(count)], cuts * (each + 0.5))
    for turn in range(cuts):
        some = one.pages[turn % 2 :: 2] if turn % 3 else one.pages
        one.crowd.do(lambda some=some: [page.go_offline() for page in some])
        PAUSE.wait(each)
        one.crowd.do(lambda some=some: [page.come_online() for page in some])
        PAUSE.wait(0.5)
    one.heal()
    one.end(writing)


def test_a_long_cut_with_more_than_300_missed(trial, people):
    seconds, count = size(3, 300), 330
    one, readers = trial(f"Cut off for {seconds} s, {count} missed"), people(size(1, 5))
    one.watch(readers)
    one.crowd.do(lambda: [page.go_offline() for page in one.pages])
    for reader in readers:
        one.send_each([reader["user"]] * count, [f"n-{n}" for n in range(count)])
    PAUSE.wait(seconds)
    one.crowd.do(lambda: [page.come_online() for page in one.pages])
    one.heal()
    one.end()


def test_cut_without_a_word(trial, people):
    """Neither end hears of it, as where a laptop changes its network: the server goes on sending into the dead one."""
    one, readers = trial("Cut without a word"), people(size(3, 50))
    one.watch(readers)
    one.crowd.do(lambda: [page.hang_up() for page in one.pages])
    one.send_each([reader["user"] for reader in readers], ["n"] * len(readers))
    one.heal()
    one.end()


def test_cut_between_the_query_and_its_frame(house, trial, people):
    """The server has looked at what the page lacks; before it can send it, the page is gone and something new comes."""
    one, readers = trial("Cut between catch-up query and frame"), people(1)
    one.browser = None  # its page could be the one that is held
    (page,) = one.watch(readers)
    user = readers[0]["user"]
    house.arm("after-looking", "hold")
    one.send(user, "looked-at")
    eventually(lambda: house.is_held("after-looking"), "the server has looked")
    one.crowd.do(page.cut)
    one.send(user, "after-that")
    house.let_go("after-looking")
    one.heal()
    one.end()


def test_something_comes_between_the_query_and_its_frame(house, trial, people):
    one, readers = trial("Committed between catch-up query and frame"), people(1)
    one.browser = None
    one.watch(readers)
    user = readers[0]["user"]
    house.arm("after-looking", "hold")
    one.send(user, "looked-at")
    eventually(lambda: house.is_held("after-looking"), "the server has looked")
    one.send(user, "between")
    house.let_go("after-looking")
    one.heal()
    one.end()


def test_cut_after_the_server_wrote_and_before_the_page_read(trial, people):
    one, readers = trial("Cut between write and read"), people(1)
    deaf, other = one.watch(readers, tabs=2)
    one.crowd.do(deaf.stop_reading)
    key, _ = one.send(readers[0]["user"], "unread")
    eventually(lambda: key in other.came, "the other tab has it: it was written to both")
    one.crowd.do(deaf.cut)
    assert key not in deaf.came
    one.crowd.do(deaf.wake)
    one.heal()
    one.end()
