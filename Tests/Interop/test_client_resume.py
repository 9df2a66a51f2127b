"""The client keeps its place, in real browsers: every message once, in order, whatever breaks and whoever leaves."""

import itertools
import random

import pytest

from support.client_stage import ClientStage, Reader
from support.gateway import wait_for
from support.misbehaving import Break, Buffer, Refuse
from support.soak import count
from support.traffic import Publisher

TRANSPORTS = ("websocket", "sse", "ndjson", "poll")
DISCONNECTS = count(gate=12, soak=50)

pytestmark = pytest.mark.timeout(120)

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
def topics():
    number = next(_numbers)
    return [f"resume.{number}.{letter}" for letter in "abc"]


class Pause:
    """Random moments, the same in every run, while a publisher is at work."""

    def __init__(self, publisher, seed=6):
        self._publisher, self.random = publisher, random.Random(seed)

    def messages(self, least, most):
        """Until so many more messages have been published."""
        self._publisher.more(self.random.randint(least, most))


def test_many_disconnects_at_random_moments(stage, topics):
    """A client on each transport alone, and one that goes up and down on a way of its own; 200 messages a second."""
    own = stage.other_proxy
    readers = [
        Reader(stage.page, topics, f"since: 'earliest', transports: ['{name}']", name=name) for name in TRANSPORTS]
    roamer = Reader(
        stage.page, topics, f"url: '{own.url}', since: 'earliest', limits: {{ probeFirst: 200, probeMost: 400 }}",
        name="roamer")
    for reader, name in zip(readers, TRANSPORTS):
        reader.on(name)
    roamer.on("websocket")
    cut = dict.fromkeys(TRANSPORTS, 0)
    roaming = {"websocket": {}, "sse": {"websocket": Refuse()}, "poll": {"websocket": Refuse(), "sse": Buffer()}}
    with Publisher(stage.gateway, topics, pause=0.0035) as publisher:
        pause = Pause(publisher)
        while sum(cut.values()) < DISCONNECTS:
            assert publisher.is_running, publisher.failure
            pause.messages(20, 120)
            # Only a cut that met an open connection counts. A poll has none between two requests, so choosing among all
            # transports could leave it nearly untested on a busy machine.
            transport = pause.random.choice([name for name in TRANSPORTS if cut[name] == min(cut.values())])
            reset = pause.random.random() < 0.5
            # The one client of this transport, and the roamer, wherever it is.
            cut[transport] += stage.proxy.cut(transport, reset=reset) > 0
            if sum(cut.values()) % 3 == 0:
                own.behave()
                own.misbehave(**pause.random.choice(list(roaming.values())))
                own.cut(reset=reset)
        # Where it was not for want of time it goes now.
        for name, ways in roaming.items():
            if name not in roamer.transports:
                own.behave()
                own.misbehave(**ways)
                own.cut()
                roamer.on(name, 60)
    own.behave()
    assert max(cut.values()) - min(cut.values()) <= 1, cut
    for reader in [*readers, roamer]:
        reader.has(publisher.acknowledged, 60)


def test_connections_that_break_within_a_message(stage, topics):
    readers = [
        Reader(stage.page, topics, f"since: 'earliest', transports: ['{name}']", name=name) for name in TRANSPORTS]
    for reader, name in zip(readers, TRANSPORTS):
        reader.on(name)
    stage.proxy.misbehave(**dict.fromkeys(TRANSPORTS, Break((300, 6000))))
    stage.proxy.cut()
    with Publisher(stage.gateway, topics, 500, pause=0.005) as publisher:
        pass
    breaks = sum(len(stage.proxy.seen(name)) for name in TRANSPORTS)
    stage.proxy.behave()
    stage.proxy.cut()
    assert breaks > 20
    for reader in readers:
        reader.has(publisher.acknowledged, 60)


def test_subscriptions_that_come_and_go(stage, topics):
    """Each gets its own, from where it began, while connections break; what none asks for any more does not come."""
    for transport in ("websocket", "sse", "poll"):
        first, second, third = (f"{topic}.{transport}" for topic in topics)
        old = [stage.gateway.publish(second, n) for n in range(5)]
        reader = Reader(stage.page, first, f"since: 'earliest', transports: ['{transport}']", name=transport)
        reader.on(transport)
        with Publisher(stage.gateway, [first, second, third], pause=0.004) as publisher:
            pause = Pause(publisher)
            pause.messages(30, 60)
            stage.page.run("await join(name, topic, { since: 'earliest' })", name=transport, topic=second)
            pause.messages(30, 60)
            stage.proxy.cut()
            pause.messages(30, 60)
            stage.page.run("readings[name].joined.subscription.unsubscribe()", name=transport)
            stage.proxy.cut()
            pause.messages(60, 120)
        of = lambda topic: [message for message in publisher.acknowledged if message["topic"] == topic]
        reader.has(of(first))
        joined = [identifier for identifier, _, _ in reader.get("r.joined.messages")]
        expected = [message["id"] for message in old + of(second)]
        assert joined == expected[:len(joined)] and len(joined) > len(old) + 5
        assert len(joined) < len(expected)
        reader.end()


@pytest.mark.parametrize("transports", ["websocket", "websocket,poll", "sse", "ndjson", "poll"])
def test_a_topic_that_is_read_already_from_an_older_position(stage, topics, transports):
    """The second subscription gets what the first has long had, and the first gets nothing again."""
    topic = topics[0]
    old = [stage.gateway.publish(topic, n) for n in range(20)]
    reader = Reader(stage.page, topic, f"since: 'earliest', transports: '{transports}'.split(',')")
    reader.has(old)
    with Publisher(stage.gateway, [topic], 200, pause=0.004) as publisher:
        Pause(publisher).messages(20, 40)
        stage.page.run("join('reader', topic, { since: 'earliest' })", topic=topic)
    expected = [message["id"] for message in old + publisher.acknowledged]
    reader.has(old + publisher.acknowledged)
    reader.until(f"r.joined.messages.some(([id]) => id === '{expected[-1]}')")
    assert [identifier for identifier, _, _ in reader.get("r.joined.messages")] == expected


def test_a_position_from_the_server(stage, topics):
    stage.gateway.publish(topics[0], "before")
    position = stage.page.run("return (await (await fetch('/v1/negotiate')).json()).position")
    after = [stage.gateway.publish(topics[0], n) for n in range(3)]
    for transport in TRANSPORTS:
        reader = Reader(
            stage.page, topics[0], f"position: '{position}', transports: ['{transport}']", name=transport)
        reader.has(after)


def test_publishing_over_a_network_that_breaks(stage, topics):
    """A publish whose answer was lost is repeated, and happens once."""
    topic = topics[0]
    reader = Reader(stage.page, topic, "since: 'earliest'")
    reader.on("websocket")
    stage.proxy.misbehave(publish=Break((1, 20)))
    stage.page.run("globalThis.sent = readings.reader.client.publish(topic, { once: true })", topic=topic)
    wait_for(lambda: len(stage.proxy.seen("publish")) >= 2, "it to be repeated")
    stage.proxy.behave()
    acknowledged = stage.page.run("return await sent")
    reader.has([acknowledged | {"topic": topic}])


# MARK: Tabs


@pytest.fixture
def tabs(stage):
    """Three tabs that share a connection, opened one after the other."""
    names = [f"{letter}{next(_numbers)}" for letter in "abc"]
    pages = [stage.open(name) for name in names]
    yield pages
    for page in pages:
        stage.leave(page)


def shared(page, topics):
    reader = Reader(page, topics, "since: 'earliest', shared: true")
    reader.until("r.client.state === 'connected'")
    return reader


def one_connection(stage):
    wait_for(lambda: len(stage.gateway.connections()) == 1, "one connection for all tabs")


def test_tabs_share_a_connection_and_hand_it_over(stage, topics, tabs):
    """The tab that leads is closed, then the next one; the last of them has lost and doubled nothing."""
    first, second, third = (shared(page, topics) for page in tabs)
    one_connection(stage)
    with Publisher(stage.gateway, topics, pause=0.005) as publisher:
        pause = Pause(publisher)
        for leaving in (0, 1):
            pause.messages(60, 120)
            stage.leave(tabs[leaving])
            pause.messages(60, 120)
            one_connection(stage)
        stage.proxy.cut()
        pause.messages(60, 120)
    third.has(publisher.acknowledged)
    one_connection(stage)


def test_tabs_that_read_different_topics(stage, topics, tabs):
    """The one connection carries all that any of them wants, and each gets its own, also after the leader has left."""
    first, second, third = (shared(page, topic) for page, topic in zip(tabs, topics))
    one_connection(stage)
    with Publisher(stage.gateway, topics, pause=0.005) as publisher:
        pause = Pause(publisher)
        pause.messages(60, 120)
        stage.leave(tabs[0])
        pause.messages(60, 120)
        stage.proxy.cut()
        pause.messages(60, 120)
    for reader, topic in ((second, topics[1]), (third, topics[2])):
        reader.has([message for message in publisher.acknowledged if message["topic"] == topic])
    one_connection(stage)


def test_a_leader_that_goes_without_a_word(stage, topics, tabs):
    """It stands still while the others wait: nothing may be lost when it is gone at last."""
    first, second = (shared(page, topics) for page in tabs[:2])
    with Publisher(stage.gateway, topics, pause=0.005) as publisher:
        pause = Pause(publisher)
        pause.messages(60, 120)
        stage.leave(tabs[0], "about:blank")
        pause.messages(60, 120)
    second.has(publisher.acknowledged)
    one_connection(stage)
