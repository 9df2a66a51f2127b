"""The gateway's end: killed and started again, drained under load, stopped at once."""

import json
import re
import signal
import threading
import time

import pytest
import requests
import sseclient
import websockets.exceptions
import websockets.sync.client

from support import raw
from support.gateway import Gateway, wait_for

DRAIN = "drain: { window: 500ms, timeout: 5s }\nheartbeat: { sse: 1s, ndjson: 1s, websocket: 1s }"


def lines(gateway, topic, since=None, transport="ndjson"):
    params = {"topic": topic, "transport": transport} | ({"since": since} if since else {})
    with requests.get(gateway.stream, params=params, stream=True, timeout=10) as response:
        for line in response.iter_lines():
            yield json.loads(line)


def test_after_a_kill_and_a_new_start_every_transport_is_told_of_another_epoch(tmp_path):
    first = Gateway(tmp_path / "first")
    port = first.port
    for n in range(10):
        position = first.publish("orders", n)["id"]
    first.kill()
    # The same address again, as whatever starts it would.
    second = Gateway(tmp_path / "second", listen=f"127.0.0.1:{port}")
    try:
        for n in range(3):
            last = second.publish("orders", f"new {n}")
        seen = []
        for item in lines(second, "orders", position):
            seen.append(item)
            if item.get("type") == "caught_up":
                break
        assert seen[0]["type"] == "hello"
        gap = seen[1]
        assert gap["type"] == "gap" and gap["reason"] == "epoch" and "topic" not in gap and "after" not in gap
        assert [item["data"] for item in seen[2:-1]] == ["new 0", "new 1", "new 2"]

        polled, since = [], position
        while since != last["id"]:
            answer = requests.get(second.stream, params={"topic": "orders", "since": since, "wait": 1}, timeout=5).json()
            polled += answer["items"]
            since = answer["next"]
        assert polled[0]["reason"] == "epoch"
        assert [item.get("data") for item in polled[1:]] == ["new 0", "new 1", "new 2"]

        url = f"ws://127.0.0.1:{port}/v1/stream?topic=orders&since={position}"
        with websockets.sync.client.connect(url) as socket:
            items = [json.loads(socket.recv(timeout=10)) for _ in range(5)]
        reasons = [item.get("reason") for item in items if item.get("type") == "gap"]
        assert reasons == ["epoch"]
        assert [item["data"] for item in items if "type" not in item] == ["new 0", "new 1", "new 2"]

        response = requests.get(
            second.stream, params={"topic": "orders"}, stream=True, timeout=10,
            headers={"Accept": "text/event-stream", "Last-Event-ID": position})
        with response:
            events = []
            for event in sseclient.SSEClient(response).events():
                events.append(event.event)
                if event.event == "caught_up":
                    break
        assert events == ["hello", "gap", "message", "message", "message", "caught_up"]
        assert event.id == last["id"]
    finally:
        second.stop()


@pytest.mark.parametrize("ask", ["SIGTERM", "SIGINT", "admin"])
def test_a_drain_under_load_tells_everyone_when_to_come_back_and_ends_in_time(start, ask):
    gateway = start(DRAIN)
    ended = {"ndjson": [], "sse": [], "websocket": [], "poll": []}
    acknowledged, refused = [], []

    def read_lines():
        try:
            ended["ndjson"].append([item for item in lines(gateway, "load")][-1])
        except (requests.RequestException, OSError) as error:
            ended["ndjson"].append(error)

    def read_events():
        try:
            with requests.get(
                gateway.stream, params={"topic": "load", "transport": "sse"}, stream=True, timeout=10) as response:
                ended["sse"].append([line.decode() for line in response.iter_lines()][-5:])
        except (requests.RequestException, OSError) as error:
            ended["sse"].append(error)

    def read_socket():
        got = []
        try:
            with websockets.sync.client.connect(f"ws://127.0.0.1:{gateway.port}/v1/stream?topic=load") as socket:
                while True:
                    got.append(json.loads(socket.recv(timeout=10)))
        except websockets.exceptions.ConnectionClosed as closed:
            ended["websocket"].append((got[-1], closed.rcvd and closed.rcvd.code))
        except Exception as error:
            ended["websocket"].append(error)

    def poll():
        try:
            since = requests.get(gateway.stream, params={"topic": "never"}, timeout=10).json()["next"]
            answer = requests.get(gateway.stream, params={"topic": "never", "since": since, "wait": 30}, timeout=40)
            ended["poll"].append((answer.status_code, answer.headers.get("Retry-After")))
        except (requests.RequestException, OSError) as error:
            ended["poll"].append(error)

    def publish():
        with requests.Session() as session:
            while True:
                try:
                    answer = session.post(gateway.messages_url("load"), json=len(acknowledged), timeout=10)
                except (requests.RequestException, OSError):
                    return
                (acknowledged if answer.status_code == 201 else refused).append(answer.status_code)

    readers = [threading.Thread(target=job) for job in (read_lines, read_events, read_socket, poll) for _ in range(5)]
    publishers = [threading.Thread(target=publish) for _ in range(3)]
    for thread in readers:
        thread.start()
    wait_for(lambda: len(gateway.connections()) == 20, "all readers to be there")
    for thread in publishers:
        thread.start()
    wait_for(lambda: len(acknowledged) > 50, "load")
    started = time.monotonic()
    if ask == "admin":
        assert gateway.request("POST", gateway.admin + "/v1/admin/drain")[0] == 202
    else:
        gateway.signal(getattr(signal, ask))
    assert gateway.process.wait(10) == 0
    assert time.monotonic() - started < 7
    for thread in readers + publishers:
        thread.join(15)
        assert not thread.is_alive()

    assert [item["type"] for item in ended["ndjson"]] == ["reconnect"] * 5
    assert all(0 < item["after_ms"] < 2_000 for item in ended["ndjson"])
    assert len({item["after_ms"] for item in ended["ndjson"]}) > 1, "everyone comes back at once"
    assert all("event: reconnect" in tail for tail in ended["sse"]), ended["sse"]
    assert [(item["type"], code) for item, code in ended["websocket"]] == [("reconnect", 1012)] * 5 or \
        [(item["type"], code) for item, code in ended["websocket"]] == [("reconnect", 1001)] * 5
    assert all(status == 503 and int(after) >= 1 for status, after in ended["poll"]), ended["poll"]
    assert set(refused) <= {503}
    assert "error" not in gateway.log and "critical" not in gateway.log


def test_a_drain_does_not_wait_for_a_reader_that_takes_nothing(start):
    gateway = start("drain: { window: 100ms, timeout: 1s }")
    with raw.connect(gateway) as connection:
        connection.sendall(b"GET /v1/stream?topic=flood&transport=ndjson HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(gateway.connections, "the reader")
        for _ in range(200):
            gateway.publish("flood", "x" * 50_000)
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert gateway.process.wait(10) == 0
        assert time.monotonic() - started < 4


def test_a_second_signal_ends_it_at_once(start):
    gateway = start("drain: { window: 1m, timeout: 5m }")
    with raw.connect(gateway) as connection:
        connection.sendall(b"GET /v1/stream?topic=flood&transport=ndjson HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(gateway.connections, "the reader")
        # It takes nothing, so that the drain has somebody to wait for.
        for _ in range(200):
            gateway.publish("flood", "x" * 50_000)
        gateway.signal(signal.SIGTERM)
        wait_for(lambda: gateway.request("GET", gateway.admin + "/health/ready")[0] == 503, "the drain")
        assert gateway.request("GET", gateway.admin + "/health/live")[0] == 200
        gateway.signal(signal.SIGTERM)
        # The drain would take minutes.
        assert gateway.process.wait(30) == 128 + signal.SIGTERM


def test_an_address_in_use_is_told_in_words(start, tmp_path):
    gateway = start()
    with pytest.raises(AssertionError, match="ended with 69"):
        Gateway(tmp_path / "late", listen=f"127.0.0.1:{gateway.port}")
    assert "cannot listen on" in (tmp_path / "late" / "gateway.log").read_text()
    assert gateway.still_serves()


@pytest.mark.parametrize("transport", ["sse", "ndjson"])
def test_a_break_right_after_hello_does_not_swallow_the_gap_of_another_epoch(tmp_path, transport):
    gateway = Gateway(tmp_path / "second")
    try:
        gateway.publish("orders", "new")
        since = "otherepoch-1000"
        seen = []
        for _ in range(2):
            with raw.connect(gateway) as connection:
                connection.sendall(
                    f"GET /v1/stream?topic=orders&transport={transport}&since={since} HTTP/1.0\r\n\r\n".encode())
                received = b""
                while b"caught_up" not in received:
                    received += connection.recv(65536)
            objects = [json.loads(text) for text in re.findall(rb'\{"(?:type|id)".*\}', received)]
            seen.append([item.get("type", "message") for item in objects])
            # The connection broke after its first line: hello is all that the client got.
            since = objects[0].get("id") or since
        assert "gap" in seen[0] and "gap" in seen[1], (seen, since)
    finally:
        gateway.stop()
