"""The socket's door: who may come in, what they may say, and when they must leave."""

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import connection

from notifications.delivery import anotify
from notifications.live import codes, consumers, database, hub, outlet, push, refusals
from notifications.live.routing import application
from notifications.models import Inbox
from notifications.testing import LivePage

from .calm import has_nothing_to_come

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("live")]

User = get_user_model()


async def knock(page, **replaced):
    """Shake hands with these headers in place of the page's own; None leaves one out, a list doubles it."""
    headers = {name.decode(): value for name, value in page.headers()} | replaced
    pairs = [
        (name.encode(), value if isinstance(value, bytes) else value.encode())
        for name, values in headers.items()
        for value in (values if isinstance(values, list) else [values])
        if value is not None
    ]
    socket = WebsocketCommunicator(application, "/ws/live/", headers=pairs)
    accepted, _ = await socket.connect(timeout=15)
    if accepted:
        await socket.disconnect()
    return accepted


async def has_joined(user, *pages):
    """Wait until the hub serves these pages."""
    await anotify(user, title="Joined")
    for page in pages:
        await page.until(lambda page=page: "Joined" in page.text("#feed"))


async def test_the_sites_own_pages_come_in(bo):
    assert await knock(await LivePage(bo).load())


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "http://evil.example",
        "http://localhost:8000",
        "https://localhost",
        "http://localhost.evil.example",
        "http://localhost@evil.example",
        "http://user@localhost",
        "http://[",
        "http://localhost:99999",
        "http://localhost/path",
        "ftp://localhost",
        ["http://localhost", "http://localhost"],
    ],
)
async def test_pages_of_elsewhere_and_rubbish_stay_out_without_a_traceback(bo, origin, caplog):
    assert not await knock(await LivePage(bo).load(), origin=origin)
    assert "Traceback" not in caplog.text


async def test_a_host_that_is_not_ours_stays_out(bo):
    assert not await knock(await LivePage(bo).load(), host="evil.example", origin="http://evil.example")


async def test_an_origin_that_is_trusted_by_name_comes_in(bo, settings):
    settings.LIVE_ORIGINS = ["https://app.example.com"]
    page = await LivePage(bo).load()
    assert await knock(page, origin="https://app.example.com")
    assert not await knock(page, origin="https://app.example.com:444")


async def signed_out(page, cookie):
    """What a page hears whose socket carries this cookie."""
    headers = [(name, cookie if name == b"cookie" else value) for name, value in page.headers()]
    await page.connect(headers=headers)
    code = await page.until_closed()
    return code, "".join(page.frames)


@pytest.mark.parametrize("cookie", [b"", b"belfry_session=", b"belfry_session=nonsense", b'a="', b"\xff\xfe=1"])
async def test_without_a_valid_session_the_page_is_told_that_it_is_signed_out(bo, cookie):
    code, said = await signed_out(await LivePage(bo).load(), cookie)
    assert code == codes.SIGNED_OUT
    assert "You are signed out." in said
    assert "notification-" not in said


async def test_odd_cookies_of_others_beside_its_own_do_no_harm(bo):
    page = await LivePage(bo).load()
    own = dict(page.headers())[b"cookie"]
    page.headers = lambda: [(b"host", b"testserver"), (b"origin", b"http://testserver"), (b"cookie", odd)]
    odd = b'theme={"dark": [1]}; flag; x y=1; ' + own + b'; last="'
    async with page:
        await anotify(bo, title="Let in")
        await page.until(lambda: "Let in" in page.text("#feed"))


async def test_a_session_that_has_expired_is_none(bo):
    page = await LivePage(bo).load()
    await Session.objects.aupdate(expire_date="2020-01-01T00:00:00Z")
    await page.connect()
    assert await page.until_closed() == codes.SIGNED_OUT


async def test_a_page_of_somebody_else_is_told_so(bo, chi):
    """Chi signs in where Bo's page is still open."""
    await anotify(chi, title="For Chi only")
    page = await LivePage(bo).load()
    chis = await LivePage(chi).load()
    await page.connect(headers=chis.headers())
    assert await page.until_closed() == codes.NOT_ALLOWED
    assert "Someone else signed in" in "".join(page.frames)
    assert "For Chi only" not in "".join(page.frames)


@pytest.mark.parametrize(
    "text", ["hello", "[]", "17", "null", '"x"', "[" * 2000, '{"since": "' + "9" * 5000 + '"}', "{"]
)
async def test_rubbish_closes_with_1008_and_without_a_traceback(bo, text, caplog):
    async with LivePage(bo) as page:
        await page._socket.send_to(text_data=text)
        assert await page.until_closed() == codes.RUBBISH
    assert "Traceback" not in caplog.text


async def test_bytes_are_rubbish(bo):
    async with LivePage(bo) as page:
        await page._socket.send_to(bytes_data=b"\x00\x01")
        assert await page.until_closed() == codes.RUBBISH


async def test_odd_values_in_the_form_are_no_error(bo):
    await anotify(bo, title="Here")
    page = await LivePage(bo).load()
    own = page.document.inputs("#resume")
    odd = {name: [1, {"a": None}] for name in own}
    await page.connect(form=odd | {"inbox": own["inbox"], "build": own["build"]})
    assert "badge" in await page.receive()
    await page.cut()


async def test_a_title_of_half_characters_stops_nobodys_frames(bo, chi):
    page = await LivePage(bo).load()
    await page.connect(form=page.document.inputs("#resume") | {"title": "\ud800\x00", "since": "0"})
    async with LivePage(chi) as other:
        await anotify(bo, title="To Bo")
        await anotify(chi, title="To Chi")
        await other.until(lambda: "To Chi" in other.text("#feed"))
        await page.until(lambda: "To Bo" in page.text("#feed"))
    await page.cut()


async def test_a_flood_closes_with_1008(bo):
    async with LivePage(bo) as page:
        for _ in range(consumers.MESSAGES[0] + 5):
            await page.send_form()
        assert await page.until_closed() == codes.RUBBISH
        async with LivePage(bo) as other:
            await has_joined(bo, other)
        assert page._socket.output_queue.empty()


async def test_nothing_is_sent_before_the_page_has_said_where_it_stands_and_one_that_never_does_is_closed(
    bo, monkeypatch
):
    monkeypatch.setattr(consumers, "RESUME_SECONDS", 0.2)
    page = await LivePage(bo).load()
    socket = WebsocketCommunicator(application, "/ws/live/", headers=page.headers())
    await socket.connect(timeout=15)
    await anotify(bo, title="Not for you yet")
    assert await socket.receive_output(15) == {"type": "websocket.close", "code": codes.RUBBISH}


async def test_signing_out_closes_that_sessions_sockets_and_says_so(bo):
    async with LivePage(bo) as page, LivePage(bo) as elsewhere:
        await has_joined(bo, page, elsewhere)
        await page.client.post("/accounts/logout/")
        assert await page.until_closed() == codes.SIGNED_OUT
        assert "You are signed out." in page.frames[-1]
        await anotify(bo, title="Only elsewhere")
        await elsewhere.until(lambda: "Only elsewhere" in elsewhere.text("#feed"))


async def test_signing_out_while_the_bus_is_dead_is_found_by_the_sweep(bo, valkey):
    async with LivePage(bo) as page:
        await has_nothing_to_come(bo, page)
        await sync_to_async(valkey.kill)()
        await page.client.post("/accounts/logout/")
        assert await page.until_closed() == codes.COME_BACK
        await page.connect()
        assert await page.until_closed() == codes.SIGNED_OUT


async def test_a_new_password_renews_the_own_session_and_ends_the_others(bo):
    async with LivePage(bo) as page, LivePage(bo) as stolen:
        await has_joined(bo, page, stolen)
        await sync_to_async(bo.refresh_from_db)()
        words = {"old_password": "belfry-demo", "new_password1": "new bells ring", "new_password2": "new bells ring"}
        await page.client.post("/accounts/password/", words)
        assert await page.until_closed() == codes.COME_BACK
        assert await stolen.until_closed() == codes.COME_BACK
        await page.connect()
        await anotify(bo, title="Welcome back")
        await page.until(lambda: "Welcome back" in page.text("#feed"))
        await stolen.connect()
        assert await stolen.until_closed() == codes.SIGNED_OUT


async def test_a_deactivated_account_has_no_sockets(bo):
    async with LivePage(bo) as page:
        await has_joined(bo, page)
        bo.is_active = False
        await bo.asave()
        assert await page.until_closed() == codes.COME_BACK
        await page.connect()
        assert await page.until_closed() == codes.SIGNED_OUT


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM django_session",
        "UPDATE django_session SET expire_date = '2020-01-01'",
        "UPDATE accounts_user SET is_active = '0'",
        "UPDATE accounts_user SET password = 'another'",
    ],
)
async def test_what_is_changed_behind_our_back_is_found_by_the_check_of_every_minute(bo, statement):
    async with LivePage(bo) as page:
        await has_joined(bo, page)
        await sync_to_async(execute)(statement)
        await hub.current().sessions.check(hub.current().all_outlets())
        assert await page.until_closed() == codes.COME_BACK


def execute(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


async def sign_out(page):
    await page.client.post("/accounts/logout/")


async def change_password(page):
    await sync_to_async(page.user.set_password)("new bells ring")
    await page.user.asave()


async def deactivate(page):
    page.user.is_active = False
    await page.user.asave()


async def delete_session(page):
    await Session.objects.all().adelete()


@pytest.mark.parametrize("end", [sign_out, change_password, deactivate, delete_session])
async def test_nothing_that_is_committed_after_a_sessions_end_reaches_its_socket(bo, end, monkeypatch):
    """Though the nudge about the session is lost, and the one about the inbox is not."""
    async with LivePage(bo) as page:
        await has_joined(bo, page)
        monkeypatch.setattr(push, "nudge_sessions", lambda *said: None)
        as_he_was = await User.objects.aget(pk=bo.pk)
        await end(page)
        assert await anotify(as_he_was, title="After the end")
        assert await page.until_closed() == codes.COME_BACK
        assert "After the end" not in "".join(page.frames)


async def test_a_deleted_account_has_no_sockets_and_hears_of_no_broadcast(bo, draft):
    async with LivePage(bo) as page:
        await has_joined(bo, page)
        await bo.adelete()
        await sync_to_async(draft.publish)()
        assert await page.until_closed() == codes.COME_BACK
        assert "Soup." not in "".join(page.frames)


async def test_a_session_that_has_expired_is_tidied_away_without_a_look_at_sockets(bo):
    async with LivePage(bo) as page:
        await has_joined(bo, page)
        access = (await Inbox.objects.aget(user=bo)).access
        await Session.objects.aupdate(expire_date="2020-01-01T00:00:00Z")
        await Session.objects.all().adelete()
        assert (await Inbox.objects.aget(user=bo)).access == access


async def test_the_eleventh_socket_of_a_user_closes_the_oldest(bo):
    pages = [await LivePage(bo).load() for _ in range(hub.OUTLETS_PER_USER + 1)]
    for number, page in enumerate(pages):
        await page.connect()
        await anotify(bo, title=f"Number {number}")
        await page.until(lambda page=page, number=number: f"Number {number}" in page.text("#feed"))
    assert await pages[0].until_closed() == codes.TOO_MANY
    await anotify(bo, title="To ten")
    for page in pages[1:]:
        await page.until(lambda page=page: "To ten" in page.text("#feed"))
        await page.cut()


async def test_a_socket_is_renewed_after_its_time(bo, monkeypatch):
    monkeypatch.setattr(outlet, "LIFETIME", (0, 0))
    async with LivePage(bo) as page:
        assert await page.until_closed() == codes.COME_BACK


async def test_a_page_of_an_older_build_is_offered_the_newer_one(bo):
    page = await LivePage(bo).load()
    await page.connect(form=page.document.inputs("#resume") | {"build": "older"})
    await page.receive()
    assert "A newer version is ready." in page.text("#alerts")
    await page.cut()


async def test_a_draining_server_sends_its_pages_away_to_come_back(bo):
    async with LivePage(bo) as page:
        await has_joined(bo, page)
        await hub.drain()
        assert await page.until_closed() == codes.COME_BACK


async def test_a_database_that_does_not_answer_sends_the_page_away_to_come_back_later(bo, monkeypatch, caplog):
    def down(session_keys):
        raise database.DatabaseError("gone")

    monkeypatch.setattr(database, "readers_of", down)
    page = await LivePage(bo).load()
    await page.connect()
    assert await page.until_closed() == codes.COME_BACK_LATER
    assert "Traceback" not in caplog.text


@pytest.fixture
def unsaid(monkeypatch):
    """Nothing was refused in the last minute."""
    monkeypatch.setattr(refusals, "_said_at", {})


async def test_refusals_are_one_line_for_each_reason_and_all_are_counted(bo, caplog, unsaid):
    page = await LivePage(bo).load()
    counted = refusals.metrics.REFUSED.labels("origin")._value.get()
    for _ in range(5):
        assert not await knock(page, origin="http://evil.example")
    assert caplog.text.count("A connection was refused: origin ('http://evil.example')") == 1
    assert refusals.metrics.REFUSED.labels("origin")._value.get() == counted + 5


async def test_a_full_server_refuses_and_has_room_again_when_somebody_leaves(bo, settings):
    settings.MAX_SOCKETS = 1
    page = await LivePage(bo).load()
    async with LivePage(bo) as first:
        await has_joined(bo, first)
        assert not await knock(page)
    assert await knock(page)


async def test_of_those_that_say_nothing_the_oldest_gives_way(bo, monkeypatch):
    monkeypatch.setattr(hub, "WAITING_LIMIT", 1)
    page = await LivePage(bo).load()
    silent = [WebsocketCommunicator(application, "/ws/live/", headers=page.headers()) for _ in range(2)]
    for socket in silent:
        await socket.connect(timeout=15)
    assert await silent[0].receive_output(15) == {"type": "websocket.close", "code": codes.COME_BACK_LATER}
    await silent[1].send_json_to(page.document.inputs("#resume"))
    await anotify(bo, title="To who speaks")
    assert "To who speaks" in (await silent[1].receive_output(15))["text"]
    await silent[1].disconnect()
