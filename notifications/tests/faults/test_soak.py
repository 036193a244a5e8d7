"""Sockets come and go, and events flow: afterwards everything is as it was."""

import os
import random
import time

import pytest

from config.tests.site import eventually

from .conftest import size

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("faults")]

SECONDS = float(os.environ.get("SOAK_SECONDS") or size(8, 120))
READERS = size(10, 100)
MIB = 1024 * 1024
# The first soak may not have needed all four threads of each hub, which keep their connections: three files in SQLite.
# And a hub that sends two things at once opens one more to Valkey, which it keeps.
SPARE = {"open files": 2 * 4 * 3 + 2 * 2, "connections to PostgreSQL": 2 * 4, "clients of Valkey": 2 * 2}


def test_soak(house, trial, people):
    one, readers = trial(f"Soak for {SECONDS:.0f} s"), people(READERS)
    one.browser = None  # it would stay
    one.watch(readers[: READERS // 2])
    live_a_while(one, readers, "warm", SECONDS / 2)  # what is made once is made by now
    one.crowd.close(one.pages)
    eventually(lambda: is_quiet(house), "everybody is gone")
    before, memory = what_is_held(house), memory_of(house)
    one.pages = []
    one.watch(readers[: READERS // 2])
    live_a_while(one, readers, "soak", SECONDS)
    one.heal()
    one.pages_are_right()
    one.crowd.close(one.pages)
    eventually(lambda: is_quiet(house), "everybody is gone")
    try:
        eventually(lambda: is_no_more(what_is_held(house), before), "all of it is given back")
    except AssertionError as error:
        raise AssertionError(f"{error}; before: {as_text(before)}; now: {as_text(what_is_held(house))}") from error
    grown = (memory_of(house) - memory) / MIB
    one.remarks.append(
        f"held before: {as_text(before)}; after: {as_text(what_is_held(house))}; memory {grown:+.1f} MiB"
    )
    one.end()
    assert grown < 64


def is_no_more(now: dict[str, int], before: dict[str, int]) -> bool:
    return all(now[name] <= before[name] + SPARE.get(name, 0) for name in before)


def as_text(held: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in held.items())


def live_a_while(one, readers, word: str, seconds: float) -> None:
    """Each turn some pages go, some come back, and their readers are written to."""
    until, turn = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        turn += 1
        leaving = random.sample(one.pages, len(one.pages) // 5)
        one.crowd.close(leaving)
        one.pages = [page for page in one.pages if page not in leaving]
        coming = random.sample(readers, len(leaving))
        one.pages += one.crowd.open(coming)
        some = random.sample(readers, len(readers) // 2)
        one.send_each([reader["user"] for reader in some], [f"{word}-{turn}"] * len(some), 0.5)
        if turn % 5 == 0:
            one.writer.broadcast(f"{word} {turn}")


def is_quiet(house) -> bool:
    return house.sum("belfry_sockets") == 0


def memory_of(house) -> int:
    return sum(server.process.memory_info().rss for server in house.servers)


def what_is_held(house) -> dict[str, int]:
    """Of which there must not be more after than before."""
    client = house.valkey.client
    return {
        "open files": sum(server.process.num_fds() for server in house.servers),
        "tasks": int(house.sum("belfry_tasks")),
        "keys": client.dbsize(),
        "groups": len(client.pubsub_channels()),
        "clients of Valkey": client.info("clients")["connected_clients"],
        "connections to PostgreSQL": house.database_connections(),
    }
