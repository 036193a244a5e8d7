"""The short way to a socket: whole text frames, on servers that are known."""

from types import SimpleNamespace

import pytest
from websockets.frames import Opcode
from websockets.protocol import OPEN, Protocol, Side

from notifications.live import wires


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 300_000])
def test_a_browser_reads_what_was_framed(length):
    text = ("é" * length).encode()[:length]
    browser = Protocol(Side.CLIENT, state=OPEN, max_size=None)
    browser.receive_data(wires.framed(text))
    (frame,) = browser.events_received()
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, text)


def test_a_server_that_offers_a_way_is_taken_at_its_word():
    def write(text):
        raise AssertionError("Nothing is written yet.")

    assert wires.short_way({"extensions": {wires.EXTENSION: write}}, None) is write


def test_any_other_server_is_sent_to_as_asgi_has_it():
    async def send(message): ...

    assert wires.short_way({}, send) is None
    assert wires.short_way({"extensions": {"websocket.http.response": {}}}, SimpleNamespace(send=send).send) is None


class WebSocketsSansIOProtocol:
    """As uvicorn's, as far as it is looked at."""

    close_sent = disconnected = False

    def __init__(self, extensions=()):
        self.written = []
        self.conn = SimpleNamespace(extensions=list(extensions))
        self.transport = SimpleNamespace(write=self.written.append, is_closing=lambda: False)

    async def send(self, message): ...


def test_under_uvicorn_the_transport_gets_the_frame():
    protocol = WebSocketsSansIOProtocol()
    wires.short_way({}, protocol.send)(b"Lunch")
    assert protocol.written == [wires.framed(b"Lunch")]


def test_under_uvicorn_nothing_is_written_to_a_socket_that_closes():
    protocol = WebSocketsSansIOProtocol()
    protocol.close_sent = True
    wires.short_way({}, protocol.send)(b"Lunch")
    assert protocol.written == []


def test_where_frames_are_compressed_they_go_by_asgi():
    assert wires.short_way({}, WebSocketsSansIOProtocol(["permessage-deflate"]).send) is None
