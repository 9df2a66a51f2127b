"""The same stream, whatever it comes over: {clear, TLS} x {HTTP/1.1, HTTP/2} x every transport."""

import itertools

import pytest

from support.readers import TRANSPORTS, VERSIONS, open_reader

KINDS = list(itertools.product(["clear", "tls"], VERSIONS, TRANSPORTS))


@pytest.fixture
def gateways(gateway, secure_gateway):
    return {"clear": gateway, "tls": secure_gateway}


@pytest.mark.parametrize("security, version, transport", KINDS, ids=["-".join(kind) for kind in KINDS])
def test_backlog_live_and_resume(gateways, topic, security, version, transport):
    """History, then what is published meanwhile, then a break, after which every other transport goes on there."""
    gateway = gateways[security]
    for number in range(10):
        gateway.publish(topic, number)
    reader = open_reader(gateway, version, transport, [topic], "earliest")
    assert reader.take(10) == list(range(10))
    for number in range(10, 20):
        gateway.publish(topic, number)
    assert reader.take(5) == list(range(10, 15))
    reader.close()
    position = reader.position
    for other_version, other in itertools.product(VERSIONS, TRANSPORTS):
        resumed = open_reader(gateway, other_version, other, [topic], position)
        assert resumed.take(5) == list(range(15, 20)), f"{other} over {other_version}"
        resumed.close()


@pytest.mark.parametrize("security", ["clear", "tls"])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transport", ["websocket", "sse", "ndjson"])
def test_a_megabyte_in_order(gateways, topic, security, version, transport):
    gateway = gateways[security]
    reader = open_reader(gateway, version, transport, [topic], "earliest")
    text = "x" * 20_000
    for number in range(60):
        gateway.publish(topic, [number, text])
    assert [reader.next()["data"][0] for _ in range(60)] == list(range(60))
    reader.close()
