"""Python's `websockets`, over threads and over asyncio, with and without compression."""

import asyncio
import json
import time

import pytest
import websockets.asyncio.client
import websockets.exceptions
import websockets.sync.client

from support.gateway import wait_for
from support.proxy import CuttingProxy
from support.traffic import Publisher, Reading

COMPRESSION = pytest.mark.parametrize("compression", [None, "deflate"])


def connect(gateway, topics=(), since=None, compression=None, port=None, **options):
    query = [f"topic={topic}" for topic in topics] + ([f"since={since}"] if since else [])
    url = f"ws://127.0.0.1:{port or gateway.port}/v1/stream" + ("?" + "&".join(query) if query else "")
    return websockets.sync.client.connect(
        url, compression=compression, subprotocols=["sluice.v1.json"], max_size=None, **options)


def receive(socket, timeout=10):
    text = socket.recv(timeout=timeout)
    assert isinstance(text, str)
    return json.loads(text)


def receive_type(socket, wanted, reading=None):
    """The next control of that type; what comes before it goes into `reading`."""
    while True:
        item = receive(socket)
        if reading is not None:
            reading.take(item)
        if item.get("type") == wanted:
            return item


@COMPRESSION
def test_what_is_published_arrives_as_it_was_committed(gateway, topic, compression):
    with connect(gateway, [topic], compression=compression) as socket:
        assert socket.subprotocol == "sluice.v1.json"
        assert bool(socket.protocol.extensions) == (compression is not None)
        hello = receive(socket)
        assert hello["type"] == "hello" and hello["id"] and hello["session"]
        sent = gateway.publish(topic, {"text": "größe " * 100}, event="created")
        while "type" in (message := receive(socket)):
            pass
        assert message["id"] == sent["id"] and message["seq"] == 1 and message["event"] == "created"
        assert message["data"] == {"text": "größe " * 100}
        assert abs(message["time"] / 1000 - time.time()) < 60


@COMPRESSION
@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
def test_cut_in_mid_stream_it_resumes_without_loss_or_repetition(gateway, topics, compression, reset):
    reading = Reading()
    with CuttingProxy(gateway.port, cut_after=(2_000, 20_000), reset=reset) as proxy:
        with Publisher(gateway, topics, 600) as publisher:
            while publisher.is_running or len(reading.messages) < len(publisher.acknowledged):
                try:
                    since = reading.position or "earliest"
                    with connect(gateway, topics, since, compression, port=proxy.port) as socket:
                        reading.connections += 1
                        while publisher.is_running or len(reading.messages) < len(publisher.acknowledged):
                            reading.take(receive(socket))
                except (websockets.exceptions.WebSocketException, OSError, EOFError):
                    continue
        assert proxy.cuts > 3
    reading.check(publisher.acknowledged)


def test_asyncio_clients_side_by_side_each_get_everything(gateway, topics):
    async def read(publisher, pattern):
        reading = Reading()
        url = f"ws://127.0.0.1:{gateway.port}/v1/stream?topic={pattern}&since=earliest"
        async with websockets.asyncio.client.connect(url, max_size=None) as socket:
            while publisher.is_running or len(reading.messages) < len(publisher.acknowledged):
                reading.take(json.loads(await asyncio.wait_for(socket.recv(), 10)))
        return reading

    async def all_of_them(publisher):
        pattern = topics[0].rsplit(".", 1)[0] + ".*"
        return await asyncio.gather(*[read(publisher, pattern) for _ in range(20)])

    with Publisher(gateway, topics, 300) as publisher:
        readings = asyncio.run(all_of_them(publisher))
    for reading in readings:
        reading.check(publisher.acknowledged)


def test_a_subscribe_in_mid_connection_brings_its_backlog_first(gateway, topics):
    first, second, _ = topics
    for n in range(50):
        gateway.publish(second, n)
    with connect(gateway, [first]) as socket:
        receive_type(socket, "hello")
        with Publisher(gateway, [first], 200) as publisher:
            reading = Reading()
            while len(reading.messages) < 20:
                reading.take(receive(socket))
            socket.send(json.dumps({"type": "subscribe", "topics": [second], "since": "earliest", "ref": "later"}))
            subscribed = receive_type(socket, "subscribed", reading)
            assert subscribed["ref"] == "later" and subscribed["topics"] == [second]
            backlog = Reading()
            assert receive_type(socket, "caught_up", backlog)["ref"] == "later"
            assert [m["data"] for m in backlog.messages if m["topic"] == second] == list(range(50))
            reading.messages += [m for m in backlog.messages if m["topic"] == first]
            while publisher.is_running or len(reading.messages) < len(publisher.acknowledged):
                reading.take(receive(socket))
        reading.check(publisher.acknowledged)
        socket.send(json.dumps({"type": "unsubscribe", "topics": [first], "ref": 2}))
        assert receive_type(socket, "unsubscribed")["ref"] == 2
        gateway.publish(first, "unheard")
        sent = gateway.publish(second, "heard")
        while "type" in (message := receive(socket)):
            pass
        assert message["id"] == sent["id"]


def test_publishing_over_it_is_answered_and_delivered(gateway, topic):
    with connect(gateway, [topic]) as socket:
        receive_type(socket, "hello")
        got = []
        for n in range(3):
            socket.send(json.dumps(
                {"type": "publish", "topic": topic, "data": {"n": n}, "event": "e", "key": f"k{n}", "ref": n}))
        while len(got) < 6:
            item = receive(socket)
            if item.get("type") not in ("heartbeat", "caught_up"):
                got.append(item)
        answers = [item for item in got if item.get("type") == "published"]
        messages = [item for item in got if "type" not in item]
        assert [item["ref"] for item in answers] == [0, 1, 2]
        assert [(item["id"], item["seq"]) for item in answers] == [(item["id"], item["seq"]) for item in messages]
        assert [item["data"]["n"] for item in messages] == [0, 1, 2]
        socket.send(json.dumps({"type": "publish", "topic": topic, "data": {"n": 0}, "event": "e", "key": "k0", "ref": 9}))
        again = receive_type(socket, "published")
        assert again["ref"] == 9 and again["id"] == answers[0]["id"]
    assert len(json.loads(gateway.request("GET", f"/v1/topics/{topic}/messages?since=earliest")[2])["items"]) == 3


@pytest.mark.parametrize("command, code", [
    ("this is no JSON", "invalid-json"), ('{"type":"jump"}', "invalid-command"),
    ('{"type":"subscribe","topics":["a..b"],"ref":1}', "invalid-pattern"),
    ('{"type":"publish","topic":"$sys.x","data":1,"ref":1}', "reserved-topic"),
    ('{"type":"publish","topic":"a","data":1,"event":"hello","ref":1}', "invalid-event"),
])
def test_a_command_that_breaks_a_rule_is_told_why_and_the_connection_lives(gateway, command, code):
    with connect(gateway) as socket:
        receive_type(socket, "hello")
        socket.send(command)
        error = receive_type(socket, "error")
        assert error["code"] == code and 400 <= error["status"] < 500 and error["detail"]
        socket.send('{"type":"ping","ref":5}')
        while (beat := receive_type(socket, "heartbeat")).get("ref") != 5:
            pass


def test_pings_are_answered_and_heartbeats_carry_the_position(gateway, topics):
    quiet, busy, _ = topics
    with connect(gateway, [quiet]) as socket:
        hello = receive_type(socket, "hello")
        assert socket.ping().wait(5)
        gateway.publish_many(busy, 100)
        wait_for(lambda: receive_type(socket, "heartbeat")["id"] != hello["id"], "a heartbeat with a new position")


def test_a_normal_close_is_answered_with_its_code(gateway):
    for code in (1000, 1001, 4321):
        with connect(gateway) as socket:
            socket.close(code, "enough")
            assert socket.protocol.close_rcvd.code == code


@pytest.mark.parametrize("send, code", [
    (lambda socket: socket.send(b"binary"), (1003, 1008)),
    (lambda socket: socket.send("x" * 20_000_000), (1009,)),
])
def test_what_it_does_not_take_closes_with_a_registered_code(gateway, send, code):
    with connect(gateway) as socket:
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            send(socket)
            while True:
                receive(socket)
        assert closed.value.rcvd.code in code
    assert gateway.still_serves()


def test_after_an_abrupt_end_the_gateway_lets_the_connection_go(gateway, topic):
    def listed():
        return [c for c in gateway.connections() if topic in c["subscriptions"]]

    with CuttingProxy(gateway.port) as proxy, connect(gateway, [topic], port=proxy.port) as socket:
        receive_type(socket, "hello")
        wait_for(listed, "the connection to be listed")
        proxy.cut(reset=True)
        wait_for(lambda: not listed(), "the connection to be gone")


def test_a_refused_handshake_says_why(gateway):
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        connect(gateway, ["a..b"])
    assert refused.value.response.status_code == 400
    assert json.loads(refused.value.response.body)["type"] == "urn:sluice:error:invalid-pattern"
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        connect(gateway, origin="https://elsewhere.example")
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/v1/stream?topic=a&tpoic=b", "/v1/nothing", "/v1/publish"])
def test_a_websocket_where_none_can_be_is_refused_with_an_answer(gateway, path):
    with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
        websockets.sync.client.connect(f"ws://127.0.0.1:{gateway.port}{path}")
    assert 400 <= refused.value.response.status_code < 500
