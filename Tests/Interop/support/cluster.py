"""Several gateway processes over one Redis, publishers and subscribers that move between them, and what is checked."""

import asyncio
import collections
import contextlib
import itertools
import json
import random
import time

from support.cluster_clients import BROKEN, ComeBack, HTTPConnection, items_of
from support.crashes import ACKNOWLEDGED, REFUSED, UNKNOWN, Attempt, Chain, Delivery
from support.gateway import Gateway

TRANSPORTS = ["websocket", "sse", "ndjson", "poll"]

TOPICS = ["a.1", "a.2", "b.1", "b.2"]

# What subscribers ask for, and the topics that this is.
READINGS = [
    (["a.>"], {"a.1", "a.2"}),
    (["a.1", "b.2"], {"a.1", "b.2"}),
    (["*.1"], {"a.1", "b.1"}),
    (["a.*", "b.>"], set(TOPICS)),
    (["b.1"], {"b.1"}),
]

CONFIGURATION = """\
heartbeat: { sse: 1s, ndjson: 1s, websocket: 1s }
reconnect: { min: 100ms, max: 1s }
history: { messages: 100000, age: 1h }
"""


class Cluster:
    """`urls` are what each node is told of the store, so each can have a way of its own to it."""

    def __init__(self, folder, urls, configuration=CONFIGURATION):
        self._folder = folder
        self._texts = [f"{configuration}store: {url}\n" for url in urls]
        self._starts = itertools.count(1)
        self.nodes = []
        try:
            for text in self._texts:
                self.nodes.append(self._start(text))
        except BaseException:
            self.stop()
            raise

    def _start(self, text):
        return Gateway(self._folder / f"start-{next(self._starts)}", text)

    def add(self):
        """One more node, like the first."""
        self._texts.append(self._texts[0])
        self.nodes.append(self._start(self._texts[0]))
        return self.nodes[-1]

    def restart(self, index):
        """`kill -9`, and a new process on another port, so everybody has to look for it."""
        self.nodes[index].kill()
        self.nodes[index] = self._start(self._texts[index])

    def stop(self):
        for node in self.nodes:
            node.stop()


class Load:
    """Publishers and subscribers at work on a cluster. Inside `async with` they work; `finish` ends them and checks."""

    def __init__(self, cluster, publishers=6, subscribers=60, moves=True, seed=1):
        self.cluster = cluster
        self.random = random.Random(seed)
        # Every message's bytes by its id, as the first subscriber got them.
        self.texts = {}
        self.publishers = [Publisher(self, f"p{n}") for n in range(publishers)]
        self.subscribers = [Subscriber(self, n, moves) for n in range(subscribers)]

    async def __aenter__(self):
        async with HTTPConnection(self.node()) as connection:
            _, text = await connection.request("GET", "/v1/negotiate")
        position = json.loads(text)["position"]
        self._reading = [asyncio.create_task(subscriber.run(position)) for subscriber in self.subscribers]
        self._publishing = [asyncio.create_task(publisher.run()) for publisher in self.publishers]
        return self

    async def __aexit__(self, *_):
        tasks = self._reading + self._publishing
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def node(self):
        return self.random.choice(self.cluster.nodes)

    @property
    def attempts(self):
        return [attempt for publisher in self.publishers for attempt in publisher.attempts]

    @property
    def acknowledged(self):
        return sum(attempt.outcome == ACKNOWLEDGED for attempt in self.attempts)

    async def until(self, condition, what, seconds=30):
        """Waits for something to become true, and fails at once if a task of this load did."""
        deadline = time.monotonic() + seconds
        while not condition():
            for task in self._reading + self._publishing:
                if task.done():
                    task.result()
            assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
            await asyncio.sleep(0.02)

    async def more(self, count=50):
        """Until so many further messages have been acknowledged: the cluster works."""
        goal = self.acknowledged + count
        await self.until(lambda: self.acknowledged >= goal, f"{count} more acknowledgements")

    async def finish(self):
        """Ends the publishers, has a last message published to every topic, and waits until everybody has it."""
        for publisher in self.publishers:
            publisher.goes_on = False
        await asyncio.wait_for(asyncio.gather(*self._publishing), 30)
        last = Publisher(self, "last")
        self.publishers.append(last)
        async with asyncio.timeout(30):
            for topic in TOPICS:
                await last.publish((topic,), keyed=True)
        await self.until(
            lambda: all(subscriber.has_the_last() for subscriber in self.subscribers), "the last messages at everybody")

    def figures(self):
        outcomes = [attempt.outcome for attempt in self.attempts]
        return {
            "published": len(outcomes), **{kind: outcomes.count(kind) for kind in (ACKNOWLEDGED, REFUSED, UNKNOWN)},
            "delivered": sum(len(subscriber.chain.deliveries) for subscriber in self.subscribers),
            "gaps": sum(len(subscriber.chain.gaps) for subscriber in self.subscribers),
            "connections": sum(subscriber.chain.connections for subscriber in self.subscribers),
            "refused connections": sum(subscriber.refusals for subscriber in self.subscribers),
            "cut connections": sum(subscriber.cuts.total() for subscriber in self.subscribers),
        }


class Publisher:
    """One request at a time, each to any node: to one topic or to two, every third with a key and until it is taken."""

    def __init__(self, load, name):
        self.load = load
        self.name = name
        self.attempts = []
        self.goes_on = True

    async def run(self):
        choose = self.load.random
        while self.goes_on:
            topics = choose.sample(TOPICS, choose.choice([1, 1, 2]))
            await self.publish(tuple(topics), keyed=choose.random() < 1 / 3)
            await asyncio.sleep(choose.uniform(0.02, 0.12))

    async def publish(self, topics, keyed):
        attempt = Attempt((self.name, len(self.attempts)), topics, keyed, outcome=REFUSED)
        self.attempts.append(attempt)
        while True:
            places = await self._try(attempt)
            if isinstance(places, dict):
                return attempt.acknowledge(places)
            if places == UNKNOWN:
                attempt.outcome = UNKNOWN
            if not keyed:
                return
            await asyncio.sleep(0.1)

    async def _try(self, attempt):
        """Where it stands now, by topic; or that it was refused, or that nobody knows."""
        message = {"topics": list(attempt.topics), "data": {"mark": attempt.mark}}
        if attempt.keyed:
            message["key"] = "-".join(map(str, attempt.mark))
        # Refused until it has been sent: from then on nobody knows.
        outcome = REFUSED
        try:
            async with asyncio.timeout(20), HTTPConnection(self.load.node()) as connection:
                outcome = UNKNOWN
                status, text = await connection.request(
                    "POST", "/v1/publish", body=json.dumps({"messages": [message]}).encode())
        except BROKEN:
            return outcome
        body = json.loads(text)
        if status == 200:
            body = body["results"][0]
        if "error" in body:
            body = body["error"]
        code = body.get("code") or body.get("type", "").rsplit(":", 1)[-1]
        if code:
            assert code in ("store-unavailable", "outcome-unknown"), body
            return UNKNOWN if code == "outcome-unknown" else REFUSED
        placed = body["messages"] if "messages" in body else [body]
        return {topic: (place["id"], place["seq"]) for topic, place in zip(attempt.topics, placed, strict=True)}


class Subscriber:
    """Reads some topics, and goes on elsewhere and by another transport after a while or when its connection breaks."""

    def __init__(self, load, number, moves):
        self.load = load
        self.transport = TRANSPORTS[number % len(TRANSPORTS)]
        self.moves = moves
        self.asks, topics = READINGS[number % len(READINGS)]
        self.chain = Chain(f"subscriber {number}", frozenset(topics))
        # Deliveries and gaps as they came.
        self.history = []
        # Connections that a node ended: cut off, or told to come back later.
        self.cuts = collections.Counter()
        self.refusals = 0
        self.position = None

    def has_the_last(self):
        return self.chain.topics == {
            delivery.topic for delivery in self.chain.deliveries if delivery.mark[0] == "last"}

    async def run(self, position):
        self.position = position
        node = self.load.node()
        while True:
            self.chain.connections += 1
            try:
                await self._read(node)
            except ComeBack:
                self.refusals += 1
                await asyncio.sleep(0.05)
            except BROKEN as error:
                self.cuts[self.transport, str(error) or type(error).__name__] += 1
                await asyncio.sleep(0.05)
            if self.moves:
                self.transport = self.load.random.choice(TRANSPORTS)
            node = self.load.node()

    async def _read(self, node):
        """One connection, to its end or until it is time to move."""
        budget = self.load.random.randint(5, 60) if self.moves else None
        async with contextlib.aclosing(
                items_of(node, self.transport, self.asks, self.position)) as items:
            async for item, text in items:
                self._take(item, text)
                if budget is not None and (budget := budget - 1) <= 0:
                    return

    def _take(self, item, text):
        self.position = item.get("id") or self.position
        kind = item.get("type")
        if kind is None:
            delivery = Delivery(item["id"], item["topic"], item["seq"], tuple(item["data"]["mark"]))
            self.chain.deliveries.append(delivery)
            self.history.append(delivery)
            known = self.load.texts.setdefault(item["id"], text)
            assert known == text, f"{item['id']} has other bytes for {self.chain.name}: {text} and {known}"
        elif kind == "gap":
            self.chain.gaps.append(item)
            self.history.append(item)
