"""`sluice doctor`, at deployments that are well and at a network that misbehaves on purpose."""

import concurrent.futures
import http.server
import itertools
import json
import signal
import socket
import subprocess
import threading

import pytest

from support.gateway import BINARY, ENVIRONMENT, Gateway, wait_for
from support.held_port import HeldPort
from support.misbehaving import (
    Amend, Break, Buffer, CloseWith, Deafen, Down, GiveUp, Hoard, Kill, Misbehaving, Mute, Refuse, Strip)
from support.proxies import HAProxy, Nginx, Proxy

ORIGIN = "https://app.example.com"
# Heartbeats come every second, so that silence need not be waited for.
LIVELY = f"heartbeat: {{ sse: 1s, ndjson: 1s, websocket: 1s }}\ncors: {{ origins: ['{ORIGIN}'] }}\n"
STEPS = ["reach", "upgrade", "publish", "buffering", "polling", "idle", "http2", "cors", "resume", "sizes"]
ALL = ["websocket", "sse", "ndjson", "poll"]


class Said:
    """What the doctor found, from its JSON."""

    def __init__(self, done):
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert lines and done.returncode in (0, 1) and not done.stderr, (done.returncode, done.stdout, done.stderr)
        self.findings, self.summary = lines[:-1], lines[-1]
        assert self.summary["step"] == "summary"
        problems = [finding for finding in self.findings if finding["result"] == "problem"]
        assert done.returncode == (1 if problems else 0), lines
        assert self.summary["problems"] == len(problems)
        # Whatever is wrong comes with a cause and with what to do.
        for finding in self.findings:
            if finding["result"] in ("warning", "problem"):
                assert finding.get("cause") or finding["step"] == "reach", finding
                assert finding.get("remedies"), finding

    def bad(self):
        """(step, result) of all that is not ok; a machine with other work may hold something up."""
        return [
            (f["step"], f["result"]) for f in self.findings
            if f["result"] != "ok" and not f.get("cause", "").startswith("something on the way holds")]

    def one(self, step, transport=None, result="problem"):
        """The one finding of that kind, as one text."""
        found = [
            f for f in self.findings
            if f["step"] == step and f["result"] == result and transport in (None, f.get("transport"))]
        assert len(found) == 1, self.findings
        remedies = [f"{remedy['where']}: {remedy['line']}" for remedy in found[0].get("remedies", [])]
        return "\n".join([found[0]["measured"], found[0].get("cause", ""), *remedies])


def command(url, *options):
    return [BINARY, "doctor", url, *options]


def doctor(url, *options, only=None, patience="5s"):
    options = [*options, "--json", "--patience", patience] + (["--only", only] if only else [])
    return Said(subprocess.run(
        command(url, *options), capture_output=True, text=True, timeout=60, env=ENVIRONMENT,
        stdin=subprocess.DEVNULL))


@pytest.fixture(scope="module")
def well(tmp_path_factory):
    """A gateway that allows a foreign origin; the network before it is another thing."""
    gateway = Gateway(tmp_path_factory.mktemp("well"), LIVELY)
    yield gateway
    gateway.stop()


@pytest.fixture
def network(well):
    with Misbehaving(well.port) as network:
        yield network


# Deployments that are well


def test_a_gateway_in_clear_text(well):
    said = doctor(well.url, "--idle", "2s", "--origin", ORIGIN, "--admin-url", well.admin)
    assert said.bad() == [("http2", "warning")]
    assert sorted({finding["step"] for finding in said.findings}) == sorted(STEPS)
    assert said.summary["transports"] == ALL
    # Heartbeats were heard on each stream.
    for transport in ("websocket", "sse", "ndjson"):
        held = [f for f in said.findings if f["step"] == "idle" and f.get("transport") == transport]
        assert "with 0 heartbeats" not in held[0]["measured"]
    # It cleaned up after itself.
    topics = json.loads(well.request("GET", well.admin + "/v1/admin/topics?match=doctor.%3E")[2])["topics"]
    assert [topic["messages"] for topic in topics] == [0] * len(topics)


@pytest.fixture(scope="module")
def fronts(tmp_path_factory, certificates):
    """The URLs of a deployment each: TLS ended by the gateway, by nginx and by HAProxy, set up as deploy/examples says;
    and one whose gateway does not believe its proxy."""
    pair = certificates.issue("localhost", ["localhost", "127.0.0.1"])
    trusting = "proxy: { trusted: [127.0.0.1]%s }\n" + LIVELY
    tls = f"tls: {{ certificates: [{{ certificate: {pair.certificate}, key: {pair.key} }}] }}\n"
    behind = Gateway(tmp_path_factory.mktemp("behind"), trusting % "")
    passed = Gateway(
        tmp_path_factory.mktemp("passed"), trusting % ", protocol: v2" + tls, authority=certificates.file)
    direct = Gateway(tmp_path_factory.mktemp("direct"), LIVELY + tls, authority=certificates.file)
    doubting = Gateway(tmp_path_factory.mktemp("doubting"), LIVELY)
    nginx = Nginx(tmp_path_factory.mktemp("nginx"), behind, pair)
    haproxy = HAProxy(tmp_path_factory.mktemp("haproxy"), behind, pair, passed)
    unbelieved = Nginx(tmp_path_factory.mktemp("unbelieved"), doubting, pair)
    local = "https://localhost:"
    yield {
        "direct": f"{local}{direct.port}", "nginx": f"{local}{nginx.tls_port}",
        "haproxy-http1": f"{local}{haproxy.tls1}", "haproxy-http2": f"{local}{haproxy.tls2}",
        "haproxy-tcp": f"{local}{haproxy.tcp}", "unbelieved": f"{local}{unbelieved.tls_port}",
    }
    for one in (nginx, haproxy, unbelieved, behind, passed, direct, doubting):
        one.stop()


SECURE = ["direct", "nginx", "haproxy-http1", "haproxy-http2", "haproxy-tcp"]


@pytest.fixture(scope="module")
def secure_reports(fronts, certificates):
    """What is said of each, all looked at side by side: most of it is waiting."""
    def look(name):
        return doctor(fronts[name], "--ca", str(certificates.file), "--idle", "2s", "--origin", ORIGIN)

    with concurrent.futures.ThreadPoolExecutor(len(SECURE)) as pool:
        looking = {name: pool.submit(look, name) for name in SECURE}
    return looking


@pytest.mark.parametrize("name", SECURE)
def test_with_tls_and_http2(secure_reports, name):
    said = secure_reports[name].result()
    assert said.bad() == []
    assert said.summary["transports"] == ALL
    http2 = " ".join(finding["measured"] for finding in said.findings if finding["step"] == "http2")
    assert "sse over HTTP/2 says hello" in http2
    # nginx has no websockets over HTTP/2; the others lead them through.
    assert ("not offered" if name == "nginx" else "a websocket over HTTP/2 (RFC 8441) says hello") in http2


def test_for_a_person(well):
    done = subprocess.run(
        command(well.url, "--only", "buffering,cors", "--origin", "https://other.example.com"), capture_output=True,
        text=True, timeout=60, env=ENVIRONMENT)
    assert done.returncode == 1 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok       reach      http://127.0.0.1:")
    assert "problem  cors       the gateway refuses pages of https://other.example.com" in lines
    assert "                    sluice.yaml: cors: { origins: [https://other.example.com] }" in lines
    assert lines[-1] == (
        "1 problem, 0 warnings, 0 skipped: a browser client would use websocket, and fall back on sse, ndjson, poll")


def test_ctrl_c_ends_it_at_once(well):
    running = subprocess.Popen(
        command(well.url, "--only", "publish,idle", "--idle", "60s", "--topic", "doctor.interrupted"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    try:
        wait_for(
            lambda: any("doctor.interrupted" in one["subscriptions"] for one in well.connections()), "its streams")
        running.send_signal(signal.SIGINT)
        assert running.wait(5) == 130
    finally:
        running.kill()
        running.communicate()
    topic = json.loads(well.request("GET", "/v1/topics/doctor.interrupted")[2])
    assert topic.get("messages", 0) == 0, topic


def test_the_topic_of_others_is_not_erased(well, topic):
    well.publish(topic, "theirs")
    said = doctor(well.url, "--topic", topic, only="publish")
    assert any("others have published there" in finding["measured"] for finding in said.findings)
    assert json.loads(well.request("GET", f"/v1/topics/{topic}")[2])["messages"] == 2


def test_its_own_topic_is_erased_each_time(well, topic):
    for _ in range(2):
        said = doctor(well.url, "--topic", topic, only="publish")
        assert not any("others have published there" in finding["measured"] for finding in said.findings)
        assert json.loads(well.request("GET", f"/v1/topics/{topic}")[2])["messages"] == 0


def test_messages_of_others_are_no_fault_of_the_network(well, topic):
    over = threading.Event()

    def publish():
        while not over.is_set():
            well.publish(topic, "theirs")

    others = threading.Thread(target=publish)
    others.start()
    try:
        said = doctor(well.url, "--topic", topic, only="buffering,polling,resume")
    finally:
        over.set()
        others.join()
    assert [found for found in said.bad() if found[0] == "resume"] == []
    woken = [f["measured"] for f in said.findings if f["step"] == "polling" and "published" in f["measured"]]
    assert woken and "without the message" not in woken[0]


# What an operator has set


def test_short_polls_and_few_transports(tmp_path, certificates):
    pair = certificates.issue("localhost", ["localhost", "127.0.0.1"])
    gateway = Gateway(tmp_path, f"""\
tls: {{ certificates: [{{ certificate: {pair.certificate}, key: {pair.key} }}] }}
transports: [ndjson, poll]
limits: {{ poll_wait: 2s }}
topics: [{{ match: "bank.>", transports: [poll] }}]
heartbeat: {{ ndjson: 1s }}
""", authority=certificates.file)
    try:
        url, options = f"https://localhost:{gateway.port}", ["--ca", str(certificates.file), "--idle", "3s"]
        said = doctor(url, *options)
        assert sorted(said.bad()) == [("cors", "skipped"), ("upgrade", "skipped")]
        assert said.summary["transports"] == ["ndjson", "poll"]
        said = doctor(url, *options, "--topic", "bank.doctor", only="upgrade,buffering,polling,http2,resume")
        assert said.bad() == [("upgrade", "skipped")]
        assert said.summary["transports"] == ["poll"]
    finally:
        gateway.stop()


def test_a_path_that_the_proxy_passes_on(well):
    assert "takes /base away" in doctor(well.url + "/base", only="reach").one("reach")


# Nobody there, or somebody else


@pytest.mark.parametrize("arguments", [
    ["not a url"], ["ftp://example.com"], ["http://127.0.0.1:99999"], ["http://127.0.0.1:1", "--idle", "soon"],
    ["http://127.0.0.1:1", "--topic", "a..b"], ["http://127.0.0.1:1", "--topic", "a.*"],
    ["http://127.0.0.1:1", "--only", "nonsense"], ["http://127.0.0.1:1", "--origin", "app.example.com"],
    ["http://127.0.0.1:1", "--origin", "https://app.example.com/page"], ["https://a", "--ca", "/nowhere"],
    ["http://127.0.0.1:1", "--url", "http://127.0.0.1:2"]])
def test_wrong_usage(arguments):
    done = subprocess.run([BINARY, "doctor", *arguments], capture_output=True, text=True, timeout=20, env=ENVIRONMENT)
    assert done.returncode == 64 and done.stdout == "", (done.stdout, done.stderr)


def test_a_token_that_cannot_be_sent():
    done = subprocess.run(
        command("http://127.0.0.1:1"), capture_output=True, text=True, timeout=20,
        env=ENVIRONMENT | {"SLUICE_TOKEN": "abc\r"})
    assert done.returncode == 64 and "SLUICE_TOKEN" in done.stderr, (done.stdout, done.stderr)


def test_nothing_listens():
    held = HeldPort()
    said = doctor(f"http://127.0.0.1:{held.number}")
    held.close()
    assert "nobody listens at that port" in said.one("reach")
    assert said.bad() == [("reach", "problem")] and said.summary["transports"] == []


def test_an_unknown_name():
    assert 'the name "nowhere.invalid" is not known' in doctor("http://nowhere.invalid").one("reach")


def test_another_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said = doctor(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()
    assert "and not by a Sluice gateway" in said.one("reach")
    assert said.bad() == [("reach", "problem")]


def test_a_server_that_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = doctor(f"http://127.0.0.1:{server.getsockname()[1]}", patience="300ms")
        assert "never answered" in said.one("reach")


def test_the_operators_listener(well):
    said = doctor(well.admin, only="reach")
    assert "the operators' interface answers here" in said.one("reach")


# Certificates


@pytest.mark.parametrize("name, names, days, trusted, cause", [
    ("localhost", ["localhost", "127.0.0.1"], 30, False, "nobody that is trusted here vouches for it"),
    ("other.example.com", ["other.example.com"], 30, True, "it is for another name than localhost"),
    ("localhost", ["localhost"], 0, True, "it ended 0 days ago")])
def test_a_certificate_that_does_not_verify(certificates, name, names, days, trusted, cause):
    pair = certificates.issue(name, names, days=days)
    # The gateway itself would refuse one that has ended.
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", pair.certificate, "-key", pair.key, "-www"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        port = next(line for line in server.stdout if line.startswith("ACCEPT")).rsplit(":", 1)[1].strip()
        options = ["--ca", str(certificates.file)] if trusted else []
        said = doctor(f"https://localhost:{port}", *options, "--token", "secret")
        assert cause in said.one("reach") and "the token is sent to nobody" in said.one("reach")
    finally:
        server.kill()
        server.communicate()


def test_a_certificate_that_ends_soon_or_is_not_trusted(certificates, start):
    pair = certificates.issue("localhost", ["localhost"], days=3)
    gateway = start(f"tls: {{ certificates: [{{ certificate: {pair.certificate}, key: {pair.key} }}] }}\n")
    url = f"https://localhost:{gateway.port}"
    assert "the certificate ends in " in doctor(url, "--ca", str(certificates.file), only="reach").one(
        "reach", result="warning")
    # Without whom to trust, the rest is looked at all the same, but for a token.
    said = doctor(url, only="upgrade")
    assert "looked at without verifying" in said.one("reach")
    assert [f["result"] for f in said.findings if f["step"] == "upgrade"] == ["ok"]
    assert doctor(f"http://localhost:{gateway.port}", only="reach").one("reach").count("https://localhost") == 1


# A network that misbehaves


def test_a_gateway_that_does_not_believe_its_proxy(fronts, certificates):
    said = doctor(fronts["unbelieved"], "--ca", str(certificates.file), only="reach")
    found = said.one("reach")
    assert "it gives out ws://localhost" in found
    assert "nginx: proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;" in found
    assert "sluice: proxy: { trusted:" in found


def test_a_host_that_is_not_passed_on(well, start):
    # As nginx sends it without proxy_set_header Host: the name of its upstream.
    gateway = start("public_url: http://sluice.invalid\n")
    found = doctor(gateway.url, only="reach").one("reach")
    assert "it gives out ws://sluice.invalid" in found and "does not pass Host on" in found


class UntendedNginx(Proxy):
    """nginx as it is with proxy_pass and nothing else."""

    def __init__(self, folder, gateway, pair):
        held = HeldPort()
        self._held, self.port = [held], held.number
        file = folder / "nginx.conf"
        file.write_text(f"""\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  server {{
    listen 127.0.0.1:{self.port} ssl;
    ssl_certificate {pair.certificate};
    ssl_certificate_key {pair.key};
    location / {{ proxy_pass http://127.0.0.1:{gateway.port}; }}
  }}
}}
""")
        self.log = open(folder / "nginx.log", "wb")
        self.start(["nginx", "-c", str(file), "-p", str(folder)], [self.port])


def test_nginx_as_it_is(well, tmp_path, certificates):
    proxy = UntendedNginx(tmp_path, well, certificates.issue("localhost", ["localhost"]))
    try:
        said = doctor(
            f"https://localhost:{proxy.port}", "--ca", str(certificates.file),
            only="upgrade,publish,buffering,http2,sizes")
    finally:
        proxy.stop()
    assert said.bad() == [
        ("reach", "problem"), ("upgrade", "problem"), ("http2", "warning"), ("sizes", "warning"), ("sizes", "warning"),
        ("sizes", "warning")]
    assert "it gives out ws://127.0.0.1" in said.one("reach")
    assert "answered with 426" in said.one("upgrade", "websocket")
    places = json.dumps(said.findings)
    for line in ("proxy_http_version 1.1;", "ssl http2;", "client_max_body_size 8m;", "proxy_buffer_size 16k;"):
        assert line in places
    # A browser does not go to ws:// from a page of https://.
    assert said.summary["transports"] == []


@pytest.mark.parametrize("way, said_is, remedy", [
    (Refuse(403), "answered with 403", "other transports"), (Refuse(502), "answered with 502", "proxy_http_version 1.1"),
    (Strip(), "answered with 426 (upgrade-required)", "proxy_set_header Upgrade $http_upgrade"),
    (Mute(), "nothing came through it", "proxy_set_header Upgrade $http_upgrade"),
    (Deafen(), "a ping sent on it had no answer", "proxy_set_header Upgrade $http_upgrade"),
    (Kill(0.3), "and said hello and was cut off", "timeout tunnel 90s"), (Down(), "was cut off", "Upgrade"),
    (CloseWith(1011), "was closed with 1011", "proxy_read_timeout"), (Break((10, 40)), "was cut off", "timeout tunnel")])
def test_websockets_that_do_not_get_through(network, way, said_is, remedy):
    network.misbehave(websocket=way)
    said = doctor(network.url, only="upgrade", patience="700ms")
    found = said.one("upgrade", "websocket")
    assert said_is in found and remedy in found
    assert said.summary["transports"] == ["sse", "ndjson", "poll"]


@pytest.mark.parametrize("way, said_is", [
    (Buffer(), "nothing of the stream came"), (Buffer(head=True), "not even the answer's head"),
    (Mute(), "nothing of the stream came"), (Hoard(first=1), "a message came only when 16 KB more came behind it"),
    (Refuse(403), "answered with 403")])
def test_streams_that_are_held_back(network, way, said_is):
    network.misbehave(sse=way)
    said = doctor(network.url, only="buffering", patience="700ms")
    found = said.one("buffering", "sse")
    assert said_is in found
    assert "proxy_buffering off;" in found or "403" in said_is
    assert said.summary["transports"] == ["websocket", "ndjson", "poll"]


def test_streams_that_are_compressed(network):
    network.misbehave(
        sse=lambda r: Amend(add=[("Content-Encoding", "gzip")]) if "gzip" in r.headers.get("accept-encoding", "") else None)
    found = doctor(network.url, only="buffering").one("buffering", "sse", "warning")
    assert "it comes as gzip" in found and "nginx: gzip off;" in found


@pytest.mark.parametrize("way, said_is", [
    (Refuse(403), "a poll was answered with 403"), (GiveUp(0.5), "answered with 504 after"),
    (GiveUp(0.5, status=200), "not understood")])
def test_polls_that_are_not_waited_for(network, way, said_is):
    network.misbehave(poll=way)
    said = doctor(network.url, only="polling", patience="1s")
    found = said.one("polling", "poll")
    assert said_is in found
    assert "403" in said_is or "nginx: proxy_read_timeout 90s;" in found
    assert said.summary["transports"] == ["websocket", "sse", "ndjson"]


def test_silence_that_is_cut(start):
    """Below the heartbeats, which come every 5 s."""
    gateway = start("heartbeat: { sse: 5s, ndjson: 5s, websocket: 5s }\n")
    with Misbehaving(gateway.port) as network:
        network.misbehave(websocket=GiveUp(1.2), sse=GiveUp(1.5), poll=GiveUp(2))
        said = doctor(network.url, "--idle", "4s", only="idle")
    for transport in ("websocket", "sse"):
        found = said.one("idle", transport)
        assert "a proxy ends connections that are silent for 1" in found
        assert "nginx: proxy_read_timeout 90s" in found and "haproxy: timeout client 90s" in found
        assert "heartbeat: { sse:" in found
    assert "answered with 504 after 2" in said.one("idle", "poll")
    assert said.summary["transports"] == ["ndjson"]


def test_requests_that_may_not_last(network):
    """Heartbeats or not."""
    network.misbehave(sse=Kill(2.4))
    found = doctor(network.url, "--idle", "4s", only="idle").one("idle", "sse")
    assert "a proxy limits how long any request may take" in found and "to about 2." in found


@pytest.mark.parametrize("ways, said_is", [
    (dict(negotiate=Amend(add=[("Access-Control-Allow-Origin", "*")])), "2 times"),
    (dict(negotiate=Amend(drop=["access-control-allow-origin"])), "has no Access-Control-Allow-Origin"),
    (dict(other=Refuse(405)), "a preflight of https://app.example.com has no Access-Control-Allow-Origin"),
    (dict(negotiate=Amend(drop=["access-control-allow-origin"], add=[("Access-Control-Allow-Origin", "https://b.c")])),
     "Access-Control-Allow-Origin: https://b.c"),
    (dict(websocket=Refuse(403)), "a websocket of a page")])
def test_cors_that_is_meddled_with(network, ways, said_is):
    network.misbehave(**ways)
    found = doctor(network.url, "--origin", ORIGIN, only="cors").one("cors")
    assert said_is in found and "cors: { origins: [https://app.example.com] }" in found


def test_an_origin_that_is_not_allowed(network):
    found = doctor(network.url, "--origin", "https://other.example.com", only="cors").one("cors")
    assert "cors: { origins: [https://other.example.com] }" in found


def test_a_last_event_id_that_is_lost(network):
    network.misbehave(sse=Amend(forget=["last-event-id"]))
    said = doctor(network.url, only="resume", patience="1s")
    assert said.bad() == [("resume", "problem")]
    found = said.one("resume", "sse")
    assert "with Last-Event-ID nothing of what was missed came" in found
    assert "nginx: proxy_set_header Last-Event-ID $http_last_event_id;" in found


def test_gateways_that_know_nothing_of_each_other(well, start):
    """A load balancer before two, each with a store of its own."""
    other = start(LIVELY)
    with Misbehaving(itertools.cycle([well.port, other.port])) as network:
        said = doctor(network.url, only="resume", patience="1s")
    assert "2 gateways answer here that know nothing of each other" in said.one("reach")
    found = said.one("resume")
    assert "a gap, reason epoch" in found and "store: redis://HOST:PORT/DB" in found


def test_where_nothing_can_be_published(network):
    network.misbehave(publish=Refuse(403))
    said = doctor(network.url, only="publish,buffering,polling,resume")
    assert said.bad() == [("publish", "skipped")]
    assert any("a position is taken over without a gap" in finding["measured"] for finding in said.findings)
    network.behave()
    network.forget()
    said = doctor(network.url, "--no-publish", only="publish,resume")
    assert said.bad() == [("publish", "skipped")] and not network.seen("publish")


def test_requests_that_are_too_large(network):
    network.misbehave(
        publish=lambda r: Refuse(413) if int(r.headers["content-length"]) > 1 << 20 else None,
        poll=lambda r: Refuse(413) if r.method == "POST" else Refuse(414) if len(r.target) > 2048 else None)
    said = doctor(network.url, only="sizes")
    problems = [f for f in said.findings if f["result"] == "problem"]
    assert [f["measured"].split(" was ")[1] for f in problems] == ["answered with 413", "answered with 414"]
    places = json.dumps(problems)
    assert "client_max_body_size 8m;" in places and "large_client_header_buffers 4 16k;" in places
    assert said.summary["warnings"] == 2


def test_a_token_that_the_proxy_wants(network):
    network.misbehave(every=lambda r: None if r.headers.get("authorization") == "Bearer secret" else Refuse(401))
    assert "--token TOKEN" in doctor(network.url).one("reach")
    said = doctor(network.url, "--token", "secret", only="upgrade,publish,buffering,polling,resume")
    assert said.bad() == [] and said.summary["transports"] == ALL
