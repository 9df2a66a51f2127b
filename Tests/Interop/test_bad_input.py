"""Broken, oversized, truncated and dishonest input against the real binary: each gets its answer, and nothing leaks."""

import json
import os
import random
import socket
import struct

import pytest

from support import raw
from support.gateway import wait_for

POST = b"POST /v1/topics/%s/messages HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
# What a smuggler hides behind the first request: it must never be served.
SMUGGLED = b"POST /v1/topics/smuggled/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1"

SHAPES = {
    "both lengths": (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "both lengths, turned": (b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n", 400),
    "two equal lengths": (b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
    "a list of lengths": (b"Content-Length: 0, 5\r\n\r\n", 400),
    "a length with a sign": (b"Content-Length: +0\r\n\r\n", 400),
    "a length in hexadecimal": (b"Content-Length: 0x0\r\n\r\n", 400),
    "a negative length": (b"Content-Length: -1\r\n\r\n", 400),
    "a length beyond all numbers": (b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "an unknown coding": (b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "a coding nobody undoes": (b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "identity": (b"Transfer-Encoding: identity\r\n\r\n", 400),
    "chunked twice": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked, then identity": (b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    "a coding behind a tab": (b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "a space before the colon": (b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    "a folded coding": (b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    "a folded field": (b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n", 400),
    "a bare CR in a field": (b"X: a\rContent-Length: 5\r\n\r\n", 400),
    "bare LFs": (b"X: a\nContent-Length: 0\n\n", 400),
    "a zero byte": (b"X: a\0b\r\nContent-Length: 0\r\n\r\n", 400),
    "a field without a colon": (b"Content-Length 0\r\n\r\n", 400),
    "a field without a name": (b": x\r\n\r\n", 400),
    "a second host": (b"Host: b\r\nContent-Length: 0\r\n\r\n", 400),
    "a chunk size with a sign": (b"Transfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n", 400),
    "a chunk size with a prefix": (b"Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n", 400),
    "an empty chunk size": (b"Transfer-Encoding: chunked\r\n\r\n\r\nx\r\n0\r\n\r\n", 400),
    "a chunk size too long": (b"Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n", 400),
    "a chunk longer than it says": (b"Transfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n", 400),
    "a chunk line with a bare LF": (b"Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", 400),
    "a chunk that ends in LF": (b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\n0\r\n\r\n", 400),
    "a folded trailer": (b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: a\r\n b\r\n\r\n", 400),
}


@pytest.mark.parametrize("pieces", [None, 1], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_two_readers_could_read_differently_is_refused_and_closed(gateway, topic, shape, pieces):
    rest, status = SHAPES[shape]
    received = raw.exchange(gateway, POST % topic.encode() + rest + SMUGGLED, pieces)
    assert raw.responses(received) == [status], received
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    problem = json.loads(body)
    assert problem["status"] == status and problem["detail"]
    assert gateway.request("GET", "/v1/topics/smuggled")[0] == 404, "a smuggled request was served"
    assert gateway.request("GET", f"/v1/topics/{topic}")[0] == 404, "half a request was published"


REQUESTS = {
    "garbage": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "words": (b"hello gateway\r\n\r\n", 400),
    "HTTP/2's preface with another version": (b"PRI * HTTP/2.1\r\n\r\n", 505),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "a long target": (b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "a long field": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
    "many fields": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 2_000 + b"\r\n", 431),
    "a tunnel": (b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", 400),
    "an odd wish": (b"POST / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\nContent-Length: 1\r\n\r\nx", 417),
    "a body that is too long": (b"POST /v1/topics/a/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_that_is_none_is_answered_and_closed(gateway, name):
    data, status = REQUESTS[name]
    received = raw.exchange(gateway, data)
    assert raw.responses(received) == [status], received
    assert gateway.still_serves()


@pytest.mark.parametrize("data", [
    b"", b"G", b"GET / HTTP/1.1\r\nHost:", POST % b"cut.off" + b"Content-Length: 10\r\n\r\nhalf",
    POST % b"cut.off" + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", POST % b"cut.off" + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
])
@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
def test_a_request_cut_off_is_forgotten_and_publishes_nothing(gateway, data, reset):
    with raw.connect(gateway) as connection:
        connection.sendall(data)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            connection.shutdown(socket.SHUT_WR)
            raw.read_to_end(connection)
    assert gateway.still_serves()
    assert gateway.request("GET", "/v1/topics/cut.off")[0] == 404


def test_a_client_that_sends_its_request_too_slowly_is_told_and_closed(start):
    gateway = start("limits: { request_head_time: 500ms, request_body_time: 500ms, idle_time: 1s }")
    with raw.connect(gateway) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        assert raw.responses(raw.read_to_end(connection)) == [408]
    with raw.connect(gateway) as connection:
        connection.sendall(POST % b"slow" + b"Content-Length: 10\r\n\r\nhalf")
        assert raw.responses(raw.read_to_end(connection)) == [408]
    with raw.connect(gateway) as connection:
        assert raw.read_to_end(connection) == b""


def test_at_the_limit_new_connections_are_refused_and_old_ones_are_served(start):
    gateway = start("limits: { connections: 5 }\nheartbeat: { ndjson: 1s }")
    readers = []
    for _ in range(5):
        connection = raw.connect(gateway)
        connection.sendall(b"GET /v1/stream?topic=a&transport=ndjson HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"hello" in read_until(connection, b"hello")
        readers.append(connection)
    with raw.connect(gateway) as refused:
        refused.sendall(b"GET /v1/negotiate HTTP/1.1\r\nHost: a\r\n\r\n")
        received = raw.read_to_end(refused)
        assert raw.responses(received) == [503] and b"retry-after:" in received.lower()
    for connection in readers:
        assert read_until(connection, b"heartbeat")
        connection.close()
    wait_for(gateway.still_serves, "room for a new connection")


def read_until(connection, what):
    received = b""
    while what not in received:
        data = connection.recv(65536)
        assert data, f"the connection ended after {received}"
        received += data
    return received


def handshake(gateway, path=b"/v1/stream"):
    connection = raw.connect(gateway)
    connection.sendall(
        b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    received = read_until(connection, b"\r\n\r\n")
    assert raw.responses(received) == [101] and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in received
    return connection


def masked(first, payload, length=None):
    length = len(payload) if length is None else length
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + struct.pack(">H", length)
    return bytes([first]) + size + b"\0\0\0\0" + payload


FRAMES = {
    "unmasked": (b"\x81\x01x", 1002), "a reserved bit": (masked(0xA1, b"x"), 1002),
    "RSV1 without compression": (masked(0xC1, b"x"), 1002), "a reserved opcode": (masked(0x83, b"x"), 1002),
    "a reserved control": (masked(0x8B, b""), 1002), "a fragmented ping": (masked(0x09, b"x"), 1002),
    "a long ping": (masked(0x89, b"x" * 126), 1002), "a continuation of nothing": (masked(0x80, b"x"), 1002),
    "a message in a message": (masked(0x01, b"x") + masked(0x81, b"y"), 1002),
    "no UTF-8": (masked(0x81, b"\xff"), 1007), "a surrogate": (masked(0x81, b"\xed\xa0\x80"), 1007),
    "half a character": (masked(0x81, b"\xce"), 1007), "close with one byte": (masked(0x88, b"\x03"), 1002),
    "close with 1005": (masked(0x88, b"\x03\xed"), 1002), "close with 1006": (masked(0x88, b"\x03\xee"), 1002),
    "close with 999": (masked(0x88, b"\x03\xe7"), 1002), "close with 5000": (masked(0x88, b"\x13\x88"), 1002),
    "close with no UTF-8": (masked(0x88, b"\x03\xe8\xff"), 1007),
    "a length not in its shortest form": (b"\x81\xfe\x00\x01\0\0\0\0x", 1002),
    "a length beyond all numbers": (b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1002),
    "a length beyond the limit": (b"\x81\xff" + struct.pack(">Q", 1 << 40) + b"\0\0\0\0", 1009),
    "a normal close": (masked(0x88, b"\x03\xe8"), 1000), "a close without a code": (masked(0x88, b""), None),
}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("path", [b"/v1/stream?topic=never", b"/v1/diagnostics/echo"], ids=["stream", "echo"])
def test_a_frame_that_breaks_a_rule_is_closed_with_its_code(gateway, name, path):
    frames, code = FRAMES[name]
    with handshake(gateway, path) as connection:
        connection.sendall(frames)
        received = raw.read_to_end(connection)
    # The last frame is a close: what comes before it is hello and what was subscribed.
    close = received[received.rindex(b"\x88"):]
    assert (struct.unpack(">H", close[2:4])[0] if close[1] else None) == code, close
    assert gateway.still_serves()


def test_two_thousand_broken_connections_leave_nothing_behind(start):
    gateway = start("limits: { request_head_time: 2s }")
    generator = random.Random(11)
    broken = [data for data, _ in REQUESTS.values() if len(data) < 11_000]
    broken += [POST % b"x" + rest for rest, _ in SHAPES.values()]

    def abuse(count):
        for n in range(count):
            match n % 4:
                case 0:
                    raw.exchange(gateway, generator.choice(broken))
                case 1:
                    data = generator.choice(broken)
                    with raw.connect(gateway) as connection:
                        connection.sendall(data[:generator.randrange(len(data))])
                case 2:
                    with raw.connect(gateway) as connection:
                        connection.sendall(os.urandom(generator.randrange(1, 300)))
                case _:
                    with handshake(gateway, b"/v1/stream?topic=x") as connection:
                        connection.sendall(generator.choice(list(FRAMES.values()))[0])
        wait_for(lambda: gateway.metric("sluice_http_connections") == 0, "all connections to be gone")

    abuse(400)  # what it keeps for good, it has by now
    descriptors, memory = gateway.metric("process_open_fds"), gateway.metric("process_resident_memory_bytes")
    abuse(2_000)
    assert gateway.still_serves()
    wait_for(lambda: gateway.metric("process_open_fds") <= descriptors + 2, "descriptors to be given back")
    assert gateway.metric("process_resident_memory_bytes") - memory < 16 << 20
    assert gateway.metric("sluice_connections{transport=\"websocket\"}") == 0
    assert gateway.metric("sluice_subscriptions") == 0
    assert "error" not in gateway.log and "critical" not in gateway.log


def test_a_reader_that_takes_nothing_is_closed_and_costs_no_memory(start):
    gateway = start("limits: { stalled_write_time: 2s }\nhistory: { messages: 100, bytes: 4MiB }")
    with raw.connect(gateway) as connection:
        connection.sendall(b"GET /v1/stream?topic=flood&transport=ndjson HTTP/1.1\r\nHost: a\r\n\r\n")
        read_until(connection, b"hello")
        text = json.dumps("x" * 30_000).encode()
        for _ in range(300):
            gateway.request("POST", gateway.messages_url("flood"), text, {"Content-Type": "application/json"})
        before = gateway.metric("process_resident_memory_bytes")
        for _ in range(700):
            gateway.request("POST", gateway.messages_url("flood"), text, {"Content-Type": "application/json"})
        assert gateway.metric("process_resident_memory_bytes") - before < 24 << 20
        wait_for(lambda: gateway.metric("sluice_http_connections") == 0, "the reader to be closed", 20)
    assert gateway.metric("sluice_http_stalled_total") == 1
    assert gateway.still_serves()
