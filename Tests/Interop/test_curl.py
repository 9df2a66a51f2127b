"""The commands a person types, with the curl of the system."""

import json
import subprocess
import tempfile
import time

import pytest

from support.gateway import wait_for
from support.proxy import CuttingProxy
from support.traffic import Publisher, Reading


def curl(*arguments, input=None, timeout=30):
    """(status, body), after curl has ended well."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--write-out", "\n%{http_code}", *arguments], input=input,
        capture_output=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), body


class Reader:
    """A `curl -N` in the background."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            ["curl", "--silent", "--no-buffer", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.stdout.close()
        self.process.wait(10)

    def lines(self):
        """Whole lines alone: what a cut left of the last one is not one."""
        for line in self.process.stdout:
            if line.endswith(b"\n"):
                yield line[:-1].decode()


def event_blocks(lines):
    """The events of a stream of lines, as a browser would put them together; the retry at the top is skipped."""
    event = {}
    for line in lines:
        if line == "":
            if "data" in event:
                yield event
            event = {}
        else:
            name, _, value = line.partition(": ")
            event[name] = value


def test_publish_and_read_the_two_commands_of_the_first_minute(gateway, topic):
    url = f"{gateway.stream}?topic={topic}"
    with Reader("-N", "-H", "Accept: text/event-stream", url) as reader:
        events = event_blocks(reader.lines())
        assert next(events)["event"] == "hello"
        status, body = curl("--json", '{"text":"hello, world"}', gateway.messages_url(topic))
        assert status == 201
        sent = json.loads(body)
        event = next(event for event in events if "event" not in event)
        assert event["id"] == sent["id"]
        assert json.loads(event["data"])["data"] == {"text": "hello, world"}


@pytest.mark.parametrize("arguments", [[], ["--http1.0"], ["--compressed"]], ids=["1.1", "1.0", "compressed"])
@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
def test_a_stream_reaches_every_kind_of_curl(gateway, topic, arguments, accept):
    for n in range(5):
        gateway.publish(topic, n)
    with Reader(*arguments, "-H", f"Accept: {accept}", f"{gateway.stream}?topic={topic}&since=earliest") as reader:
        items = []
        for line in reader.lines():
            text = line.removeprefix("data: ")
            if text.startswith("{") and text != "{}":
                items.append(json.loads(text))
                if items[-1].get("type") == "caught_up":
                    break
    assert [item["data"] for item in items if "type" not in item] == list(range(5))


def test_a_stream_on_1_0_has_no_chunks_and_ends_with_the_connection(gateway, topic):
    gateway.publish(topic, 1)
    with Reader("--http1.0", "--include", f"{gateway.stream}?topic={topic}&transport=ndjson&since=earliest") as reader:
        lines = reader.lines()
        head = list(iter(lambda: next(lines).rstrip("\r"), ""))
        assert not [line for line in head if line.lower().startswith("transfer-encoding")]
        assert json.loads(next(lines))["type"] == "hello"


@pytest.mark.parametrize("transport", ["sse", "ndjson"])
def test_cut_and_started_again_it_loses_nothing(gateway, topics, transport):
    reading = Reading()
    query = "&".join(f"topic={topic}" for topic in topics) + f"&transport={transport}"
    with CuttingProxy(gateway.port, cut_after=(2_000, 20_000)) as proxy:
        with Publisher(gateway, topics, 400) as publisher:
            while publisher.is_running or len(reading.messages) < len(publisher.acknowledged):
                with Reader(f"{proxy.stream}?{query}&since={reading.position or 'earliest'}") as reader:
                    if transport == "sse":
                        items = (json.loads(event["data"]) for event in event_blocks(reader.lines()))
                    else:
                        items = map(json.loads, reader.lines())
                    for item in items:
                        if not item or item.get("type") == "heartbeat":
                            if not publisher.is_running:
                                break
                        else:
                            reading.take(item)
        assert proxy.cuts > 3
    reading.check(publisher.acknowledged)


@pytest.mark.parametrize("arguments", [
    ["--http1.1"], ["--http1.1", "-H", "Transfer-Encoding: chunked"],
    ["--http1.1", "-H", "Expect: 100-continue", "--expect100-timeout", "20"], ["--http1.0"], ["--http2"],
], ids=["length", "chunked", "expect", "1.0", "h2c"])
def test_a_large_body_arrives_whole_however_it_is_sent(gateway, topic, arguments):
    text = "0123456789abcdef" * 4000
    started = time.monotonic()
    status, body = curl(
        *arguments, "-H", "Content-Type: text/plain", "--data-binary", "@-", gateway.messages_url(topic),
        input=text.encode())
    assert status == 201, body
    assert time.monotonic() - started < 10, "nobody said 100 Continue"
    _, page = curl(f"{gateway.messages_url(topic)}?since=earliest")
    assert json.loads(page)["items"][0]["data"] == text


@pytest.mark.parametrize("arguments", [
    [], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue", "--expect100-timeout", "20"],
], ids=["length", "chunked", "expect"])
def test_a_body_that_is_too_large_is_refused_with_an_answer(gateway, topic, arguments):
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x" * 3_000_000)
        file.flush()
        done = subprocess.run(
            ["curl", "--silent", "--http1.1", *arguments, "-H", "Content-Type: text/plain",
             "--data-binary", f"@{file.name}", "--output", "-", "--write-out", "\n%{http_code}",
             gateway.messages_url(topic)], capture_output=True, timeout=30)
    body, _, status = done.stdout.rpartition(b"\n")
    assert status == b"413"
    assert json.loads(body)["type"] == "urn:sluice:error:message-too-large"
    assert gateway.still_serves()
    assert curl(f"{gateway.url}/v1/topics/{topic}")[0] == 404


@pytest.mark.parametrize("path", ["/v1/negotiate", "/v1/stream?topic=a"])
def test_an_offer_to_speak_http_2_is_passed_over_and_answered(gateway, path):
    status, body = curl("--http2", gateway.url + path)
    assert status == 200 and json.loads(body)


def test_a_poll_and_a_topic_and_its_end(gateway, topic):
    status, body = curl(f"{gateway.stream}?topic={topic}")
    assert status == 200
    since = json.loads(body)["next"]
    assert curl("--data", "plain", "-H", "Content-Type: text/plain", gateway.messages_url(topic))[0] == 201
    _, body = curl(f"{gateway.stream}?topic={topic}&since={since}")
    assert [item["data"] for item in json.loads(body)["items"]] == ["plain"]
    assert curl(f"{gateway.url}/v1/topics/{topic}")[0] == 200
    assert curl("-X", "DELETE", f"{gateway.url}/v1/topics/{topic}")[0] in (200, 204)
    _, body = curl(f"{gateway.messages_url(topic)}?since=earliest")
    assert not [item for item in json.loads(body)["items"] if "type" not in item]


def test_a_head_request_and_options_have_no_body_and_an_answer(gateway):
    status, _ = curl("--head", gateway.url + "/v1/negotiate")
    assert status in (200, 405)
    status, body = curl("-X", "OPTIONS", gateway.url + "/v1/publish")
    assert (status, body) == (204, b"")


def test_one_connection_serves_several_urls(gateway, topic):
    before = gateway.metric("sluice_http_connections_accepted_total")
    done = subprocess.run(
        ["curl", "--silent", f"{gateway.url}/v1/negotiate", f"{gateway.url}/v1/nothing",
         f"{gateway.stream}?topic={topic}", "--write-out", "%{num_connects}\n"], capture_output=True, timeout=20)
    assert done.returncode == 0
    assert gateway.metric("sluice_http_connections_accepted_total") - before == 1


def test_the_operators_side_answers(gateway, topic):
    for path in ("live", "ready", "accept"):
        assert curl(f"{gateway.admin}/health/{path}")[0] == 200
    status, metrics = curl(f"{gateway.admin}/metrics")
    assert status == 200 and b"# TYPE sluice_connections gauge" in metrics
    gateway.publish(topic, 1)
    _, body = curl(f"{gateway.admin}/v1/admin/topics?match={topic}")
    assert [entry["topic"] for entry in json.loads(body)["topics"]] == [topic]
    with Reader(f"{gateway.stream}?topic={topic}&transport=sse"):
        entry = wait_for(
            lambda: next((c for c in gateway.connections() if topic in c["subscriptions"]), None), "the connection")
        status, body = curl("--json", json.dumps({"sessions": [entry["session"]]}), f"{gateway.admin}/v1/admin/disconnect")
        assert status == 200 and json.loads(body) == {"disconnected": 1}
    # What operators have is nothing for clients.
    assert curl(f"{gateway.url}/metrics")[0] == 404
    assert curl(f"{gateway.url}/v1/admin/topics")[0] == 404
