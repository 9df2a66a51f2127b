"""The echo against two independent implementations of RFC 6455 and 7692, each with its own strict checks."""

import os
import random

import pytest
import websockets.exceptions
import websockets.extensions.permessage_deflate as deflate
import websockets.sync.client
import wsproto
import wsproto.events
import wsproto.extensions

from support import raw
from support.gateway import wait_for

TEXTS = ["", "a", "κόσμε", "👩‍👩‍👧‍👦", "\u0000\uffff\U0010ffff", "x" * 125, "x" * 126, "ü" * 65_535, "long " * 100_000]
SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20]


def echo_url(gateway):
    return f"ws://127.0.0.1:{gateway.port}/v1/diagnostics/echo"


def connect(gateway, **options):
    return websockets.sync.client.connect(echo_url(gateway), max_size=None, **options)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_texts_and_bytes_come_back_as_they_were(gateway, compression):
    with connect(gateway, compression=compression) as socket:
        for text in TEXTS:
            socket.send(text)
            assert socket.recv(timeout=20) == text
        for size in SIZES:
            data = os.urandom(size)
            socket.send(data)
            assert socket.recv(timeout=20) == data


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_the_largest_message_comes_back(gateway, compression):
    data = bytes(1 << 23) + os.urandom(1 << 23)
    with connect(gateway, compression=compression) as socket:
        socket.send(data)
        assert socket.recv(timeout=60) == data


def test_one_byte_more_is_too_big(gateway):
    with connect(gateway, compression=None) as socket:
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            socket.send(bytes((1 << 24) + 1))
            socket.recv(timeout=20)
        assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("pieces", [1, 2, 7, 1_000])
def test_fragments_come_back_as_one_message(gateway, compression, pieces):
    text = "κόσμε und mehr " * 500
    size = len(text) // pieces + 1
    with connect(gateway, compression=compression) as socket:
        socket.send(text[start:start + size] for start in range(0, len(text), size))
        assert socket.recv(timeout=20) == text
        # Empty fragments, and a control between fragments.
        def parts():
            yield ""
            assert socket.ping() is not None
            yield "a"
            yield ""
        socket.send(parts())
        assert socket.recv(timeout=20) == "a"


@pytest.mark.parametrize("options", [
    {}, {"server_no_context_takeover": True}, {"client_no_context_takeover": True},
    {"client_max_window_bits": True}, {"client_max_window_bits": 9}, {"client_max_window_bits": 15},
    {"server_max_window_bits": 15},
], ids=lambda options: ",".join(options) or "plain")
def test_every_offer_that_can_be_taken_is(gateway, options):
    extension = deflate.ClientPerMessageDeflateFactory(**options)
    with connect(gateway, compression=None, extensions=[extension]) as socket:
        agreed, = socket.protocol.extensions
        # `websockets` calls what the gateway keeps no context of remote, and its own side local.
        assert agreed.remote_no_context_takeover and agreed.local_no_context_takeover
        for text in ("repeat " * 1_000, "repeat " * 1_000, "é", ""):
            socket.send(text)
            assert socket.recv(timeout=20) == text


def test_an_offer_that_cannot_be_taken_is_passed_over_for_the_next(gateway):
    # One header with both: `websockets` itself never sends the same extension twice.
    both = "permessage-deflate; server_max_window_bits=9, permessage-deflate; client_max_window_bits"
    for offer, answer in [
        (both, b"permessage-deflate"), (both.split(",")[0], None), ("permessage-deflate; unknown", None),
        ("x-other, permessage-deflate", b"permessage-deflate"),
    ]:
        with raw.connect(gateway) as connection:
            connection.sendall(
                b"GET /v1/diagnostics/echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                b"Sec-WebSocket-Extensions: " + offer.encode() + b"\r\n\r\n\x88\x80\0\0\0\0")
            received = raw.read_to_end(connection)
        assert raw.responses(received) == [101]
        field = [line for line in received.split(b"\r\n") if line.lower().startswith(b"sec-websocket-extensions")]
        if answer is None:
            assert not field
        else:
            assert answer in field[0] and b"server_max_window_bits" not in field[0]


def test_many_messages_and_pings_at_once_keep_their_order(gateway):
    with connect(gateway) as socket:
        for n in range(500):
            socket.send(f"message {n}")
            if n % 50 == 0:
                socket.ping()
        assert [socket.recv(timeout=20) for _ in range(500)] == [f"message {n}" for n in range(500)]


class Wsproto:
    """`wsproto` over a plain socket, whose bytes are sent in pieces of any size."""

    def __init__(self, gateway, extensions=(), pieces=None):
        self.socket = raw.connect(gateway, timeout=20)
        self.connection = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self.pieces = pieces
        self.events = []
        self.send(wsproto.events.Request(
            host="a", target="/v1/diagnostics/echo", extensions=list(extensions)))
        assert isinstance(self.next(), wsproto.events.AcceptConnection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *events):
        data = b"".join(self.connection.send(event) for event in events)
        size = self.pieces or len(data)
        for start in range(0, len(data), size):
            self.socket.sendall(data[start:start + size])

    def next(self):
        while not self.events:
            data = self.socket.recv(65_536)
            self.connection.receive_data(data or None)
            self.events += self.connection.events()
        return self.events.pop(0)

    def message(self):
        parts = []
        while True:
            event = self.next()
            assert isinstance(event, wsproto.events.Message), event
            parts.append(event.data)
            if event.message_finished:
                return type(parts[0])().join(parts)


@pytest.mark.parametrize("pieces", [None, 1, 3], ids=["whole", "bytes", "threes"])
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "deflate"])
def test_wsproto_gets_back_what_it_sends_however_it_is_cut(gateway, pieces, compressed):
    generator = random.Random(3)
    extensions = [wsproto.extensions.PerMessageDeflate()] if compressed else []
    with Wsproto(gateway, extensions, pieces) as client:
        for n in range(40):
            text = "".join(generator.choices("aé😀 \n", k=generator.randrange(200)))
            cut = generator.randrange(len(text) + 1)
            client.send(
                wsproto.events.TextMessage(data=text[:cut], message_finished=False),
                wsproto.events.Ping(payload=b"%d" % n),
                wsproto.events.TextMessage(data=text[cut:], message_finished=True))
            pong = client.next()
            assert isinstance(pong, wsproto.events.Pong) and pong.payload == b"%d" % n
            assert client.message() == text
            data = os.urandom(generator.randrange(300))
            client.send(wsproto.events.BytesMessage(data=data))
            assert client.message() == data


@pytest.mark.parametrize("code, reason", [
    (1000, ""), (1000, "enough"), (1001, "é" * 61), (1002, ""), (1003, ""), (1007, ""), (1008, ""), (1009, ""),
    (1011, ""), (1012, ""), (1013, ""), (3000, "x"), (3999, ""), (4000, ""), (4999, "x" * 123)])
def test_a_close_is_echoed_and_the_gateway_ends_the_connection(gateway, code, reason):
    with Wsproto(gateway) as client:
        client.send(wsproto.events.CloseConnection(code=code, reason=reason))
        close = client.next()
        assert isinstance(close, wsproto.events.CloseConnection) and close.code == code
        assert client.socket.recv(1) == b""


def test_nothing_is_answered_after_a_close(gateway):
    with Wsproto(gateway) as client:
        close = client.connection.send(wsproto.events.CloseConnection(code=1000))
        client.socket.sendall(close + b"\x81\x81\0\0\0\0x" * 10)
        assert isinstance(client.next(), wsproto.events.CloseConnection)
        assert client.socket.recv(1) == b""


def test_a_peer_that_answers_no_ping_is_closed(start):
    gateway = start("heartbeat: { websocket: 500ms }\nlimits: { pong_time: 500ms }")
    with raw.connect(gateway) as silent:
        silent.sendall(
            b"GET /v1/stream HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        received = raw.read_to_end(silent)
        assert b"\x89" in received and b'"heartbeat"' in received
    wait_for(lambda: not gateway.connections(), "the connection to be gone")


@pytest.mark.parametrize("change, status", [
    (("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8"), 426),
    (("Sec-WebSocket-Version: 13\r\n", ""), 400), (("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400),
    (("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400),
    (("\r\n\r\n", "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"), 400),
])
def test_a_handshake_that_is_none_is_refused(gateway, change, status):
    request = (
        "GET /v1/diagnostics/echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").replace(*change)
    received = raw.exchange(gateway, request.encode())
    assert raw.responses(received)[0] in ({status, 426} if "Version" in change[0] else {status}), received
    if status == 426:
        assert b"sec-websocket-version: 13" in received.lower()
