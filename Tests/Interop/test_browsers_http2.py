"""Chromium and Firefox over HTTP/2: more streams than HTTP/1.1 lets a page have, and WebSockets beside them."""

import urllib.parse

import pytest

from support.browser import Browser, PageServer
from support.gateway import wait_for

STREAMS, COUNT = 20, 10

pytestmark = pytest.mark.timeout(240)


def secure(start, certificates, more=""):
    pair = certificates.issue("localhost", ["localhost", "127.0.0.1"])
    return start(
        f"tls: {{ certificates: [{{ certificate: {pair.certificate}, key: {pair.key} }}] }}\n{more}",
        authority=certificates.file)


@pytest.mark.parametrize("name", ["chromium", "firefox"])
def test_twenty_streams_of_a_page(start, certificates, tmp_path, name):
    """An EventSource for each of twenty tabs: all of them are open at once, and none waits for another."""
    assert Browser.is_installed(name), f"{name} is not installed; deploy/test interop installs it"
    pages = PageServer()
    gateway = secure(start, certificates, f"cors: {{ origins: ['{pages.origin}'] }}\n")
    query = urllib.parse.urlencode({
        "gateway": gateway.url.replace("127.0.0.1", "localhost"), "prefix": name, "streams": STREAMS, "count": COUNT})
    browser = Browser(name, f"{pages.origin}/many.html?{query}", tmp_path, certificates.file)
    try:
        assert pages.result("opened", 90) == STREAMS
        assert pages.result("socket", 90) == "open"
        assert gateway.metric('sluice_connections{transport="sse"}') == STREAMS
        # One for the first request and the streams, one for the WebSocket, which may take cookies along.
        assert gateway.metric("sluice_http_connections_accepted_total") <= 3
        for number in range(COUNT):
            for stream in range(STREAMS):
                gateway.publish(f"{name}.{stream}", [stream, number])
        assert pages.result("got") == [[[stream, number] for number in range(COUNT)] for stream in range(STREAMS)]
        assert pages.result("texts") == [[0, number] for number in range(COUNT)]
    finally:
        browser.close()
        pages.close()


SCRIPT = """
new Promise((resolve, reject) => {
  const got = { events: [], texts: [], ready: 0 };
  const done = () => { if (got.events.length === 3 && got.texts.length === 3) resolve(got); };
  const begin = () => {
    got.ready += 1;
    if (got.ready < 2) return;
    for (const number of [0, 1, 2]) {
      fetch("/v1/topics/page/messages", {
        method: "POST", body: JSON.stringify(number), headers: { "Content-Type": "application/json" } });
    }
  };
  const source = new EventSource("/v1/stream?topic=page");
  source.addEventListener("hello", begin);
  source.onmessage = (event) => { got.events.push(JSON.parse(event.data).data); done(); };
  const socket = new WebSocket(`wss://${location.host}/v1/stream?topic=page`);
  socket.onerror = () => reject(new Error("the websocket failed"));
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (message.type === "hello") begin();
    if (!message.type) { got.texts.push(message.data); done(); }
  };
})
"""


def test_a_websocket_on_the_page_s_own_connection(start, certificates, tmp_path):
    """In Chromium page, event stream, publishes and WebSocket are streams of one connection (RFC 8441)."""
    gateway = secure(start, certificates)
    url = gateway.url.replace("127.0.0.1", "localhost")
    browser = Browser("chromium", f"{url}/v1/negotiate", tmp_path, certificates.file)
    try:
        loaded = f"localhost:{gateway.port} complete"
        wait_for(lambda: browser.evaluate("location.host + ' ' + document.readyState") == loaded, "the page", 60)
        got = browser.evaluate(SCRIPT)
        assert sorted(got["events"]) == sorted(got["texts"]) == [0, 1, 2]
        assert gateway.metric('sluice_connections{transport="websocket"}') == 1
        assert gateway.metric('sluice_connections{transport="sse"}') == 1
        # Nothing came over HTTP/1.1: every handshake ended in HTTP/2. A browser may open connections in advance.
        handshakes = sum(
            gateway.metric(f'sluice_tls_handshakes_total{{outcome="{outcome}"}}') for outcome in ["full", "resumed"])
        assert gateway.metric("sluice_http2_connections_total") == handshakes <= 2
    finally:
        browser.close()
