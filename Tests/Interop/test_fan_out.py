"""Bursts written straight to sockets: peers that reset, stall and leave in the middle of them, and those who come after
and get their descriptors."""

import json
import random
import selectors
import socket
import struct

import pytest

from support.gateway import Gateway, wait_for
from support.soak import cases
from support.traffic import Publisher

TRANSPORTS = ["websocket", "sse", "ndjson"]
REQUESTS = {
    "websocket": "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "sse": "Accept: text/event-stream\r\n",
    "ndjson": "Accept: application/x-ndjson\r\n",
}


class Peer:
    """A subscriber to a shared topic and one of its own, on a bare socket, that believes nothing it reads."""

    def __init__(self, gateway, transport, own):
        self.transport, self.topics = transport, {"shared", own}
        self.reads, self.last, self.seqs, self.count = True, None, {}, 0
        self._rest, self._body, self._has_head = b"", b"", False
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect((gateway.host, gateway.port))
        self.socket.sendall(
            f"GET /v1/stream?topic=shared&topic={own} HTTP/1.1\r\nHost: a\r\n{REQUESTS[transport]}\r\n".encode())
        self.socket.setblocking(False)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def read(self):
        data = self.socket.recv(65536)
        assert data, "the gateway closed"
        self._rest += data
        if not self._has_head:
            head, separator, rest = self._rest.partition(b"\r\n\r\n")
            if not separator:
                return
            assert head.startswith(b"HTTP/1.1 101" if self.transport == "websocket" else b"HTTP/1.1 200"), head
            self._has_head, self._rest = True, rest
        for item in self._frames() if self.transport == "websocket" else self._lines():
            self._take(json.loads(item))

    def _frames(self):
        while len(self._rest) >= 2:
            length, start = self._rest[1], 2
            if length == 126:
                if len(self._rest) < 4:
                    return
                length, start = struct.unpack("!H", self._rest[2:4])[0], 4
            assert self._rest[0] in (0x81, 0x89) and length < 126 or start == 4, self._rest[:20]
            if len(self._rest) < start + length:
                return
            frame, self._rest = self._rest[start:start + length], self._rest[start + length:]
            if frame:
                yield frame

    def _lines(self):
        while b"\r\n" in self._rest:
            size, _, rest = self._rest.partition(b"\r\n")
            length = int(size, 16)
            if len(rest) < length + 2:
                break
            assert rest[length:length + 2] == b"\r\n", rest[:length + 20]
            self._body, self._rest = self._body + rest[:length], rest[length + 2:]
        *lines, self._body = self._body.split(b"\n")
        for line in lines:
            if self.transport == "ndjson":
                yield line
            elif line.startswith(b"data: "):
                yield line.removeprefix(b"data: ")

    def _take(self, item):
        if "topic" not in item:
            return
        assert item.get("type") != "gap", item
        topic, seq = item["topic"], item["seq"]
        assert topic in self.topics, f"{topic} is another's"
        assert self.seqs.get(topic, seq - 1) == seq - 1, f"{topic}: {seq} after {self.seqs[topic]}"
        self.seqs[topic], self.last = seq, item["id"]
        self.count += 1


@pytest.mark.parametrize("seed", cases(gate=[1], soak=range(2, 9)))
def test_peers_that_reset_stall_and_leave_in_mid_burst_harm_nobody(start, seed):
    gateway = start("history: { messages: 100000 }\nevent_loops: 2")
    chance = random.Random(seed)
    selector = selectors.DefaultSelector()
    peers = []

    def add(n):
        peer = Peer(gateway, TRANSPORTS[n % 3], f"own.{n}")
        selector.register(peer.socket, selectors.EVENT_READ, peer)
        peers.append(peer)

    def read(timeout=0.0):
        for key, _ in selector.select(timeout):
            key.data.read()

    for n in range(30):
        add(n)
    topics = ["shared"] + [f"own.{n}" for n in range(0, 300, 7)]
    lost = 0
    with Publisher(gateway, topics * 4, 1500, pause=0.001, padding="x" * 2000) as publisher:
        while publisher.is_running:
            read(0.002)
            if len(peers) + lost >= 300 or chance.random() < 0.5:
                continue
            peer = chance.choice(peers)
            if peer.reads and chance.random() < 0.5:
                # It takes nothing any more: its socket fills and its bursts are cut.
                peer.reads = False
                selector.unregister(peer.socket)
                continue
            if peer.reads:
                selector.unregister(peer.socket)
            peers.remove(peer)
            if chance.random() < 0.7:
                peer.reset()
            else:
                peer.socket.close()
            lost += 1
            add(30 + lost)
    assert lost > 50
    # Those that took nothing read again, and everyone gets all there is, once and in order.
    for peer in peers:
        if not peer.reads:
            selector.register(peer.socket, selectors.EVENT_READ, peer)
    last = gateway.publish("shared", "the end")
    wait_for(lambda: read(0.05) or all(peer.last == last["id"] for peer in peers), "everyone to have read all", 30)
    assert gateway.metric("sluice_gaps_total{reason=\"slow\"}") == 0
    wait_for(lambda: gateway.metric("sluice_connections{transport=\"sse\"}") <= len(peers), "the others to be forgotten")
    assert gateway.still_serves()


def test_peers_that_are_gone_before_they_are_answered_leave_nothing_behind(start):
    """The answer's first bytes met the reset, so the connection ended in the middle of subscribing."""
    gateway = start()
    for n in range(300):
        with socket.create_connection((gateway.host, gateway.port)) as connection:
            connection.sendall(
                f"GET /v1/stream?topic=gone HTTP/1.1\r\nHost: a\r\n{REQUESTS[TRANSPORTS[n % 3]]}\r\n".encode())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", n % 2, 0))
    # All at once: a connection that waits to be accepted is not counted yet.
    wait_for(
        lambda: gateway.metric("sluice_http_connections") == 0 and gateway.metric("sluice_subscriptions") == 0
        and gateway.connections() == [],
        "every connection and every subscription to be gone")


def test_a_process_bound_to_one_core_has_one_loop(tmp_path):
    gateway = Gateway(tmp_path)
    try:
        loops = gateway.metric("sluice_event_loops")
    finally:
        gateway.stop()
    assert loops >= 1
    bound = Gateway(tmp_path / "bound", command=["taskset", "--cpu-list", "0"])
    try:
        assert bound.metric("sluice_event_loops") == 1
    finally:
        bound.stop()
