"""A room of two processes: whatever dies, every page of it ends up as the database and as a reload; who is there is
right within half a minute, and who is elsewhere is told of each message once."""

import asyncio
import time
from typing import Any

import pytest

from config.tests.site import eventually

from .conftest import size
from .crowd import Page, Tree
from .table import tell
from .writer import PATIENCE, Failed

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("faults")]

PEOPLE, ELSEWHERE = size(6, 100), size(2, 20)
MESSAGES, SECONDS = size(40, 400), size(4, 30)
LOOKED_AT = 10.0  # seconds between two of a page's words that it is looked at, as in threads.js
GONE_BY = 60.0  # seconds in which those who are gone must have left; docs/faults.md says how long it takes


class RoomPage(Page):
    """One that is looked at, and says so."""

    def _note_open(self) -> None:
        super()._note_open()
        self.document.find("#thread-here").set("value", "1")
        asyncio.get_running_loop().call_later(LOOKED_AT, self._look)

    def _look(self) -> None:
        if self.is_live and self.may_read.is_set():
            self._acknowledge()
            asyncio.get_running_loop().call_later(LOOKED_AT, self._look)

    def messages(self) -> list[int]:
        rows = self.document.find("#messages")
        return [int(row.get("id").removeprefix("message-")) for row in rows if row.get("id").startswith("message-")]

    @property
    def thread_at(self) -> int:
        return int(self.form["thread_at"])


class Room:
    """The room, its pages, and what the database says of it."""

    def __init__(self, house: Any, crowd: Any, writer: Any, people: Any, name: str) -> None:
        self.house, self.crowd, self.writer = house, crowd, writer
        self.inside, self.elsewhere = people(PEOPLE), people(ELSEWHERE)
        self.users = [reader["user"] for reader in self.inside]
        everybody = self.users + [reader["user"] for reader in self.elsewhere]
        self.pk = writer.make_room(everybody, name)
        self.pages: list[RoomPage] = crowd.open(self.inside, path=f"/rooms/{name}/", kind=RoomPage)
        eventually(lambda: all(page.is_live for page in self.pages), "the pages are live", PATIENCE)
        eventually(lambda: len(self.truth["here"]) == PEOPLE, "everybody is there", PATIENCE)

    @property
    def truth(self) -> dict[str, Any]:
        return self.writer.room_truth(self.pk)

    def begin_to_speak(self) -> Any:
        texts = [f"message {n} of {self.pk}" for n in range(MESSAGES)]
        return self.writer.begin("speak", self.pk, self.users, texts, SECONDS)

    def is_quiet(self) -> bool:
        """Every page stands where the room stands, and nobody is left to be told."""
        try:
            truth = self.truth
        except Failed:
            return False
        behind = self.crowd.do(lambda: [page for page in self.pages if page.thread_at != truth["revision"]])
        return not behind and not truth["tell_at"]

    def is_right(self, name: str) -> None:
        """All that was said stands on every page, once and in its order; who is elsewhere is rung at, once for each
        message. Whom the fault has kept away for too long was, too; by their page, they have read it by now."""
        began = time.monotonic()
        eventually(self.is_quiet, f"{name}: pages stand where the room stands", PATIENCE)
        seconds = time.monotonic() - began
        truth = self.truth
        numbers = [number for number, _ in truth["messages"]]
        assert len(numbers) == MESSAGES
        shown = [self.crowd.do(page.messages) for page in self.pages]
        missing = sum(len(set(numbers[-len(one) :]) - set(one)) for one in shown)
        doubled = sum(len(one) - len(set(one)) for one in shown)
        tell((name, f"{MESSAGES:,}", f"{missing:,}", f"{doubled:,}", f"{seconds:.1f} s", "–", "–"))
        assert (missing, doubled) == (0, 0)
        assert all(one == numbers[-len(one) :] for one in shown)
        for page, fresh in zip(self.pages, self.crowd.fresh(self.pages), strict=True):
            pushed = self.crowd.do(lambda page=page: Tree(page.document.source()))
            first = max(page.messages()[0], min(message_ids(fresh)))
            assert said(pushed, first) == said(fresh, first), name
        rung = {reader["inbox"]: MESSAGES for reader in self.elsewhere}
        eventually(lambda: dict(self.truth["rung"]) == rung, "who is elsewhere, and nobody else, is rung at", PATIENCE)


def message_ids(tree: Tree) -> list[int]:
    rows = tree.find("#messages")
    return [int(row.get("id").removeprefix("message-")) for row in rows if row.get("id").startswith("message-")]


def said(tree: Tree, first: int) -> list[str]:
    """What its messages say, from that number on."""
    shown = [tree.find(f"#message-{number}") for number in message_ids(tree) if number >= first]
    return [" ".join(one.text_content().split()) for one in shown]


@pytest.fixture(autouse=True)
def _mended(house):
    """The next test has everything back."""
    yield
    house.restart_what_is_down()


def kill_a_server(house):
    house.servers[0].kill()
    house.servers[0].start()


def kill_both_servers(house):
    for server in house.servers:
        server.kill()
    for server in house.servers:
        server.start()


def kill_valkey(house):
    house.valkey.kill()
    house.valkey.start()


def kill_the_tick(house):
    house.tick.kill()
    house.tick.start()


@pytest.mark.parametrize("fault", [kill_both_servers, kill_a_server, kill_valkey, kill_the_tick][: size(1, 4)])
def test_a_room_under_a_fault(house, crowd, writer, people, fault):
    name = fault.__name__.replace("_", "-")
    room = Room(house, crowd, writer, people, f"room-{name}")
    speaking = room.begin_to_speak()
    eventually(lambda: any(len(page.messages()) > 2 for page in room.pages), "the first ones have come")
    fault(house)
    speaking.result(PATIENCE)
    room.is_right(f"A room of {PEOPLE}: {name.replace('-', ' ')}")


def test_who_was_in_a_process_that_was_killed_leaves_within_half_a_minute(house, crowd, writer, people):
    """And so do laptops that fell asleep, of which nobody hears anything."""
    room = Room(house, crowd, writer, people, "room-presence")
    asleep = room.pages[: PEOPLE // 2]
    began = time.monotonic()
    crowd.do(lambda: [page.stop_reading() for page in asleep])
    awake = {page.reader["inbox"] for page in room.pages[PEOPLE // 2 :]}
    eventually(lambda: set(room.truth["here"]) == awake, "those who sleep have left", GONE_BY)
    slept = time.monotonic() - began
    crowd.close(room.pages[PEOPLE // 2 :])
    for server in house.servers:
        server.kill()
    began = time.monotonic()
    eventually(lambda: room.truth["here"] == [], "those of dead processes have left", GONE_BY)
    died = time.monotonic() - began
    tell((f"  asleep for {slept:.0f} s, and dead for {died:.0f} s, until they were shown no more",))
