"""Pages that stop reading: nobody else waits for them, they cost little, and they are sent away to come back."""

import pytest

from config.tests.site import eventually

from .conftest import IS_FULL, on, size
from .writer import PATIENCE

pytestmark = [
    pytest.mark.process,
    pytest.mark.xdist_group("faults"),
    on(("postgresql" if IS_FULL else "sqlite", "daphne"), ("sqlite", "uvicorn")),
]

LIVELY, FRAMES = size(4, 40), size(80, 10_000)  # pages that read, and what is sent to them
LONG = 200  # notifications to each that does not: far more than a page may leave unread
MIB = 1024 * 1024


def test_pages_stop_reading(house, trial, people):
    one, readers, deaf_ones = trial(f"Pages stop reading ({house.kind})"), people(LIVELY), people(2)
    one.browser = None  # it would paint each of 10,000 arrivals, on the cores of the servers
    lively, deaf = one.watch(readers), one.watch(deaf_ones, tabs=size(2, 10))
    users = [readers[n % LIVELY]["user"] for n in range(FRAMES)]
    early = FRAMES // size(1, 5)  # what is made once is made by then
    one.send_each(users[:early], [f"before-{n}" for n in range(early)], size(1, 10))
    before = memory_of(house)
    one.crowd.do(lambda: [page.stop_reading() for page in deaf])
    for reader in deaf_ones:
        one.note(one.writer.send_long([reader["user"]] * LONG, [f"unread-{n}" for n in range(LONG)], size(5, 15)))
    one.send_each(users, [f"meanwhile-{n}" for n in range(FRAMES)], size(1, 40))
    eventually(
        lambda: all(f"meanwhile-{FRAMES - 1 - n}" in lively[(FRAMES - 1 - n) % LIVELY].came for n in range(LIVELY)),
        "others have theirs",
        PATIENCE,
    )
    eventually(lambda: house.sum("belfry_sockets") == LIVELY, "those that do not read are gone", PATIENCE)
    grown = (memory_of(house) - before) / len(deaf)
    one.remarks.append(f"memory: {grown / MIB:+.2f} MiB for each page that does not read")
    one.crowd.do(lambda: [page.wake() for page in deaf])
    one.heal()
    one.end()
    assert grown < 2 * MIB or not IS_FULL  # a few pages are less than what the processes grow by themselves


def memory_of(house) -> int:
    """What the servers hold, in bytes."""
    return sum(server.process.memory_info().rss for server in house.servers)
