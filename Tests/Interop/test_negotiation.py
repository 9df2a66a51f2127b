"""What /v1/negotiate offers is what works: from where the client is, through real proxies, by every rule."""

import json
import ssl
import urllib.error
import urllib.request

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from support.gateway import Gateway
from support.proxies import Front, HAProxy, Nginx
from support.websocket import WebSocket

ALL = ["websocket", "sse", "ndjson", "poll"]


def negotiate(gateway, query="", headers=None):
    """(status, the answer's JSON), from a gateway or through a front."""
    context = ssl.create_default_context(cafile=gateway.authority) if gateway.authority else None
    request = urllib.request.Request(f"{gateway.url}/v1/negotiate?{query}", headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.loads(refusal.read())


def offered(gateway, query="", headers=None):
    """Transports with their URLs, best first."""
    status, answer = negotiate(gateway, query, headers)
    assert status == 200, answer
    return [(one["name"], one["url"]) for one in answer["transports"]]


def urls_under(base):
    return [(name, ("ws" + base[4:] if name == "websocket" else base) + "/v1/stream") for name in ALL]


# Behind proxies


@pytest.fixture(scope="module")
def fronts(tmp_path_factory, certificates):
    pair = certificates.issue("localhost", ["localhost", "127.0.0.1"])
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), "proxy: { trusted: [127.0.0.1] }\n")
    nginx = Nginx(tmp_path_factory.mktemp("nginx"), gateway, pair)
    haproxy = HAProxy(tmp_path_factory.mktemp("haproxy"), gateway, pair)
    trust = certificates.file
    yield {
        "nginx": Front(nginx.port, gateway), "nginx-tls": Front(nginx.tls_port, gateway, trust),
        "haproxy-http1": Front(haproxy.http1, gateway), "haproxy-http1-tls": Front(haproxy.tls1, gateway, trust),
        "haproxy-http2": Front(haproxy.http2, gateway), "haproxy-http2-tls": Front(haproxy.tls2, gateway, trust),
    }
    for one in (nginx, haproxy, gateway):
        one.stop()


ROUTES = ["nginx", "nginx-tls", "haproxy-http1", "haproxy-http1-tls", "haproxy-http2", "haproxy-http2-tls"]


@pytest.mark.parametrize("name", ROUTES)
def test_the_urls_are_those_of_the_proxy(fronts, name):
    """They have its scheme, its host and its port, not the gateway's."""
    assert offered(fronts[name]) == urls_under(fronts[name].url)


@pytest.mark.parametrize("name", ROUTES)
def test_the_urls_are_of_use(fronts, topic, name):
    """What is offered is opened as it stands, and brings a message."""
    front = fronts[name]
    context = ssl.create_default_context(cafile=front.authority) if front.authority else None
    urls = dict(offered(front))
    front.gateway.publish(topic, "there")
    query = f"?topic={topic}&since=earliest"
    with WebSocket(urls["websocket"] + query, context) as socket:
        # hello, and then it.
        assert [json.loads(socket.recv(timeout=20)) for _ in range(2)][1]["data"] == "there"
    for transport in ("sse", "ndjson", "poll"):
        request = urllib.request.Request(f"{urls[transport]}{query}&transport={transport}")
        with urllib.request.urlopen(request, timeout=20, context=context) as stream:
            assert any(b'"there"' in line for line in stream)


def test_the_host_may_have_another_port_than_the_proxy(fronts):
    """A port that is mapped once more: the browser's own word for the host is passed on."""
    assert offered(fronts["nginx-tls"], headers={"Host": "rt.example.com:9443"}) == urls_under(
        "https://rt.example.com:9443")


# Proxies that write another Host


@pytest.mark.parametrize("headers, base", [
    ({"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "rt.example.com"},
     "https://rt.example.com"),
    ({"Forwarded": 'for=192.0.2.7;proto=https;host="rt.example.com:8443"'}, "https://rt.example.com:8443"),
    ({"X-Forwarded-Host": "rt.example.com"}, "http://rt.example.com"),
    ({"X-Forwarded-Host": "no host at all"}, "http://inner.example"),
])
def test_a_trusted_proxy_tells_the_host(fronts, headers, base):
    gateway = fronts["nginx"].gateway
    assert offered(gateway, headers={"Host": "inner.example"} | headers) == urls_under(base)


def test_nobody_else_does(gateway):
    headers = {"Host": "rt.example.com", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https",
               "Forwarded": "for=192.0.2.7;proto=https;host=evil.example"}
    assert offered(gateway, headers=headers) == urls_under("http://rt.example.com")


def test_a_page_of_the_host_that_the_proxy_tells_is_the_gateways_own(fronts):
    headers = {"Host": "inner.example", "X-Forwarded-Host": "rt.example.com"}
    gateway = fronts["nginx"].gateway
    assert negotiate(gateway, headers=headers | {"Origin": "https://rt.example.com"})[0] == 200
    assert negotiate(gateway, headers=headers | {"Origin": "https://evil.example"})[0] == 403


def test_the_operator_has_the_last_word(start):
    gateway = start("public_url: https://rt.example.com/base\nproxy: { trusted: [127.0.0.1] }\n")
    assert offered(gateway, headers={"X-Forwarded-Host": "other.example"}) == urls_under("https://rt.example.com/base")
    # Its pages come from there, whatever name a proxy in between gave it.
    assert negotiate(gateway, headers={"Origin": "https://rt.example.com"})[0] == 200
    assert negotiate(gateway, headers={"Origin": "https://evil.example"})[0] == 403


# By configuration and by rule


RULES = """\
transports: [sse, websocket, poll]
topics:
  - match: "bank.>"
    transports: [websocket]
  - match: "quiet.*"
    transports: [poll, sse]
"""


@pytest.mark.parametrize("query, names", [
    ("", ["sse", "websocket", "poll"]),
    ("transports=poll,websocket,telepathy", ["websocket", "poll"]),
    ("topic=bank.1", ["websocket"]),
    ("topic=quiet.1", ["sse", "poll"]),
    ("topic=open.1&topic=quiet.1", ["sse", "poll"]),
    ("topic=*.1&topic=open", []),
    ("topic=bank.1&transports=sse,poll", []),
])
def test_what_is_offered_is_what_opens(ruled, query, names):
    status, answer = negotiate(ruled, query)
    if names:
        assert status == 200 and [one["name"] for one in answer["transports"]] == names
    else:
        assert status == 406 and answer["type"] == "urn:sluice:error:transport-not-allowed", answer
        assert "No transport" in answer["detail"] or "websocket" in answer["detail"], answer
    if "topic=" in query and "transports=" not in query:
        assert [one for one in ["sse", "websocket", "poll", "ndjson"] if opens(ruled, query, one)] == names


@pytest.fixture(scope="module")
def ruled(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("ruled"), RULES)
    yield gateway
    gateway.stop()


def opens(gateway, query, transport):
    """Whether /v1/stream gives it; a refusal is a 406 that says why."""
    if transport == "websocket":
        try:
            with connect(f"ws{gateway.stream[4:]}?{query}", proxy=None):
                return True
        except InvalidStatus as refusal:
            assert refusal.response.status_code == 406, refusal
            return False
    request = urllib.request.Request(f"{gateway.stream}?{query}&transport={transport}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status == 200
    except urllib.error.HTTPError as refusal:
        with refusal:
            problem = json.loads(refusal.read())
        assert refusal.code == 406 and problem["type"] == "urn:sluice:error:transport-not-allowed", problem
        return False


def test_a_subscription_in_mid_connection_is_ruled_too(ruled):
    with connect(f"ws{ruled.stream[4:]}?topic=open", proxy=None) as socket:
        assert json.loads(socket.recv(timeout=20))["type"] == "hello"
        socket.send(json.dumps({"type": "subscribe", "topics": ["quiet.1"], "ref": 1}))
        error = json.loads(socket.recv(timeout=20))
        assert (error["type"], error["status"], error["ref"]) == ("error", 406, 1), error
        socket.send(json.dumps({"type": "subscribe", "topics": ["bank.1"], "ref": 2}))
        assert json.loads(socket.recv(timeout=20))["type"] == "subscribed"
