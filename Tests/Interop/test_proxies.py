"""Through the real nginx and HAProxy, set up as deploy/examples says."""

import itertools
import json
import socket
import struct
import threading
import urllib.parse
import urllib.request

import pytest

from support.gateway import wait_for
from support.proxies import Front, HAProxy, Nginx
from support.readers import TRANSPORTS, open_reader

TRUSTING = "proxy: { trusted: [127.0.0.1] }\nheartbeat: { sse: 1s, ndjson: 1s, websocket: 1s }\n"


@pytest.fixture(scope="module")
def fronts(tmp_path_factory, certificates):
    """The routes by name: which proxy, and how it speaks to both sides."""
    from support.gateway import Gateway

    pair = certificates.issue("localhost", ["localhost", "127.0.0.1"])
    behind = Gateway(tmp_path_factory.mktemp("behind"), TRUSTING)
    secure = Gateway(
        tmp_path_factory.mktemp("passthrough"),
        "proxy: { trusted: [127.0.0.1], protocol: v2 }\n"
        f"tls: {{ certificates: [{{ certificate: {pair.certificate}, key: {pair.key} }}] }}\n",
        authority=certificates.file)
    nginx = Nginx(tmp_path_factory.mktemp("nginx"), behind, pair)
    haproxy = HAProxy(tmp_path_factory.mktemp("haproxy"), behind, pair, secure)
    trust = certificates.file
    yield {
        "nginx": Front(nginx.port, behind), "nginx-tls": Front(nginx.tls_port, behind, trust),
        "haproxy-http1": Front(haproxy.http1, behind), "haproxy-http1-tls": Front(haproxy.tls1, behind, trust),
        "haproxy-http2": Front(haproxy.http2, behind), "haproxy-http2-tls": Front(haproxy.tls2, behind, trust),
        "haproxy-tcp": Front(haproxy.tcp, secure, trust), "proxies": {"nginx": nginx, "haproxy": haproxy},
        "behind": behind, "secure": secure,
    }
    for one in (nginx, haproxy, behind, secure):
        one.stop()


def publisher(front):
    """Publishes through the front, over TLS too, by whatever speaks to it."""
    import ssl

    context = ssl.create_default_context(cafile=front.authority) if front.authority else None

    def publish(topic, data, headers=None):
        request = urllib.request.Request(
            f"{front.url}/v1/topics/{topic}/messages", json.dumps(data).encode(), method="POST",
            headers={"Content-Type": "application/json"} | (headers or {}))
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            assert answer.status == 201
    return publish


# HTTP/2 is offered by ALPN: over TLS, where the front has it. nginx has no WebSockets over HTTP/2.
ROUTES = [
    (name, version, transport)
    for name, version, transport in itertools.product(
        ["nginx", "nginx-tls", "haproxy-http1", "haproxy-http1-tls", "haproxy-http2", "haproxy-http2-tls",
         "haproxy-tcp"], ["http1", "http2"], TRANSPORTS)
    if version == "http1" or name in ("haproxy-tcp",) or "tls" in name and transport != "websocket"
]


@pytest.mark.parametrize("name, version, transport", ROUTES, ids=["-".join(route) for route in ROUTES])
def test_every_transport_through_each(fronts, topic, name, version, transport):
    front = fronts[name]
    publish = publisher(front)
    for number in range(5):
        publish(topic, number)
    reader = open_reader(front, version, transport, [topic], "earliest")
    assert reader.take(5) == list(range(5))
    for number in range(5, 10):
        publish(topic, number)
    assert reader.take(3) == [5, 6, 7]
    reader.close()
    resumed = open_reader(front, version, transport, [topic], reader.position)
    assert resumed.take(2) == [8, 9]
    resumed.close()


@pytest.mark.parametrize("which", ["nginx", "haproxy"])
def test_resume_through_a_reload(fronts, topic, which):
    """Readers lose their connection when the old worker goes, come back, and miss nothing and get nothing twice."""
    name = {"nginx": "nginx", "haproxy": "haproxy-http1"}[which]
    front, proxy = fronts[name], fronts["proxies"][which]
    total = 300
    got = {transport: [] for transport in TRANSPORTS}
    breaks = dict.fromkeys(TRANSPORTS, 0)
    failures = []

    def read(transport):
        position = "earliest"
        try:
            while len(got[transport]) < total:
                try:
                    reader = open_reader(front, "http1", transport, [topic], position)
                except Exception:
                    continue
                try:
                    while len(got[transport]) < total:
                        got[transport].append(reader.next()["data"])
                except AssertionError:
                    raise
                except BaseException:
                    breaks[transport] += 1
                position = reader.position or position
                try:
                    reader.close()
                except Exception:
                    pass
        except AssertionError as failure:
            failures.append((transport, failure))

    threads = [threading.Thread(target=read, args=(transport,), daemon=True) for transport in TRANSPORTS]
    for thread in threads:
        thread.start()
    for number in range(total):
        # To the gateway itself: it is the readers' way that breaks.
        front.gateway.publish(topic, number)
        if number in (100, 200):
            wait_for(lambda: all(len(list_) >= number - 50 for list_ in got.values()), "the readers to be there")
            before = dict(breaks)
            proxy.reload()
            streams = [transport for transport in TRANSPORTS if transport != "poll"]
            wait_for(lambda: all(breaks[transport] > before[transport] for transport in streams), "the break", 30)
    for thread in threads:
        thread.join(60)
    assert not failures, failures
    for transport in TRANSPORTS:
        assert got[transport] == list(range(total)), f"{transport} after {breaks[transport]} breaks"


# Who the client is


def subscribe_from(front, address, headers=b"", path=b"/v1/stream?topic=who"):
    """An event stream in clear text from one of this machine's addresses; returned open."""
    wire = socket.create_connection((front.host, front.port), timeout=20, source_address=(address, 0))
    wire.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n" + headers + b"\r\n")
    assert b" 200 " in wire.recv(65536).split(b"\r\n")[0]
    return wire


@pytest.mark.parametrize("name", ["nginx", "haproxy-http1", "haproxy-http2"])
def test_the_client_is_the_client(fronts, name):
    """However it forges who it is."""
    front = fronts[name]
    forged = b"X-Forwarded-For: 6.6.6.6\r\nForwarded: for=7.7.7.7\r\n"
    wire = subscribe_from(front, "127.0.0.2", forged)
    wait_for(
        lambda: [c["address"] for c in front.gateway.connections() if "who" in c["subscriptions"]] == ["127.0.0.2"],
        "the client's address")
    wire.close()
    wait_for(lambda: not [c for c in front.gateway.connections() if "who" in c["subscriptions"]], "it to be gone")


@pytest.mark.parametrize("name", ["nginx", "haproxy-http1", "haproxy-http2"])
def test_nobody_chooses_the_host_of_the_urls(fronts, name):
    """A client that says it came by another one would be sent there, or have a cache send others."""
    front = fronts[name]
    status, _, body = front.gateway.request(
        "GET", front.url + "/v1/negotiate", headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"})
    assert status == 200
    assert {urllib.parse.urlsplit(one["url"]).netloc for one in json.loads(body)["transports"]} == {f"127.0.0.1:{front.port}"}


def test_an_untrusted_peer_is_not_believed(fronts):
    """It reaches the gateway itself, and says that it is somebody else."""
    gateway = fronts["behind"]
    wire = subscribe_from(gateway, "127.0.0.3", b"X-Forwarded-For: 6.6.6.6\r\n")
    wait_for(
        lambda: [c["address"] for c in gateway.connections() if "who" in c["subscriptions"]] == ["127.0.0.3"],
        "its own address")
    wire.close()


def header(source, command=0x21, family=0x11):
    addresses = socket.inet_aton(source) + socket.inet_aton("127.0.0.1") + struct.pack(">HH", 4711, 443)
    return b"\r\n\r\n\x00\r\nQUIT\n" + bytes([command, family]) + struct.pack(">H", len(addresses)) + addresses


@pytest.mark.parametrize("sent, source", [
    (b"GET / HTTP/1.1\r\n\r\n", "127.0.0.1"), (b"PROXY TCP4 6.6.6.6 127.0.0.1 1 2\r\n", "127.0.0.1"),
    (b"\x16\x03\x01", "127.0.0.1"), (header("6.6.6.6"), "127.0.0.2")])
def test_without_a_trusted_header_nobody_gets_in(fronts, sent, source):
    gateway = fronts["secure"]
    before = gateway.metric("sluice_proxy_header_failures_total")
    with socket.create_connection((gateway.host, gateway.port), timeout=20, source_address=(source, 0)) as wire:
        try:
            wire.sendall(sent)
            wire.shutdown(socket.SHUT_WR)
            assert wire.recv(100) == b""
        except OSError:
            pass
    wait_for(lambda: gateway.metric("sluice_proxy_header_failures_total") == before + 1, "it to be counted")


def test_limits_count_the_client_and_not_the_proxy(start):
    gateway = start("proxy: { trusted: [127.0.0.1], protocol: v2 }\nlimits: { connections_per_address: 2 }\n")

    def status(client):
        wire = socket.create_connection((gateway.host, gateway.port), timeout=20)
        wire.sendall(header(client) + b"GET /v1/negotiate HTTP/1.1\r\nHost: x\r\n\r\n")
        return wire, int(wire.recv(65536).split(b" ")[1])

    open_ = [status("192.0.2.1"), status("192.0.2.1"), status("192.0.2.2")]
    assert [code for _, code in open_] == [200, 200, 200]
    third, code = status("192.0.2.1")
    assert code == 429
    for wire, _ in open_:
        wire.close()
    third.close()
