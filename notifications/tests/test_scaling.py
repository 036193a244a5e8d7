"""docs/scaling.md: what it computes follows from what it says was measured, and what it counts is counted again."""

import importlib.util
import re
from collections.abc import Coroutine
from types import ModuleType

import pytest
from channels.layers import get_channel_layer
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from conftest import ValkeyServer
from notifications.broadcasting import broadcast
from notifications.delivery import notify
from notifications.job_keeper import JobKeeper
from notifications.live import database, groups, push
from notifications.live.frames import CHUNK, frames_for
from notifications.live.job_positions import JobPosition
from notifications.live.positions import Position
from notifications.models import Broadcast, Inbox, Noticeboard

from .samples import ROOT, names, page, table

PAGE = "docs/scaling.md"
ASKED = {cells[0]: cells for cells in table(PAGE, "## Asked") if len(cells) == 4}


@pytest.fixture(scope="module")
def sheet() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sizes", ROOT / "docs" / "sizes.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


# What is computed.


def test_every_size_follows_from_what_was_measured_and_assumed(sheet):
    assert page(PAGE) == sheet.computed(page(PAGE)), "python docs/sizes.py writes the page anew"


def test_another_figure_makes_another_size(sheet):
    dearer = re.sub(r"(?m)^(\| `socket_kib` \|) [\d.,]+", r"\1 100,000", page(PAGE))
    assert sheet.computed(dearer) != dearer


def test_nothing_was_measured_that_no_size_needs(sheet):
    formulas = [formula.strip("`") for _, _, formula, _ in sheet.sizes(page(PAGE))]
    assert set(sheet.given(page(PAGE))) <= set.union(*map(sheet.names_in, formulas))


def test_a_size_that_is_a_setting_is_called_like_it():
    read = {names(cells[0])[0] for cells in table("docs/operating.md", "## Settings")}
    assert {"MAX_SOCKETS", "DATABASE_POOL"} <= read & {names(cells[0])[0] for cells in table(PAGE, "## Sizes")}


# What is counted.


class Pages:
    """Two readers' pages, and what is asked for them; each verb is a row of the table."""

    def __init__(self, client, bo, chi) -> None:
        self.client, self.bo = client, bo
        self.ids = [Inbox.objects.of(user).pk for user in (bo, chi)]
        client.force_login(bo)
        self.keys = {client.session.session_key}
        client.get("/inbox/")
        known = Noticeboard.current()
        self.board = known.epoch, known.revision
        rows = Inbox.objects.filter(pk__in=self.ids).values_list("pk", "revision", "access")
        self.shown = {pk: (revision, access) for pk, revision, access in rows}

    def sweep(self) -> list[Coroutine]:
        asked = [database.changed(self.shown), database.jobs_standing(self.ids, [])]
        return [*asked, database.audiences(self.ids, self.board), database.next_end(self.board)]

    def presence(self) -> list[Coroutine]:
        return [database.renew_presence(self.ids)]

    def look_at_sessions(self) -> list[Coroutine]:
        return [database.sessions_standing(set(self.ids), self.keys)]

    def page_load(self) -> None:
        self.client.get("/inbox/")

    def poll(self) -> None:
        self.client.get("/inbox/changes/")

    def who_is_at_new_sockets(self) -> None:
        database.readers_of(self.keys)

    def jobs_of_a_new_socket(self) -> list[Coroutine]:
        return [database.job_frames({}, {JobPosition(inbox_id=pk, language="en", zone="UTC") for pk in self.ids})]

    def new_socket_that_lacks_nothing(self) -> list[Coroutine]:
        return [self.frames()]

    def frames(self) -> Coroutine:
        at = Position(board=self.board[1], since=0, view="feed:all", bottom=0, language="en", zone="UTC")
        return database.frames({pk: {at} for pk in self.ids}, self.board)

    def flush(self) -> list[Coroutine]:
        return [self.frames()]

    def notify(self) -> None:
        notify(self.bo, title="Lunch is ready")

    def whom_a_broadcast_reached(self) -> list[Coroutine]:
        return [database.reach({Broadcast.objects.get().pk: set(self.ids)})]

    def tick(self) -> None:
        call_command("tick", once=True)


@pytest.fixture
def pages(monkeypatch, client, bo, chi):
    """The hub's questions are asked in this thread, where they can be counted."""

    async def here(question, *arguments):
        return question(*arguments)

    monkeypatch.setattr(database, "ask", here)
    return Pages(client, bo, chi)


def count(work) -> int:
    """The statements, transactions' own aside."""
    with CaptureQueriesContext(connection) as captured:
        for coroutine in work() or []:
            with pytest.raises(StopIteration):  # it waits for nothing
                coroutine.send(None)
    own = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    return sum(not one["sql"].startswith(own) for one in captured.captured_queries)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ASKED)
def test_the_questions_are_as_many_as_is_said(pages, name, monkeypatch):
    monkeypatch.setattr(JobKeeper, "sweep_files", lambda self: None)  # once an hour, by how many there are
    verb = re.sub(r"\W+", "_", name.partition(",")[0]).strip("_")
    if verb == "flush":
        notify(pages.bo, title="Lunch is ready")
    if verb == "whom_a_broadcast_reached":
        broadcast("Maintenance")
    work = getattr(pages, verb)
    if verb == "tick":
        work()  # the first one of the day looks for what is old
    less = 1 if verb == "whom_a_broadcast_reached" else 0  # ours, for which one it is
    assert count(work) - less == int(ASKED[name][2])


def test_as_many_go_together_as_is_said():
    assert f"{CHUNK} readers together" in ASKED["flush"][1]
    assert f"{database.REACHED_AT_ONCE:,} together" in ASKED["whom a broadcast reached"][1]


@pytest.mark.django_db(transaction=True)
def test_a_frame_and_a_message_are_as_large_as_is_said(pages, bo):
    notify(bo, title="Lunch is ready")
    [frame, _] = [frame.html for frames in frames_for(waiting(pages)).values() for frame in frames.values()]
    assert round(len(frame.encode()) / 1000) == 4
    assert "about 4 KB" in page(PAGE)
    [(group, message)] = push.messages_for({1_000_000 + number: 50_000 for number in range(2_500)})
    assert group == groups.HUBS
    assert len(get_channel_layer().serialize(message)) / 2_500 <= 14


def waiting(pages: Pages) -> dict[int, set[Position]]:
    at = Position(board=0, since=0, view="feed:all", bottom=0, may_toast=True, language="en", zone="UTC")
    return {pk: {at} for pk in pages.ids}


# The bus on several Valkeys.


async def test_groups_are_spread_over_several_valkeys_and_every_message_comes(valkey, tmp_path):
    second = ValkeyServer(tmp_path / "second.sock", tmp_path / "second")
    second.start()
    try:
        hosts = [str(settings.VALKEY_SOCKET), str(tmp_path / "second.sock")]
        layer = RedisPubSubChannelLayer(hosts=[{"address": f"unix://{host}"} for host in hosts])
        channel = await layer.new_channel("hub")
        wanted = [groups.inbox(number) for number in range(20)]
        for group in wanted:
            await layer.group_add(group, channel)
        used = [len(server.client.pubsub_channels("asgi__group__inbox.*")) for server in (valkey, second)]
        assert all(used)
        assert sum(used) == len(wanted)
        for group in wanted:
            await layer.group_send(group, {"type": groups.CHANGED, "group": group})
        heard = [(await layer.receive(channel))["group"] for _ in wanted]
        assert sorted(heard) == sorted(wanted)
        await layer.flush()
    finally:
        second.kill()
