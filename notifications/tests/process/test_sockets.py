"""Whatever comes in at the door of a real server: it is refused or cut, costs little, and holds up nobody."""

import http.client
import json
import sys
import time
from contextlib import ExitStack, suppress
from select import select

import psutil
import pytest
from django.conf import settings
from django.test import Client

from config.tests.raw import CLOSE, CONTINUATION, FIN, PING, TEXT, Raw, Socket, frame, handshake
from config.tests.site import eventually
from notifications.delivery import notify
from notifications.live import codes, hub
from notifications.models import Board, Inbox
from notifications.testing.dom import Document
from notifications.tests.browser.conftest import BOARDS, Server

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("sockets")]

MIB = 1024 * 1024
SILENT, HALF_OPEN = 20, 100  # limits of the servers here, as they stand in asgi.py; that of sockets is in serving.py


class Daphne(Server):
    name = "daphne"

    @property
    def rss(self) -> int:
        return psutil.Process(self.process.pid).memory_info().rss

    def metric(self, name: str) -> float:
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        asked.request("GET", "/metrics")
        lines = asked.getresponse().read().decode().splitlines()
        asked.close()
        return float(next((line.split()[-1] for line in lines if line.startswith(f"{name} ")), 0))


class Uvicorn(Daphne):
    name = "uvicorn"

    def command(self) -> list[str]:
        told = ["--ws-per-message-deflate", "false", "--ws-max-size", "4096", "--log-level", "warning"]
        application = "notifications.tests.process.asgi:application"
        return [sys.executable, "-m", "uvicorn", application, "--port", str(self.port), *told]


@pytest.fixture(scope="module")
def servers(django_db_setup, valkey_server, tmp_path_factory):
    told = {"DJANGO_SETTINGS_MODULE": "notifications.tests.process.serving", "FRAMES_PER_SECOND": "0"}
    logs = tmp_path_factory.mktemp("served")
    made = {kind.name: kind(logs / kind.name, **told) for kind in (Daphne, Uvicorn)}
    yield made
    for server in made.values():
        server.kill()


@pytest.fixture
def daphne(servers, transactional_db):
    Board.objects.update_or_create(pk=1, defaults={"epoch": "tests", "revision": next(BOARDS)})
    servers["daphne"].start()
    return servers["daphne"]


@pytest.fixture(params=["daphne", "uvicorn"])
def server(request, servers, transactional_db):
    """Each of the two, for what is the application's own."""
    Board.objects.update_or_create(pk=1, defaults={"epoch": "tests", "revision": next(BOARDS)})
    servers[request.param].start()
    return servers[request.param]


def loaded(user):
    """The cookie and the resume form of a page that has just been loaded."""
    client = Client()
    client.force_login(user)
    page = Document(client.get("/inbox/").content.decode())
    return f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}", page.inputs("#resume")


@pytest.fixture
def good(request, chi):
    """``good(server)`` is Chi's page, which behaves and is served all the while; ``is_served()`` says so."""
    with ExitStack() as opened:

        def open_on(server):
            page = opened.enter_context(Socket(server.port, *loaded(chi)))

            def is_served():
                title = f"At {time.monotonic_ns()}"
                assert notify(chi, title=title)
                page.hears(title.encode())
                return True

            assert is_served()
            return is_served

        yield open_on


# The door.

OWN = "http://127.0.0.1:{port}"
MALFORMED = [400, 403]  # some are refused by the server, before they come to us


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, [101]),
        ({"origin": None}, [403]),
        ({"origin": "null"}, [403]),
        ({"origin": ""}, MALFORMED),
        ({"origin": "http://evil.example"}, [403]),
        ({"origin": "https://127.0.0.1:{port}"}, [403]),
        ({"origin": "http://127.0.0.1:1"}, [403]),
        ({"origin": "http://127.0.0.1"}, [403]),
        ({"origin": "http://["}, MALFORMED),
        ({"origin": "http://127.0.0.1:{port}/\xff"}, MALFORMED),
        ({"origin": f"{OWN}\r\nOrigin: {OWN}"}, MALFORMED),
        ({"origin": f"{OWN}, http://evil.example"}, MALFORMED),
        ({"host": "evil.example", "origin": "http://evil.example"}, [403]),
        ({"path": "/ws/other/"}, [403]),
    ],
)
def test_pages_of_this_site_come_in_and_others_are_refused_without_a_traceback(server, headers, status):
    told = {name: value and value.format(port=server.port) for name, value in headers.items()}
    with Raw(server.port) as stranger:
        stranger.send(handshake(server.port, **told))
        assert stranger.status() in status
    assert "Traceback" not in server.log.read_text()


def test_a_page_without_a_session_is_told_so(server, bo):
    _, form = loaded(bo)
    for cookie in ("", f"{settings.SESSION_COOKIE_NAME}={'x' * 32}"):
        with Socket(server.port, cookie, form) as page:
            page.hears(b"signed out")
            assert page.close_code() == codes.SIGNED_OUT


def test_a_page_of_somebody_else_is_told_so(server, bo, chi):
    with Socket(server.port, loaded(chi)[0], loaded(bo)[1]) as page:
        page.hears(b"Someone else")
        assert page.close_code() == codes.NOT_ALLOWED


ODD = [{"origin": "http://evil.example"}, {"path": "/ws/x"}, {"origin": "\xff"}, {"sec_websocket_protocol": "\xff"}]


def test_a_thousand_refusals_are_counted_and_not_a_thousand_lines(daphne):
    before = daphne.log.read_text().count("\n") if daphne.log.exists() else 0
    for n in range(1_000):
        with Raw(daphne.port) as stranger:
            stranger.send(handshake(daphne.port, **ODD[n % len(ODD)]))
            assert stranger.status() >= 400
    assert daphne.log.read_text().count("\n") - before < 60
    assert daphne.metric('belfry_refused_total{reason="origin"}') >= 250


# What is sent in.


def one_frame_of_5_mib(page):
    page.send(frame(b"x" * 1000, length=5 * MIB) + b"x" * 5 * MIB)


def endless_fragments(page):
    page.send(frame(b"x" * 1000, TEXT))
    for _ in range(5_000):
        page.send(frame(b"x" * 1000, CONTINUATION))


def empty_fragments(page):
    page.send(frame(b"", TEXT))
    for _ in range(100):
        page.send(frame(b"", CONTINUATION) * 1000)


def ten_thousand_frames(page):
    page.send(frame(b"{}") * 10_000)


def pings(page):
    for _ in range(100):
        page.send(frame(b"x" * 125, FIN | PING) * 1000)


def a_compressed_bomb(page):
    page.send(frame(b"x" * 1000, FIN | 0x40 | TEXT))


def nothing_that_ends(page):
    page.send(frame(b"x", length=2_000))


def cut_or_closed(page, act):
    """Whatever it does, the server ends it."""
    try:
        act(page)
    except OSError:
        return True
    return page.close_code() in {0, codes.RUBBISH, 1002, 1009, codes.COME_BACK_LATER}


@pytest.mark.parametrize(
    "act", [one_frame_of_5_mib, endless_fragments, empty_fragments, ten_thousand_frames, pings, a_compressed_bomb]
)
@pytest.mark.parametrize("has_resumed", [False, True])
def test_what_no_browser_sends_is_cut_and_costs_nobody_anything(daphne, bo, good, act, has_resumed):
    is_served = good(daphne)
    cookie, form = loaded(bo)
    before = daphne.rss
    with Socket(daphne.port, cookie, form if has_resumed else None) as page:
        assert cut_or_closed(page, act)
    assert is_served()
    assert daphne.rss - before < 16 * MIB


def test_compression_is_off(daphne):
    with Raw(daphne.port) as page:
        page.send(handshake(daphne.port, sec_websocket_extensions="permessage-deflate"))
        assert b" 101 " in page.stream.readline()
        head = iter(page.stream.readline, b"\r\n")
        assert not [line for line in head if line.lower().startswith(b"sec-websocket-extensions")]


def test_what_comes_before_the_answer_is_not_kept(daphne):
    with Raw(daphne.port) as page:
        assert cut_or_closed(page, lambda page: page.send(handshake(daphne.port) + b"x" * 5 * MIB))


POST = b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
ENDLESS = [  # how a request begins, and how it goes on for ever
    (b"GET /", b"x"),
    (b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
    (b"GET / HTTP/1.1\r\nX: ", b"y"),
    (POST + b"Content-Length: 100000\r\n\r\n", b"x"),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
]


def is_cut(raw, more):
    """Say a little more, and listen for a moment."""
    try:
        raw.send(more)
        return not raw.connection.recv(4096)
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_request_that_never_ends_is_cut_however_often_a_byte_of_it_comes(daphne):
    with ExitStack() as opened:
        slow = {opened.enter_context(Raw(daphne.port)): more for _, more in ENDLESS}
        for raw, (first, _) in zip(slow, ENDLESS, strict=True):
            raw.send(first)
            raw.connection.settimeout(0.02)

        def are_cut():
            for raw in [raw for raw, more in slow.items() if is_cut(raw, more)]:
                del slow[raw]
            return daphne.answers() and not slow

        eventually(are_cut, "all of them are cut", 20)


@pytest.mark.parametrize("head", [b"Content-Length: 5000000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"])
def test_a_body_that_is_too_large_is_refused_and_not_stored(daphne, head):
    with Raw(daphne.port) as large:
        try:
            large.send(POST + head)
            for _ in range(40):
                large.send(b"100000\r\n" + b"x" * MIB + b"\r\n")
        except OSError:
            return
        assert large.status() in {0, 413}


def test_an_ordinary_form_is_answered_on_the_same_connection_as_the_next_one(daphne):
    asked = http.client.HTTPConnection("127.0.0.1", daphne.port, timeout=20)
    for _ in range(3):
        asked.request("POST", "/accounts/login/", body="x=" + "y" * 200_000)
        answer = asked.getresponse()
        assert (answer.status, bool(answer.read())) == (403, True)
    asked.close()


# Who is there.


def test_who_answers_pings_stays_and_who_does_not_is_cut(daphne, bo, chi):
    """As a laptop that was closed: nothing ends its connections."""
    with Socket(daphne.port, *loaded(bo)) as here, Raw(daphne.port) as gone:
        gone.send(handshake(daphne.port, loaded(chi)[0]))
        assert gone.status() == 101
        gone.send(frame(json.dumps(loaded(chi)[1]).encode()))

        def is_cut():
            if select([here.connection], [], [], 0.1)[0]:
                here.receive()
            return daphne.metric("belfry_sockets") == 1

        eventually(lambda: daphne.metric("belfry_sockets") == 2, "both are there")
        eventually(is_cut, "who does not answer is cut", 30)
        notify(bo, title="Still here")
        here.hears(b"Still here")


# How many.


def test_connections_that_say_nothing_give_way_to_those_that_come_later(daphne, good):
    is_served = good(daphne)
    before = daphne.rss
    with ExitStack() as opened:
        silent = [opened.enter_context(Raw(daphne.port)) for _ in range(3 * HALF_OPEN)]
        assert silent[0].receive() == (CLOSE, b"")
        assert is_served()
        assert daphne.rss - before < 16 * MIB
    assert daphne.metric('belfry_refused_total{reason="half-open"}') >= 2 * HALF_OPEN - 10


def test_sockets_that_never_resume_give_way_and_end(server, good):
    is_served = good(server)
    with ExitStack() as opened:
        silent = [opened.enter_context(Socket(server.port)) for _ in range(SILENT + 1)]
        assert silent[0].close_code() == codes.COME_BACK_LATER
        assert is_served()
        assert silent[-1].close_code() == codes.RUBBISH


def test_the_eleventh_socket_of_a_reader_closes_the_oldest(server, bo):
    page = loaded(bo)
    with ExitStack() as opened:
        pages = []
        for _ in range(hub.OUTLETS_PER_USER + 1):
            pages.append(opened.enter_context(Socket(server.port, *page)))
            notify(bo, title=f"To {len(pages)}")
            pages[-1].hears(f"To {len(pages)}".encode())
        assert pages[0].close_code() == codes.TOO_MANY
        notify(bo, title="To ten")
        pages[1].hears(b"To ten")


def test_a_full_server_says_so_before_it_opens_a_socket_and_has_room_again_later(server, good, django_user_model):
    is_served = good(server)
    people = [django_user_model.objects.create_user(f"u{n}") for n in range(4)]
    with ExitStack() as opened:
        for page in [page for page in map(loaded, people) for _ in range(hub.OUTLETS_PER_USER)]:
            asking = opened.enter_context(Raw(server.port))
            asking.send(handshake(server.port, page[0]))
            if asking.status() == 101:
                asking.send(frame(json.dumps(page[1]).encode()))
        with Raw(server.port) as late:
            late.send(handshake(server.port))
            assert late.status() == 503
        assert is_served()

    def has_room():
        with Raw(server.port) as asking:
            asking.send(handshake(server.port))
            return asking.status() == 101

    eventually(has_room, "room again")


# Who does not read.


def make_pile(user, frames):
    """So many frames' worth of news, large ones."""
    for n in range(frames):
        notify(user, title=f"News {n}", body="x" * 3_000)


def lie(page, form):
    """Acknowledge what was never read."""
    with suppress(ConnectionError):  # it is closed by now
        page.say({**form, "receipt": "f" * 16})


@pytest.mark.parametrize("lies", [False, True], ids=["silent", "lies"])
def test_a_page_that_does_not_read_costs_little_holds_up_nobody_and_is_cut(server, bo, good, lies):
    is_served = good(server)
    cookie, form = loaded(bo)
    before = server.rss
    with Socket(server.port, cookie, form, receive_buffer=4096) as deaf:
        for _ in range(10):
            make_pile(bo, 10)
            if lies:
                lie(deaf, {**form, "since": str(Inbox.objects.get(user=bo).revision)})
            assert is_served()
        eventually(lambda: make_pile(bo, 10) or not is_connected(server, deaf), "its connection is gone", 30)
        assert server.rss - before < 16 * MIB
        assert is_served()
    with Socket(server.port, *loaded(bo)) as back:
        notify(bo, title="Back again")
        back.hears(b"Back again")


def is_connected(server, page):
    own = page.connection.getsockname()[1]
    return any(one.raddr and one.raddr.port == own for one in psutil.Process(server.process.pid).net_connections("tcp"))


def test_a_message_of_100_mb_on_the_bus_shows_nothing_and_stops_nothing(daphne, good, valkey_server):
    is_served = good(daphne)
    before = daphne.rss
    valkey_server.client.publish("asgi__group__inboxes", b"\xdb" + (100 * MIB).to_bytes(4, "big") + b"x" * 100 * MIB)
    assert is_served()
    assert daphne.rss - before < 256 * MIB
