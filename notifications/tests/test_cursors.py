"""Whatever a page says of where it stands, it gets its own list, or a refusal; no error, and nothing of another's."""

import json
from types import SimpleNamespace

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications.delivery import anotify, notify
from notifications.jobs import start_job
from notifications.live import codes, consumers
from notifications.live.positions import Position
from notifications.testing import LivePage
from notifications.testing.dom import Document

pytestmark = pytest.mark.django_db(transaction=True)

CHANGES = "/inbox/changes/"
TASK = SimpleNamespace(name="tests.count", title="Counting", max_attempts=1, restarts=False)
CURSORS = ["since", "board", "bottom", "epoch"]
OTHERS = ["bell", "bell_at", "tray", "jobs", "jobs_at", "line", "title", "language", "zone", "build", "receipt", "live"]
#: No position: not even one that comes later.
STRANGE = ["", "-1", str(2**63), str(2**70), "9" * 5000, "1.5", "1e3", "٣", "x", "\x00", "1\x00", "null", "[1]", "{}"]
STRANGE += ['{"since": {"since": [1]}}', "0x1", " 1", "1 ", "+1", "\r\n1", "<b>", "@", "@.", "1@", "1@2", "-1@1.1"]
#: What only the socket can carry.
NO_TEXT = [None, 0, -1, 2**63, 1.5, True, [], ["1"], [[[]]], {}, {"a": {"b": [1]}}, "\ud800", "1\udfff"]
QUICK = settings(
    max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def chis(chi):
    """What Chi's own page would say, and what Bo must never read."""
    notify(chi, title="Only Chi's", key="chis", category="security")
    job = start_job(TASK, owner=chi, title="Only Chi's job")
    client = Client()
    client.force_login(chi)
    form = Document(client.get("/inbox/").content.decode()).inputs("#resume")
    return {**form, "view": "item:chis", "jobs": f"job:{job.pk}", "tray": f"{job.pk}:1", "jobs_at": "0"}


@pytest.fixture
def reader(bo, client):
    for n in range(3):
        notify(bo, title=f"Number {n}", key=f"n{n}")
    start_job(TASK, owner=bo, title="Counting for Bo")
    client.force_login(bo)
    return client


def page_of(reader: Client) -> Document:
    return Document(reader.get("/inbox/").content.decode())


@QUICK
@given(st.dictionaries(st.sampled_from(CURSORS), st.sampled_from(STRANGE), min_size=1))
def test_a_strange_position_gets_the_whole_list(reader, chis, strange):
    page = page_of(reader)
    form = page.inputs("#resume") | strange
    page.apply('<hx-partial hx-target="#feed" hx-swap="innerHTML"></hx-partial>')
    page.apply(reader.get(CHANGES, form).content.decode())
    is_only_of_the_board = set(strange) == {"board"}  # the inbox's own position is still right
    assert is_only_of_the_board or page.shown() == page_of(reader).shown()


@QUICK
@given(st.dictionaries(st.sampled_from([*CURSORS, *OTHERS, "view", "inbox"]), st.sampled_from([*STRANGE, "CHI"])))
def test_nothing_that_a_page_says_brings_what_is_anothers(reader, chis, said):
    form = page_of(reader).inputs("#resume")
    form |= {name: chis[name] if value == "CHI" else value for name, value in said.items() if name in chis}
    answer = reader.get(CHANGES, form)
    assert answer.status_code == 200
    assert "Chi's" not in answer.content.decode()


@QUICK
@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_a_position_is_read_from_anything(value):
    names = [*CURSORS, *OTHERS, "view", "inbox"]
    position = Position.from_form(dict.fromkeys(names, value), "epoch")
    assert (position.view, position.list_view, position.item_key) == ("none", "", "")


def test_a_megabyte_is_an_answer_too(reader):
    answer = reader.get(CHANGES, {"view": "feed:all", **dict.fromkeys(CURSORS, "9" * 2**18)})
    assert "Number 2" in answer.content.decode()


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("name", [*CURSORS, "view", "tray", "jobs_at", "line", "title"])
async def test_over_the_socket_strange_values_get_the_list_or_nothing_of_anybodys(bo, chi, name, caplog):
    await anotify(bo, title="Number 0")
    await anotify(chi, title="Only Chi's")
    page = await LivePage(bo).load()
    own = page.document.inputs("#resume") | {"epoch": "of another history"}
    for value in NO_TEXT:
        await page.connect(form={**own, name: value})
        frame = await page.receive()
        assert "Chi's" not in frame
        assert "Number 0" in frame or name == "view"
        await page.cut()
    assert "Traceback" not in caplog.text


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("value", ["", "-1", str(2**63), None, ["1"], {"a": 1}, "CHI"])
async def test_over_the_socket_another_inbox_is_refused(bo, chi, value):
    await anotify(chi, title="Only Chi's")
    page = await LivePage(bo).load()
    chis = (await LivePage(chi).load()).document.inputs("#resume")
    form = chis if value == "CHI" else {**page.document.inputs("#resume"), "inbox": value}
    await page.connect(form=form)
    assert await page.until_closed() == codes.NOT_ALLOWED
    assert "Chi's" not in "".join(page.frames)


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("length", [consumers.LARGEST + 1, 2**20])
async def test_over_the_socket_a_form_that_is_too_long_is_refused(bo, length):
    async with LivePage(bo) as page:
        await page._socket.send_to(text_data=json.dumps({"since": "9" * length}))
        assert await page.until_closed() == codes.RUBBISH


@pytest.mark.usefixtures("live")
async def test_strange_acknowledgements_stop_no_frames(bo, caplog):
    async with LivePage(bo) as page:
        page.acknowledges = False
        own = page.document.inputs("#resume")
        for value in NO_TEXT:
            await page.send_form({**own, "since": value, "receipt": value, "bottom": value, "tray": value})
        await sync_to_async(notify)(bo, title="Still here")
        await page.until(lambda: "Still here" in page.text("#feed"))
    assert "Traceback" not in caplog.text
