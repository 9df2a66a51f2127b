"""Chromium and Firefox: their own EventSource, WebSocket and fetch, on a page of another origin."""

import time
import urllib.parse

import pytest

from support.browser import Browser, PageServer
from support.gateway import Gateway, wait_for
from support.proxy import CuttingProxy
from support.traffic import Publisher, Reading

COUNT = 900
BUSY = 10_000
# Chromium's and Firefox's patience with a stream that breaks is theirs; it is not hurried here.
PATIENCE = 90

pytestmark = pytest.mark.timeout(240)


class Visit:
    """All that a browser's page reported, and what was done to it meanwhile."""


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def visit(request, tmp_path_factory):
    name = request.param
    assert Browser.is_installed(name), f"{name} is not installed; deploy/test interop installs it"
    folder = tmp_path_factory.mktemp(name)
    pages, strange_pages = PageServer(), PageServer()
    gateway = Gateway(folder / "gateway", f"""\
cors: {{ origins: ["{pages.origin}"] }}
heartbeat: {{ sse: 1s }}
reconnect: {{ min: 100ms, max: 1s }}
history: {{ messages: 100000, age: 1h }}
topics:
  - match: "busy"
    history: {{ messages: 5 }}
""")
    proxy, quiet_proxy = CuttingProxy(gateway.port), CuttingProxy(gateway.port)
    topics = [f"{name}.{letter}" for letter in "abc"]
    query = [("topic", topic) for topic in topics] + [
        ("gateway", proxy.url), ("quiet", quiet_proxy.url), ("quiet-topic", f"{name}.quiet"), ("count", COUNT)]
    browser = Browser(name, f"{pages.origin}/reader.html?{urllib.parse.urlencode(query)}", folder)
    visit = Visit()
    try:
        visit.opened = pages.result("quiet-open", PATIENCE)
        first_heartbeat = pages.result("quiet-heartbeat")
        with Publisher(gateway, topics, COUNT, pause=0.01) as publisher:
            turn = 0
            while publisher.is_running:
                time.sleep(1.2)
                turn += 1
                proxy.cut(reset=turn % 2 == 0)
        visit.acknowledged = publisher.acknowledged
        # The quiet topic's position is moved by heartbeats alone, past what is still held of the others.
        gateway.publish_many("busy", BUSY)
        head = gateway.publish("busy", "the newest")["id"]
        wait_for(
            lambda: [result for result in pages.results("quiet-heartbeat") if result["id"] == head],
            f"a heartbeat that carries {head}", PATIENCE)
        assert first_heartbeat["id"] != head
        quiet_proxy.cut(reset=True)
        gateway.publish_many("busy", BUSY)
        visit.missed = gateway.publish(f"{name}.quiet", "missed")
        pages.result("quiet-returned", PATIENCE)
        visit.last = gateway.publish(f"{name}.quiet", "last")
        for job in ("event-source", "web-socket", "polling", "quiet", "publishing"):
            setattr(visit, job.replace("-", "_"), pages.result(job, PATIENCE))
        visit.cuts = proxy.cuts
    finally:
        browser.close()
    secret = gateway.publish(f"{name}.secret", "for those who are let in")
    query = urllib.parse.urlencode({"gateway": gateway.url, "topic": f"{name}.secret"})
    browser = Browser(name, f"{strange_pages.origin}/stranger.html?{query}", folder / "stranger")
    try:
        visit.stranger = strange_pages.result("stranger", PATIENCE)
        visit.secret_afterwards = gateway.request("GET", f"/v1/topics/{name}.secret/messages?since=earliest")[2]
        visit.secret = secret
    finally:
        browser.close()
        for part in (proxy, quiet_proxy, pages, strange_pages):
            part.close()
        gateway.stop()
    return visit


def reading_of(result):
    reading = Reading()
    for message in result["messages"]:
        reading.take(message)
    return reading


def test_an_event_source_on_three_topics_reconnects_by_itself_and_loses_nothing(visit):
    result = visit.event_source
    assert visit.cuts > 3 and not result.get("gaveUp")
    hellos = [control for control in result["controls"] if control["name"] == "hello"]
    assert len(hellos) >= 3 and result["errors"] >= 2
    assert not [control for control in result["controls"] if control["name"] == "gap"]
    reading_of(result).check(visit.acknowledged)


def test_controls_are_named_events_that_onmessage_does_not_see(visit):
    assert visit.event_source["wrong"] == []
    for control in visit.event_source["controls"]:
        assert control["id"], f"{control} has left the browser without a position"


def test_heartbeats_move_the_position_of_a_quiet_event_source(visit):
    result = visit.quiet
    assert result["opened"] >= 2
    assert len(set(result["ids"])) >= 2
    assert not [control for control in result["controls"] if control["name"] == "gap"]
    assert [message["id"] for message in result["messages"]] == [visit.missed["id"], visit.last["id"]]


def test_a_web_socket_that_the_page_reopens_loses_nothing(visit):
    result = visit.web_socket
    assert result["connections"] >= 3 and result["protocol"] == "sluice.v1.json"
    assert not [control for control in result["controls"] if control["type"] == "gap"]
    reading_of(result).check(visit.acknowledged)


def test_polling_with_fetch_loses_nothing(visit):
    assert visit.polling["controls"] == []
    reading_of(visit.polling).check(visit.acknowledged)


def test_a_page_that_is_let_in_publishes(visit):
    assert visit.publishing["status"] in (200, 201)
    assert visit.publishing["body"]["seq"] == 1


def test_a_page_of_another_origin_gets_nothing_and_does_nothing(visit):
    result = visit.stranger
    assert result["got"] == []
    assert result["outcomes"] == {
        "event-source": "closed", "web-socket": 1006, "poll": "refused", "publish": "refused", "delete": "refused"}
    assert visit.secret["id"] in visit.secret_afterwards.decode()
    assert b"stranger" not in visit.secret_afterwards
