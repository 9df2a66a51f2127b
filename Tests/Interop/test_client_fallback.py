"""The client's way through networks that misbehave: each rule of falling back and coming up again, in real browsers."""

import itertools
import re

import pytest

from support.client_stage import ClientStage, Reader
from support.gateway import wait_for
from support.misbehaving import READING, Break, Buffer, CloseWith, Down, Kill, Mute, Refuse, Strip
from support.traffic import Publisher

# Probes follow each other quickly, so that no test waits for one.
HURRIED = "since: 'earliest', limits: { probeFirst: 300, probeMost: 600 }"
# Slow to take a transport for silent, and quick to take a socket for killed, however busy the machine is.
UNHURRIED = "since: 'earliest', limits: { probeFirst: 300, probeMost: 600, firstByteLeast: 10_000, killedWithin: 20_000 }"
# A client that does not probe while a test looks.
PATIENT = "since: 'earliest'"

pytestmark = pytest.mark.timeout(180)

_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def browser(request, tmp_path_factory):
    stage = ClientStage(request.param, tmp_path_factory.mktemp(request.param))
    yield stage
    stage.close()


@pytest.fixture
def stage(browser):
    yield browser
    browser.clear()


@pytest.fixture
def topic():
    return f"fallback.{next(_numbers)}"


@pytest.fixture
def publishing(stage, topic):
    """Messages at up to 200 a second for as long as its block lasts."""
    return Publisher(stage.gateway, [topic], pause=0.005)


def before(requests, other):
    """Those that began before another did."""
    return [request for request in requests if request.began < other.began]


# MARK: Rule 1: WebSockets that do not get through


def test_sockets_that_are_killed_within_a_second(stage, topic, publishing):
    stage.proxy.misbehave(websocket=Kill(0.3))
    reader = Reader(stage.page, topic, UNHURRIED)
    with publishing as publisher:
        reader.on("sse")
        first = stage.proxy.seen("sse")[0]
        assert len(before(stage.proxy.seen("websocket"), first)) == 3
        stage.proxy.behave()
        reader.on("websocket")
    reader.has(publisher.acknowledged)


@pytest.mark.parametrize("way", [Refuse(403), Refuse(400), Strip()], ids=["403", "400", "stripped"])
def test_sockets_that_are_refused(stage, topic, publishing, way):
    stage.proxy.misbehave(websocket=way)
    reader = Reader(stage.page, topic, HURRIED)
    with publishing as publisher:
        reader.on("sse")
        first = stage.proxy.seen("sse")[0]
        tried = before(stage.proxy.seen("websocket"), first)
        # Once more at once, as the gateway might have been starting; but no waiting.
        assert len(tried) <= 2
        assert reader.states[:2] == ["connecting", "connected"]
        stage.proxy.behave()
        reader.on("websocket")
    assert reader.transports == ["sse", "websocket"]
    reader.has(publisher.acknowledged)


def test_sockets_that_deliver_nothing(stage, topic, publishing):
    stage.proxy.misbehave(websocket=Mute())
    reader = Reader(stage.page, topic, HURRIED)
    with publishing as publisher:
        reader.on("sse")
        first = stage.proxy.seen("sse")[0]
        tried = before(stage.proxy.seen("websocket"), first)
        assert len(tried) == 1 and 1.9 < first.began - tried[0].began < 12
        stage.proxy.behave()
        reader.on("websocket")
    reader.has(publisher.acknowledged)


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_a_slow_network_is_not_a_broken_one(stage, topic, transport):
    """Two thirds of a second to the gateway and back for each of a handshake's turns: the first bytes take seconds."""
    stage.proxy.delay = 0.7
    message = stage.gateway.publish(topic, "far away")
    reader = Reader(stage.page, topic, f"{PATIENT}, transports: ['{transport}', 'poll']")
    reader.has([message])
    assert reader.transports == [transport] and not stage.proxy.seen("poll")


# MARK: Rule 2: event streams that are kept back


@pytest.mark.parametrize("way", [Buffer(), Buffer(head=True)], ids=["body", "head-and-body"])
def test_event_streams_that_are_buffered(stage, topic, publishing, way):
    stage.proxy.misbehave(websocket=Refuse(), sse=way)
    reader = Reader(stage.page, topic, HURRIED)
    with publishing as publisher:
        reader.on("poll")
        stage.proxy.behave()
        reader.on("websocket")
    assert reader.transports[0] == "poll"
    reader.has(publisher.acknowledged)


# MARK: Answers that are cut


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "end"])
def test_polls_whose_answers_are_cut(stage, topic, reset):
    """Every answer is cut after 20,000 bytes, and more than that is held: each poll asks for less until it fits."""
    held = [stage.gateway.publish(topic, "x" * 100) for _ in range(300)]
    stage.proxy.misbehave(poll=Break((20_000, 20_000), reset))
    reader = Reader(stage.page, topic, f"{PATIENT}, transports: ['poll']")
    reader.has(held)
    limits = [re.search(r"limit=(\d+)", request.target) for request in stage.proxy.seen("poll")]
    assert [limit and int(limit[1]) for limit in limits[:4]] == [None, 500, 250, 125]
    assert reader.transports[-1] == "poll" and len(stage.proxy.seen("negotiate")) == 1


# MARK: Rule 3: what is no reason to fall back


@pytest.mark.parametrize(
    "way", [Down(), Refuse(502), Refuse(503)], ids=["nobody-listens", "bad-gateway", "unavailable"])
def test_a_gateway_that_is_away(stage, topic, publishing, way):
    reader = Reader(stage.page, topic, PATIENT)
    reader.on("websocket")
    with publishing as publisher:
        stage.proxy.misbehave(every=way)
        stage.proxy.cut()
        wait_for(lambda: len(stage.proxy.seen("websocket") + stage.proxy.seen("negotiate")) > 7, "it to try")
        stage.proxy.behave()
        reader.on("websocket")
    reader.has(publisher.acknowledged)
    assert set(reader.transports) == {"websocket"}
    assert not stage.proxy.seen("sse") and not stage.proxy.seen("poll")


def test_a_gateway_that_restarts(stage, topic, start, tmp_path):
    """By itself and by `kill -9`, with a store that keeps what it had."""
    configuration = f"{stage.configuration}store: sqlite:{tmp_path}/store.db\ndrain: {{ window: 1s, timeout: 5s }}\n"
    gateway = start(configuration)
    stage.proxy.target = gateway.port
    reader = Reader(stage.page, topic, PATIENT)
    reader.on("websocket")
    acknowledged = [gateway.publish(topic, 1)]
    for end in (gateway.kill, lambda: gateway.request("POST", gateway.admin + "/v1/admin/drain")):
        reader.has(acknowledged)
        end()
        gateway.process.wait(20)
        gateway = start(configuration)
        acknowledged.append(gateway.publish(topic, 2))
        stage.proxy.target = gateway.port
    reader.has(acknowledged)
    assert set(reader.transports) == {"websocket"}
    assert not stage.proxy.seen("sse") and not stage.proxy.seen("poll")


def test_a_browser_that_is_offline(stage, topic, publishing):
    reader = Reader(stage.page, topic, PATIENT)
    reader.on("websocket")
    stage.page.run("""
        globalThis.online = (value) => {
          Object.defineProperty(navigator, "onLine", { value, configurable: true });
          dispatchEvent(new Event(value ? "online" : "offline"));
        };
    """)
    try:
        with publishing as publisher:
            stage.page.run("online(false)")
            stage.proxy.misbehave(every=Down())
            stage.proxy.cut()
            reader.until("r.client.state === 'offline'")
            stage.proxy.forget()
            publisher.more(300)
        # More than a second without a single attempt.
        assert not stage.proxy.seen("websocket") and not stage.proxy.seen("negotiate")
        stage.proxy.behave()
        stage.page.run("online(true)")
        reader.on("websocket")
        reader.has(publisher.acknowledged)
        assert not stage.proxy.seen("sse") and not stage.proxy.seen("poll")
    finally:
        stage.page.run("delete navigator.onLine")


# MARK: Rule 4: the way up


def test_the_new_connection_has_caught_up_before_the_old_one_is_closed(stage, topic, publishing):
    stage.proxy.misbehave(websocket=Refuse(), sse=Buffer())
    reader = Reader(stage.page, topic, HURRIED)
    with publishing as publisher:
        reader.on("poll")
        stage.proxy.misbehave(sse=None)
        reader.on("sse")
        stage.proxy.misbehave(websocket=None)
        reader.on("websocket")
        event_stream = stage.proxy.seen("sse")[-1]
        socket = stage.proxy.seen("websocket")[-1]
        wait_for(lambda: event_stream.ended, "the event stream to be closed")
        assert socket.answered < event_stream.ended
    assert reader.transports == ["poll", "sse", "websocket"]
    reader.has(publisher.acknowledged)
    # Only that one is left, and the client was connected all the while.
    wait_for(lambda: [c["transport"] for c in stage.gateway.connections()] == ["websocket"], "one connection")
    states = reader.states
    assert states[states.index("connected"):] == ["connected"]


def test_probes_that_fail_leave_the_stream_alone(stage, topic, publishing):
    stage.proxy.misbehave(websocket=Mute())
    reader = Reader(stage.page, topic, HURRIED)
    with publishing as publisher:
        reader.on("sse")
        stage.proxy.misbehave(websocket=Refuse())
        wait_for(lambda: len(stage.proxy.seen("websocket")) > 3, "some probes")
    reader.has(publisher.acknowledged)
    assert len(stage.proxy.seen("sse")) == 1 and reader.transports == ["sse"]


# MARK: Rule 5: what is remembered


def reading(stage):
    """The first request that reads, whatever its transport."""
    return min((r for kind in READING for r in stage.proxy.seen(kind)), key=lambda r: r.began).kind


def test_what_worked_is_remembered_and_never_sticks(stage, topic):
    message = stage.gateway.publish(topic, 1)
    stage.proxy.misbehave(websocket=Refuse())
    Reader(stage.page, topic, PATIENT).on("sse")
    stage.page.reload()
    stage.proxy.forget()
    reader = Reader(stage.page, topic, HURRIED)
    reader.on("sse")
    assert reading(stage) == "sse"
    # It is still tried, and what then works is remembered in its place.
    stage.proxy.behave()
    reader.on("websocket")
    reader.has([message])
    stage.page.reload()
    stage.proxy.forget()
    Reader(stage.page, topic, PATIENT).on("websocket")
    assert reading(stage) == "websocket"


def test_what_is_remembered_expires(stage, topic):
    stage.proxy.misbehave(websocket=Refuse())
    first = Reader(stage.page, topic, PATIENT)
    first.on("sse")
    first.end()
    for minutes, expected in [(1, "sse"), (31, "websocket")]:
        stage.proxy.forget()
        later = Reader(
            stage.page, topic, f"{PATIENT}, environment: {{ now: () => Date.now() + {minutes} * 60_000 }}")
        later.on("sse")
        assert reading(stage) == expected
        later.end()


def test_what_is_remembered_belongs_to_a_network(stage, topic):
    def on_network(network):
        options = f"{PATIENT}, environment: {{ navigator: {{ onLine: true, connection: {{ type: '{network}' }} }} }}"
        stage.proxy.forget()
        reader = Reader(stage.page, topic, options)
        reader.on("sse")
        reader.end()
        return reading(stage)

    stage.proxy.misbehave(websocket=Refuse())
    assert [on_network(network) for network in ["wifi", "wifi", "cellular"]] == ["websocket", "sse", "websocket"]


# MARK: Rule 6: coming back


def test_clients_that_lost_their_connection_together_come_back_one_by_one(stage, topic):
    readers = [
        Reader(stage.page, topic, f"{PATIENT}, transports: ['sse']", name=f"reader {n}") for n in range(6)]
    for reader in readers:
        reader.on("sse")
    stage.proxy.forget()
    stage.proxy.cut()
    wait_for(lambda: len(stage.proxy.seen("sse")) >= 6, "all of them to come back")
    times = sorted(request.began for request in stage.proxy.seen("sse")[:6])
    assert times[-1] - times[0] > 0.02


def test_retry_after_is_waited_for(stage, topic):
    stage.proxy.misbehave(every=Refuse(503, (("Retry-After", "2"),)))
    reader = Reader(stage.page, topic, f"{PATIENT}, transports: ['sse']")

    def tries():
        return [request for kind in ("negotiate", "sse") for request in stage.proxy.seen(kind)]

    wait_for(lambda: len(tries()) >= 3, "three attempts")
    times = [request.answered for request in sorted(tries(), key=lambda r: r.began)][:3]
    assert all(later - sooner >= 1.9 for sooner, later in itertools.pairwise(times))
    stage.proxy.behave()
    reader.on("sse")


def test_a_terminal_code_ends_it(stage, topic):
    stage.proxy.misbehave(websocket=CloseWith(4501))
    reader = Reader(stage.page, topic, HURRIED)
    reader.until("r.client.state === 'closed'")
    assert [error["terminal"] for error in reader.get("r.errors")][-1:] == [True]
    stage.proxy.forget()
    # Another client comes and goes meanwhile; from the one that ended nothing more comes.
    stage.proxy.behave()
    other = Reader(stage.page, topic, PATIENT, name="other")
    other.has([stage.gateway.publish(topic, 1)])
    assert len(stage.proxy.seen("websocket")) == 1


def test_a_code_that_is_not_terminal_does_not(stage, topic):
    reader = Reader(stage.page, topic, PATIENT)
    reader.on("websocket")
    stage.gateway.request(
        "POST", stage.gateway.admin + "/v1/admin/disconnect", b'{"all":true}', {"Content-Type": "application/json"})
    reader.has([stage.gateway.publish(topic, 1)])
    assert set(reader.transports) == {"websocket"} and not stage.proxy.seen("sse")


def test_who_may_not_read_is_told_once(stage, topic):
    stage.proxy.misbehave(every=Refuse(403))
    reader = Reader(stage.page, topic, PATIENT)
    reader.until("r.client.state === 'closed'")
    assert [(error["status"], error["terminal"]) for error in reader.get("r.errors")] == [(403, True)]


# MARK: Rule 7: connections that are dead


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
def test_a_connection_that_went_without_a_word(stage, topic, publishing, transport):
    watchful = "limits: { silence: 1000, suspicion: 500, pollWait: 2000 }"
    reader = Reader(stage.page, topic, f"{PATIENT}, {watchful}, transports: ['{transport}']")
    reader.on(transport)
    with publishing as publisher:
        stage.proxy.freeze()
        publisher.more(100)
    reader.has(publisher.acknowledged)
    assert set(reader.transports) == {transport}


# The page stands still, as in sleep: nothing of it runs, its connections are the network's.
SLEEP = """
    const request = new XMLHttpRequest();
    request.open("GET", `/v1/stream?topic=nobody&since=${r.client.position}&wait=5`, false);
    request.send();
"""


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_after_sleep_a_connection_that_lives_is_kept(stage, topic, publishing, transport):
    reader = Reader(
        stage.page, topic, f"{PATIENT}, limits: {{ silence: 2000, suspicion: 500 }}, transports: ['{transport}']")
    reader.on(transport)
    with publishing as publisher:
        reader.get(f"(() => {{ {SLEEP} }})()")
    reader.has(publisher.acknowledged)
    assert len(stage.proxy.seen(transport)) == 1


def test_after_sleep_a_dead_connection_is_noticed_at_once(stage, topic, publishing):
    reader = Reader(stage.page, topic, f"{PATIENT}, limits: {{ silence: 2000, suspicion: 500 }}")
    reader.on("websocket")
    with publishing as publisher:
        stage.proxy.freeze()
        reader.get(f"(() => {{ {SLEEP} }})()")
    reader.has(publisher.acknowledged, seconds=5)
    assert set(reader.transports) == {"websocket"}
