"""Event streams with `httpx-sse` and `sseclient-py`, line streams with `httpx` and `requests`."""

import http.client
import json

import httpx
import httpx_sse
import pytest
import requests
import sseclient

from support.gateway import wait_for
from support.proxy import CuttingProxy
from support.traffic import Publisher, Reading

BROKEN = (
    httpx.HTTPError, requests.RequestException, http.client.HTTPException, OSError, json.JSONDecodeError,
    # sseclient-py and httpx hand through what a torn character decodes to.
    UnicodeDecodeError)


def with_httpx_sse(url, topics, position):
    """One connection's objects, with the position after each as the client sees it."""
    headers = {"Last-Event-ID": position} if position else {}
    params = [("topic", topic) for topic in topics] + [("since", "earliest")]
    with httpx.Client(timeout=10) as client:
        with httpx_sse.connect_sse(client, "GET", url, params=params, headers=headers) as source:
            for event in source.iter_sse():
                yield event.event, event.id, event.data


def with_sseclient(url, topics, position):
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": position} if position else {})
    params = [("topic", topic) for topic in topics] + [("since", "earliest")]
    with requests.get(url, params=params, headers=headers, stream=True, timeout=10) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        for event in sseclient.SSEClient(response).events():
            yield event.event, event.id, event.data


def lines_with_httpx(url, topics, position):
    params = [("topic", topic) for topic in topics] + [("since", position or "earliest")]
    with httpx.stream(
        "GET", url, params=params, headers={"Accept": "application/x-ndjson"}, timeout=10) as response:
        assert response.headers["Content-Type"].startswith("application/x-ndjson")
        for line in response.iter_lines():
            yield json.loads(line)


def until_caught_up(lines):
    """What comes up to the end of the backlog. A heartbeat may stand anywhere."""
    seen = []
    for item in lines:
        if item.get("type") != "heartbeat":
            seen.append(item)
        if item.get("type") == "caught_up":
            return seen
    raise AssertionError(f"the stream ended without caught_up: {seen}")


def lines_with_requests(url, topics, position):
    params = [("topic", topic) for topic in topics] + [("since", position or "earliest"), ("transport", "ndjson")]
    with requests.get(url, params=params, stream=True, timeout=10) as response:
        for line in response.iter_lines():
            yield json.loads(line)


@pytest.mark.parametrize("client", [with_httpx_sse, with_sseclient])
@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
def test_an_event_stream_cut_in_mid_stream_resumes(gateway, topics, client, reset):
    reading = Reading()
    position = None
    with CuttingProxy(gateway.port, cut_after=(2_000, 20_000), reset=reset) as proxy:
        with Publisher(gateway, topics, 600) as publisher:
            while publisher.is_running or len(reading.messages) < len(publisher.acknowledged):
                try:
                    for event, id, data in client(proxy.stream, topics, position):
                        position = id or position
                        item = json.loads(data)
                        if event == "heartbeat":
                            assert item == {}
                            if not publisher.is_running and len(reading.messages) == len(publisher.acknowledged):
                                break
                        else:
                            reading.take(item)
                            # What the field and what the object say is the same.
                            assert position == reading.position
                except BROKEN:
                    continue
        assert proxy.cuts > 3
    reading.check(publisher.acknowledged)


@pytest.mark.parametrize("client", [lines_with_httpx, lines_with_requests])
@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
def test_a_line_stream_cut_in_mid_stream_resumes(gateway, topics, client, reset):
    reading = Reading()
    with CuttingProxy(gateway.port, cut_after=(2_000, 20_000), reset=reset) as proxy:
        with Publisher(gateway, topics, 600) as publisher:
            while publisher.is_running or len(reading.messages) < len(publisher.acknowledged):
                try:
                    for item in client(proxy.stream, topics, reading.position):
                        reading.take(item)
                        if item.get("type") == "heartbeat" and not publisher.is_running:
                            break
                except BROKEN:
                    continue
        assert proxy.cuts > 3
    reading.check(publisher.acknowledged)


def test_the_first_event_is_hello_with_a_position_and_a_time_to_come_back(gateway, topic):
    with requests.get(
        gateway.stream, params={"topic": topic}, headers={"Accept": "text/event-stream"}, stream=True, timeout=5
    ) as response:
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-store, no-transform"
        assert response.headers["X-Accel-Buffering"] == "no"
        first = next(iter(sseclient.SSEClient(response).events()))
        assert first.event == "hello" and int(first.retry) == 100
        assert first.id == json.loads(first.data)["id"]


def test_the_payload_alone_is_sent_raw(gateway, topic):
    for n in range(3):
        gateway.publish(topic, {"n": n}, event="counted")
    params = {"topic": topic, "since": "earliest", "format": "raw"}
    with httpx.Client(timeout=5) as client:
        with httpx_sse.connect_sse(client, "GET", gateway.stream, params=params) as source:
            events = []
            for event in source.iter_sse():
                if event.event == "caught_up":
                    break
                events.append((event.event, event.data))
    assert [event for event in events if event[0] != "hello"] == [("counted", '{"n":%d}' % n) for n in range(3)]


def test_a_rewind_is_repeated_after_a_break(gateway, topic):
    """What a rewind sends has no id, so that a client that breaks off asks for the same again."""
    for n in range(10):
        gateway.publish(topic, n)
    params = {"topic": topic, "rewind": "4"}
    for _ in range(2):
        with requests.get(
            gateway.stream, params=params, headers={"Accept": "text/event-stream"}, stream=True, timeout=5
        ) as response:
            got = []
            for event in sseclient.SSEClient(response).events():
                if event.event == "caught_up":
                    assert event.id
                    break
                if event.event == "message":
                    assert not event.id
                    got.append(json.loads(event.data)["data"])
            assert got == [6, 7, 8, 9]


def test_an_expired_history_is_announced_and_what_is_left_follows(gateway, topics):
    topic = "short." + topics[0]
    ids = [gateway.publish(topic, n)["id"] for n in range(20)]
    # The newest messages of all topics are kept whatever their topic's history; these push it on.
    gateway.publish_many(topics[1], 10_000)
    seen = until_caught_up(lines_with_requests(gateway.stream, [topic], ids[1]))
    assert seen[0]["type"] == "hello" and seen[0]["id"] == ids[1]
    gap = seen[1]
    assert (gap["type"], gap["topic"], gap["reason"], gap["after"]) == ("gap", topic, "expired", ids[1])
    assert gap["id"] == ids[14] and gap["seq"] == 15
    assert [item.get("seq", item) for item in seen[2:-1]] == [16, 17, 18, 19, 20]


def test_what_was_deleted_is_announced(gateway, topic):
    ids = [gateway.publish(topic, n)["id"] for n in range(5)]
    assert requests.delete(f"{gateway.url}/v1/topics/{topic}").status_code in (200, 204)
    after = gateway.publish(topic, "after")
    assert after["seq"] == 6
    seen = until_caught_up(lines_with_httpx(gateway.stream, [topic], ids[1]))
    gap = seen[1]
    assert (gap["type"], gap["reason"], gap["after"]) == ("gap", "deleted", ids[1])
    assert [item["id"] for item in seen[2:-1]] == [after["id"]]


def test_a_position_from_one_transport_resumes_on_another(gateway, topics):
    reading = Reading()
    with Publisher(gateway, topics, 200) as publisher:
        turn = 0
        while publisher.is_running or len(reading.messages) < len(publisher.acknowledged):
            turn += 1
            if turn % 2:
                for item in lines_with_httpx(gateway.stream, topics, reading.position):
                    if reading.take(item) == "message" and len(reading.messages) % 17 == 0:
                        break
                    if item.get("type") == "heartbeat":
                        break
            else:
                for event, _, data in with_httpx_sse(gateway.stream, topics, reading.position):
                    if event == "heartbeat":
                        break
                    if reading.take(json.loads(data)) == "message" and len(reading.messages) % 13 == 0:
                        break
    reading.check(publisher.acknowledged)


def test_a_quiet_topic_has_no_false_gap_after_the_others_moved_far(gateway, topics):
    """The position's own message need not be held any more, and other topics' losses are none of this reader's."""
    quiet = topics[0]
    position = gateway.publish("short." + topics[1], "a position that will be expired")["id"]
    gateway.publish_many("short." + topics[1], 20_000)
    sent = gateway.publish(quiet, "here")
    seen = until_caught_up(lines_with_requests(gateway.stream, [quiet], position))
    assert [item.get("type", item["id"]) for item in seen] == ["hello", sent["id"], "caught_up"]


def test_a_reader_that_ends_is_let_go(gateway, topic):
    def listed():
        return [c for c in gateway.connections() if topic in c["subscriptions"]]

    with requests.get(gateway.stream, params={"topic": topic, "transport": "ndjson"}, stream=True, timeout=5) as response:
        lines = response.iter_lines()
        assert json.loads(next(lines))["type"] == "hello"
        wait_for(listed, "the connection to be listed")
        assert listed()[0]["transport"] == "ndjson"
    wait_for(lambda: not listed(), "the connection to be gone")
