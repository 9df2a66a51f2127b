"""HTTP/2: what curl, h2load, httpx and h2 make of it, and what a client that means harm is answered."""

import json
import re
import socket
import struct
import subprocess

import h2.errors
import httpx
import pytest

from support.gateway import wait_for
from support.http2 import HTTP2, PREFACE, frame, head
from support.readers import open_reader
from support.soak import count

CALM = h2.errors.ErrorCodes.ENHANCE_YOUR_CALM
PROTOCOL_ERROR = h2.errors.ErrorCodes.PROTOCOL_ERROR


@pytest.fixture(params=["clear", "tls"])
def any_gateway(request, gateway, secure_gateway):
    return gateway if request.param == "clear" else secure_gateway


def connect(gateway, **options):
    return HTTP2(gateway.host, gateway.port, gateway.authority, **options)


# Clients not written here


def curl(gateway, *arguments):
    trust = ["--cacert", gateway.authority] if gateway.authority else []
    result = subprocess.run(["curl", "-sS", "-m", "20", *trust, *arguments], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("flag, version", [
    ("--http1.0", "1.0"), ("--http1.1", "1.1"), ("--http2", "2"), ("--http2-prior-knowledge", "2")])
def test_curl(any_gateway, topic, flag, version):
    # In clear an upgrade to HTTP/2 is no longer part of it (RFC 9113 section 3.1): it goes on as HTTP/1.1.
    expected = "1.1" if flag == "--http2" and not any_gateway.authority else version
    answer = curl(
        any_gateway, flag, "-w", "%{http_version}", "--json", '{"n":1}', any_gateway.messages_url(topic))
    body, got = re.fullmatch(r"(\{.*\})\s*([\d.]+)", answer, re.S).groups()
    assert json.loads(body)["topic"] == topic
    assert got in (expected, "1.1" if expected == "1.0" else expected)
    polled = curl(any_gateway, flag, f"{any_gateway.stream}?topic={topic}&since=earliest")
    assert [item["data"] for item in json.loads(polled)["items"]] == [{"n": 1}]


def test_h2load(any_gateway, topic, tmp_path):
    """Many publishes on many streams: each is answered, and each is there."""
    body = tmp_path / "body"
    body.write_text('{"n":1}')
    result = subprocess.run(
        ["h2load", "-n", "2000", "-c", "4", "-m", "20", "-d", str(body), "-H", "content-type: application/json",
         any_gateway.messages_url(topic)],
        capture_output=True, text=True, timeout=100)
    assert "2000 succeeded, 0 failed" in result.stdout, result.stdout + result.stderr
    status, _, body = any_gateway.request("GET", f"/v1/topics/{topic}")
    assert status == 200 and json.loads(body)["last_seq"] == 2000


def test_httpx(secure_gateway, topic):
    import ssl

    context = ssl.create_default_context(cafile=secure_gateway.authority)
    with httpx.Client(http2=True, verify=context, trust_env=False) as client:
        answer = client.post(secure_gateway.messages_url(topic), json={"n": 1})
        assert (answer.http_version, answer.status_code) == ("HTTP/2", 201)
        missing = client.get(secure_gateway.url + "/nowhere")
        assert missing.status_code == 404 and missing.json()["type"] == "urn:sluice:error:not-found"
        head = client.head(secure_gateway.url + f"/v1/topics/{topic}")
        assert head.status_code == 200 and head.content == b""


# What HTTP/2 asks for


def test_a_hundred_streams_on_one_connection(any_gateway, topics):
    """Each reads on, in order, and each ends by itself."""
    topic = topics[0]
    with connect(any_gateway) as http:
        streams = [
            http.open("GET", f"/v1/stream?topic={topic}", [("accept", "application/x-ndjson")]) for _ in range(100)]
        http.until(lambda: all(b'"hello"' in stream.body for stream in streams))
        for number in range(50):
            any_gateway.publish(topic, number)
        http.until(lambda: all(stream.body.count(b'"data"') == 50 for stream in streams))
        for stream in streams:
            lines = [json.loads(line) for line in stream.body.splitlines()]
            assert [line["data"] for line in lines if "data" in line] == list(range(50))
        for stream in streams[:50]:
            http.h2.reset_stream(stream.id)
        http.flush()
        any_gateway.publish(topic, "last")
        http.until(lambda: all(b'"last"' in stream.body for stream in streams[50:]))


def test_a_stalled_stream_does_not_delay_the_others(any_gateway, topic):
    """One of a hundred streams opens its window no more: the others are as fast as without it."""
    with connect(any_gateway, credit=set()) as http:
        streams = [
            http.open("GET", f"/v1/stream?topic={topic}", [("accept", "application/x-ndjson")]) for _ in range(100)]
        http.credit = {stream.id for stream in streams[1:]}
        http.until(lambda: all(b'"hello"' in stream.body for stream in streams))
        text = "x" * 1000
        messages = count(gate=140, soak=400)
        for number in range(messages):
            any_gateway.publish(topic, [number, text])
            if number % 20 == 19:
                http.until(lambda: all(stream.body.count(b'"seq"') > number for stream in streams[1:]))
        assert 0 < streams[0].body.count(b'"seq"') < 100, "its window is 64 KiB"
        # It reads on where it was.
        behind = streams[0]
        http.credit = True
        http.h2.increment_flow_control_window(65535, behind.id)
        http.h2.increment_flow_control_window(2 ** 30)
        http.h2.increment_flow_control_window(2 ** 29, behind.id)
        http.flush()
        http.until(lambda: behind.body.count(b'"seq"') == messages)
        lines = [json.loads(line) for line in behind.body.splitlines()]
        assert [line["data"][0] for line in lines if "data" in line] == list(range(messages))


def test_bodies_both_ways(any_gateway, topic):
    """A batch larger than every window, and an answer as large."""
    messages = [{"topic": topic, "data": "y" * 6000} for _ in range(300)]
    with connect(any_gateway) as http:
        answer = http.request(
            "POST", "/v1/publish", [("content-type", "application/json")],
            json.dumps({"messages": messages}).encode())
        assert answer.status == "200", answer.body
        read, since = 0, "earliest"
        while read < 300:
            answer = http.request("GET", f"/v1/topics/{topic}/messages?since={since}")
            page = json.loads(answer.body)
            assert page["items"]
            read, since = read + len(page["items"]), page["next"]
        assert read == 300


def test_a_body_nobody_wants_is_refused_while_it_comes(any_gateway, topic):
    with connect(any_gateway) as http:
        stream = http.open(
            "POST", f"/v1/topics/{topic}/messages", [("content-type", "application/json")], end=False)
        while stream.reset is None:
            room = min(http.h2.local_flow_control_window(stream.id), 16384)
            if room:
                http.h2.send_data(stream.id, b"x" * room)
                http.flush()
            http.read(0 if room else 20)
        assert stream.status == "413", stream.headers
        assert stream.reset == h2.errors.ErrorCodes.NO_ERROR
        assert http.request("GET", "/v1/negotiate").status == "200", "the connection goes on"


def test_what_is_refused_on_a_stream(any_gateway):
    """A bad request costs its stream, not the connection."""
    with connect(any_gateway) as http:
        assert http.request("GET", "/" + "a" * 9000).status == "414"
        assert http.request("GET", "/v1/negotiate", [("x", "y" * 30_000)]).status == "431"
        assert http.request("GET", "/%zz").status == "400"
        assert http.request("BREW", "/v1/stream").status == "405"
        http.until(lambda: http.h2.remote_settings.enable_connect_protocol)
        other = http.open("CONNECT", "/v1/stream", protocol="connect-udp", end=False)
        http.answer(other)
        assert other.status == "400"
        assert http.request("GET", "/v1/negotiate").status == "200"


def test_drain_says_goaway(start, topic):
    """Streams are told when to come back, and no new ones begin on a connection that goes away."""
    gateway = start("drain: { window: 500ms, timeout: 10s }")
    with connect(gateway) as http:
        stream = http.open("GET", f"/v1/stream?topic={topic}", [("accept", "text/event-stream")])
        http.until(lambda: b"hello" in stream.body)
        gateway.request("POST", gateway.admin + "/v1/admin/drain", b"")
        http.until(lambda: http.goaway is not None)
        assert http.goaway.error_code == h2.errors.ErrorCodes.NO_ERROR
        assert http.goaway.last_stream_id == stream.id
        http.until(lambda: stream.ended)
        assert b"event: reconnect" in stream.body
        http.until(lambda: http.closed)
    assert gateway.process.wait(15) == 0


# Abuse. Each limit ends the connection with its code, is counted, and leaves the others alone.


def goaway_code(gateway, data, pieces=1):
    """What the connection ends with when `data` follows the preface."""
    with socket.create_connection((gateway.host, gateway.port), timeout=20) as wire:
        received = b""
        try:
            wire.sendall(PREFACE)
            size = max(1, len(data) // pieces)
            for begin in range(0, len(data), size):
                wire.sendall(data[begin:begin + size])
        except OSError:
            pass
        try:
            while True:
                part = wire.recv(65536)
                if not part:
                    break
                received += part
        except OSError:
            pass
    while received:
        length, kind = int.from_bytes(received[:3], "big"), received[3]
        payload, received = received[9:9 + length], received[9 + length:]
        if kind == 7:
            return int.from_bytes(payload[4:8], "big")
    return None


def reset_flood():
    return b"".join(
        frame(1, 5, number, head()) + frame(3, 0, number, struct.pack(">I", 8)) for number in range(1, 20_001, 2))


def literal(name, value):
    return b"\x40" + bytes([len(name)]) + name + b"\x7f" + _integer(len(value) - 127) + value


def _integer(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def header_bomb():
    """One field of nearly 4 KiB goes into the table, and is named from there sixteen thousand times."""
    block = head() + literal(b"x", b"y" * 3900) + b"\xbe" * 16_000
    first = frame(1, 1, 1, block[:16384])
    return first + frame(9, 4, 1, block[16384:])


FLOODS = {
    "resets": (reset_flood, CALM),
    "continuations": (lambda: frame(1, 1, 1, head()) + b"".join(frame(9, 0, 1, b"") for _ in range(100)), CALM),
    "control_frames-ping": (lambda: frame(6, 0, 0, b"12345678") * 5000, CALM),
    "control_frames-settings": (lambda: frame(4, 0, 0, b"\x00\x04\x00\x00\xff\xff") * 5000, CALM),
    "control_frames-priority": (lambda: frame(2, 0, 3, b"\x00\x00\x00\x00\x01") * 5000, CALM),
    "control_frames-window": (lambda: frame(8, 0, 0, b"\x00\x00\x00\x01") * 5000, CALM),
    "control_frames-unknown": (lambda: frame(0xfa, 0, 0) * 5000, CALM),
    "control_frames-empty": (lambda: frame(1, 4, 1, head(b"/v1/publish").replace(b"GET", b"PUT"))
                             + frame(0, 0, 1) * 5000, CALM),
    "header_list": (header_bomb, CALM),
    "stream_identifier": (lambda: frame(1, 5, 5, head()) + frame(1, 5, 3, head()), PROTOCOL_ERROR),
    "stream_identifier-skipped": (
        lambda: b"".join(frame(1, 5, number, head()) for number in range(1, 4000, 8)), CALM),
    "protocol_error": (lambda: frame(0, 0, 0, b"data on no stream"), PROTOCOL_ERROR),
    "protocol_error-even": (lambda: frame(1, 5, 2, head()), PROTOCOL_ERROR),
}


@pytest.mark.parametrize("pieces", [1, 50])
@pytest.mark.parametrize("name", FLOODS)
def test_floods(gateway, topic, name, pieces):
    make, code = FLOODS[name]
    metric = f'sluice_http2_violations_total{{limit="{name.split("-")[0]}"}}'
    before = gateway.metric(metric)
    reader = open_reader(gateway, "http2", "ndjson", [topic], "earliest")
    assert goaway_code(gateway, make(), pieces) == code
    wait_for(lambda: gateway.metric(metric) == before + 1, metric)
    gateway.publish(topic, "served")
    assert reader.take(1) == ["served"]
    reader.close()


def test_rapid_reset_costs_no_routes(gateway):
    """Requests that are reset before they begin are not begun."""
    before = gateway.metric("sluice_http_requests_total"), gateway.metric("sluice_http2_requests_dropped_total")
    assert goaway_code(gateway, reset_flood()) == CALM
    requests = gateway.metric("sluice_http_requests_total") - before[0]
    dropped = gateway.metric("sluice_http2_requests_dropped_total") - before[1]
    assert dropped >= 400 and requests < 200, (requests, dropped)


def test_too_many_streams(start):
    gateway = start("limits: { http2_streams: 10 }")
    with connect(gateway) as http:
        http.until(lambda: http.h2.remote_settings.max_concurrent_streams == 10)
        streams = [http.open("GET", "/v1/stream?topic=a", [("accept", "text/event-stream")]) for _ in range(10)]
        http.until(lambda: all(stream.headers for stream in streams))
        # The library keeps to what it was told; the wire does not.
        http.h2.remote_settings[3] = 100
        http.h2.remote_settings.acknowledge()
        eleventh = http.open("GET", "/v1/stream?topic=a", [("accept", "text/event-stream")])
        http.answer(eleventh)
        assert eleventh.reset == h2.errors.ErrorCodes.REFUSED_STREAM
        assert gateway.metric("sluice_http2_streams_refused_total") == 1
        assert all(stream.reset is None for stream in streams)


def test_a_stream_that_takes_nothing_is_reset(start, topic):
    """A window that stays shut is a stalled reader: its stream ends, and the connection goes on."""
    gateway = start("limits: { stalled_write_time: 1s }")
    with connect(gateway, credit=set()) as http:
        stalled = http.open("GET", f"/v1/stream?topic={topic}", [("accept", "application/x-ndjson")])
        http.until(lambda: stalled.headers)
        for number in range(100):
            gateway.publish(topic, [number, "x" * 2000])
        http.until(lambda: stalled.reset is not None)
        assert stalled.reset == h2.errors.ErrorCodes.CANCEL
        assert gateway.metric("sluice_http_stalled_total") == 1
        assert http.request("GET", "/v1/negotiate").status == "200"
    wait_for(lambda: gateway.connections() == [], "the subscriber to be gone")


def test_a_slow_head(start):
    """A head that does not come to its end in time ends the connection."""
    gateway = start("limits: { request_head_time: 1s }")
    assert goaway_code(gateway, frame(1, 1, 1, head())) == CALM
    assert gateway.metric("sluice_http_timeouts_total") == 1


def test_a_slow_body(start, topic):
    gateway = start("limits: { request_body_time: 1s }")
    with connect(gateway) as http:
        stream = http.open("POST", f"/v1/topics/{topic}/messages", [("content-type", "application/json")], end=False)
        http.send(stream, b'{"half":')
        http.answer(stream)
        assert stream.status == "408"
        assert http.request("GET", "/v1/negotiate").status == "200"


def test_an_idle_connection_goes(start):
    gateway = start("limits: { idle_time: 1s }")
    with connect(gateway) as http:
        assert http.request("GET", "/v1/negotiate").status == "200"
        http.until(lambda: http.closed)
        assert http.goaway.error_code == h2.errors.ErrorCodes.NO_ERROR


def test_refused_connections_are_told(start):
    """Above the limit a connection is answered in its own protocol, and an event stream so that it comes back."""
    gateway = start("limits: { connections: 1 }")
    with connect(gateway) as first:
        assert first.request("GET", "/v1/negotiate").status == "200"
        with connect(gateway) as second:
            refused = second.request("GET", "/v1/negotiate")
            assert (refused.status, json.loads(refused.body)["type"]) == (
                "503", "urn:sluice:error:too-many-connections")
            second.until(lambda: second.closed)
        with connect(gateway) as third:
            refused = third.request("GET", "/v1/stream?topic=a", [("accept", "text/event-stream")])
            assert refused.status == "200" and b"event: reconnect" in refused.body


def test_a_connection_that_breaks_in_the_middle_of_everything(gateway, topic):
    """Streams end with their connection, whatever they were about."""
    for _ in range(20):
        http = connect(gateway)
        for accept in ["text/event-stream", "application/x-ndjson", "application/json"]:
            http.open("GET", f"/v1/stream?topic={topic}&since=earliest", [("accept", accept)])
        http.open("POST", f"/v1/topics/{topic}/messages", end=False)
        http.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        http.close()
        gateway.publish(topic, "x" * 1000)
    wait_for(
        lambda: not [c for c in gateway.connections() if topic in c["subscriptions"]], "all of them to be gone")
    assert gateway.still_serves()
