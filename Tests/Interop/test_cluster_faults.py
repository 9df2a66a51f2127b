"""Three nodes over one Redis, with publishers and subscribers that move between them, while all of it is broken.

After each: what was acknowledged came to every subscriber once and in order, or where Redis itself lost it, lies in a
gap that the subscriber was told. The figures of each are printed: pytest -s.
"""

import asyncio
import contextlib
import json
import time

import pytest

from support.cluster import CONFIGURATION, TRANSPORTS, Cluster, Load
from support.cluster_checker import faults_with_gaps
from support.cluster_clients import items_of
from support.crashes import faults
from support.cutter import Cutter
from support.gateway import wait_for
from support.redis import RedisSentinel, RedisServer
from support.soak import cases, count


class Stage:
    """A Redis, and three nodes that each have a network of their own to it."""

    def __init__(self, folder, options=RedisServer.SAFE, configuration=CONFIGURATION):
        self.folder = folder
        self._resources = contextlib.ExitStack()
        try:
            self.redis = self.keep(RedisServer(folder / "redis", options))
            self.links = [self.keep(Cutter(self.redis.port, marks=b"XREAD"), "close") for _ in range(3)]
            urls = [self.redis.url(port=link.port) for link in self.links]
            self.cluster = self.keep(Cluster(folder / "cluster", urls, configuration))
        except BaseException:
            self.stop()
            raise

    def keep(self, resource, end="stop"):
        self._resources.callback(getattr(resource, end))
        return resource

    def stop(self):
        self._resources.close()

    @property
    def nodes(self):
        return self.cluster.nodes

    def ready(self):
        return [node.request("GET", node.admin + "/health/ready")[0] == 200 for node in self.nodes]

    async def all_ready(self):
        await asyncio.to_thread(wait_for, lambda: all(self.ready()), "every node to have Redis again", 30)


@pytest.fixture
def stage(tmp_path):
    started = []

    def stage(*arguments):
        started.append(Stage(tmp_path, *arguments))
        return started[-1]

    yield stage
    for one in started:
        one.stop()


def under_load(stage, scenario, loses=False, stays=True, **options):
    """Breaks things by `scenario` while the load is on, and says what came of it.

    `loses` allows Redis to lose what was acknowledged; with `stays` no connection may have been cut by a node. That one
    is told to come back later is allowed: where it is that its position is known only to Redis.
    """

    async def run():
        load = Load(stage.cluster, **options)
        async with load:
            await load.more()
            await scenario(load)
            await stage.all_ready()
            await load.more()
            await load.finish()
        return load

    began = time.monotonic()
    load = asyncio.run(run())
    print(f"\n    {time.monotonic() - began:.0f} s: {load.figures()}")
    if loses:
        found = faults_with_gaps(load, survivors(stage.nodes[0]))
    else:
        found = faults(load.attempts, [subscriber.chain for subscriber in load.subscribers])
    assert not found, "\n".join([f"{len(found)} faults, such as", *found[:10]])
    if stays:
        cut = [(subscriber.chain.name, subscriber.cuts) for subscriber in load.subscribers if subscriber.cuts]
        assert not cut, cut
    return load


def survivors(node):
    """(id, topic) of everything that the store has."""
    found, since = set(), "earliest"
    while True:
        status, _, body = node.request("GET", f"/v1/stream?topic=a.>&topic=b.>&since={since}&wait=0")
        assert status == 200, body
        answer = json.loads(body)
        if not answer["items"]:
            return found
        found |= {(item["id"], item["topic"]) for item in answer["items"] if "type" not in item}
        since = answer["next"]


async def in_thread(*call):
    return await asyncio.to_thread(*call)


async def moments(load, count, shortest=0.1, longest=0.6):
    """Some random moments, the work going on between them."""
    for number in range(count):
        await asyncio.sleep(load.random.uniform(shortest, longest))
        yield number


# MARK: Nothing is lost


def test_nodes_killed_and_restarted(stage):
    stage = stage()

    async def scenario(load):
        async for number in moments(load, count(gate=6, soak=24)):
            await in_thread(stage.cluster.restart, load.random.randrange(3))
            if number % 10 == 9:
                await load.more(10)

    under_load(stage, scenario, stays=False)


def test_redis_killed_and_restarted_with_everything(stage):
    stage = stage()

    async def scenario(load):
        async for _ in moments(load, count(gate=3, soak=8)):
            stage.redis.kill()
            await asyncio.sleep(load.random.uniform(0, 0.8))
            await in_thread(stage.redis.restart)
            await load.more(10)

    under_load(stage, scenario)


def test_redis_stopped_for_seconds(stage):
    stage = stage()

    async def scenario(load):
        for pause in count(gate=[2], soak=[0.5, 3, 1]):
            stage.redis.pause()
            await asyncio.sleep(pause)
            stage.redis.resume()
            await load.more(20)

    under_load(stage, scenario)


def test_redis_busy_with_something_else(stage):
    stage = stage()

    async def scenario(load):
        for pause in count(gate=[1], soak=[0.3, 2, 1]):
            await in_thread(stage.redis.command, "DEBUG", "SLEEP", pause)
            await load.more(20)

    under_load(stage, scenario)


def test_connections_to_redis_ended_by_it(stage):
    stage = stage()

    async def scenario(load):
        async for number in moments(load, count(gate=10, soak=40), 0.01, 0.3):
            await in_thread(stage.redis.command, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            if number % 10 == 9:
                await load.more(10)

    under_load(stage, scenario)


def test_connections_to_redis_cut_by_the_network(stage):
    stage = stage()

    async def scenario(load):
        async for number in moments(load, count(gate=10, soak=40), 0.01, 0.3):
            load.random.choice(stage.links).cut(reset=bool(number % 2))
            if number % 10 == 9:
                await load.more(10)

    under_load(stage, scenario)


def test_answers_of_redis_that_never_arrive(stage):
    """Commands arrive, their answers do not, and then the connection is gone: what became of them nobody knows."""
    stage = stage()

    async def scenario(load):
        async for number in moments(load, count(gate=3, soak=9)):
            link = stage.links[number % 3]
            link.hold(requests=False)
            await asyncio.sleep(0.3)
            link.cut()
            link.heal()
            await load.more(10)

    load = under_load(stage, scenario)
    assert load.figures()["unknown"] > 0


def test_a_slow_network_to_redis(stage):
    stage = stage()

    async def scenario(load):
        for link, delay in zip(stage.links, [0.05, 0.15, 0.4], strict=True):
            link.delay(delay)
        await load.more(count(gate=20, soak=80))
        for link in stage.links:
            link.heal()

    under_load(stage, scenario)


def test_one_node_apart_from_redis_while_the_others_go_on(stage):
    stage = stage()
    alone, link = stage.nodes[0], stage.links[0]

    async def scenario(load):
        for is_refused in [True, False]:
            if is_refused:
                link.refuse()
            else:
                link.isolate()
            await in_thread(wait_for, lambda: stage.ready() == [False, True, True], "it to notice", 30)
            status, _, body = await in_thread(alone.request, "GET", alone.admin + "/health/ready")
            assert status == 503 and b"Redis" in body, body
            await load.more(count(gate=20, soak=60))
            if is_refused:
                link.accept()
            else:
                link.heal()
            await stage.all_ready()
            await load.more(20)

    load = under_load(stage, scenario)
    assert load.figures()["refused"] > 0


@pytest.mark.soak
def test_everything_at_random(stage):
    stage = stage()

    async def scenario(load):
        async def node():
            await in_thread(stage.cluster.restart, load.random.randrange(3))

        async def redis():
            await in_thread(stage.redis.restart)

        async def pause():
            stage.redis.pause()
            await asyncio.sleep(load.random.uniform(0, 1))
            stage.redis.resume()

        async def cut():
            load.random.choice(stage.links).cut()

        async def hold():
            link = load.random.choice(stage.links)
            link.hold(requests=load.random.random() < 0.5)
            await asyncio.sleep(load.random.uniform(0, 1))
            link.heal()

        async for number in moments(load, 30, 0, 0.4):
            await load.random.choice([node, redis, pause, cut, hold])()
            if number % 10 == 9:
                await stage.all_ready()
                await load.more(10)

    under_load(stage, scenario, stays=False, seed=3)


# MARK: Redis loses what it had acknowledged


def test_redis_restarted_with_nothing(stage):
    stage = stage(RedisServer.FORGETFUL)

    async def scenario(load):
        for _ in range(count(gate=2, soak=4)):
            await in_thread(stage.redis.restart)
            await load.more(25)

    under_load(stage, scenario, loses=True)


def test_redis_restarted_with_a_part(stage):
    stage = stage(RedisServer.FORGETFUL)

    async def scenario(load):
        for _ in range(count(gate=2, soak=4)):
            await in_thread(stage.redis.command, "SAVE")
            await load.more(10)
            await behind(load, stage)
            await in_thread(stage.redis.restart)
            stage.links[2].heal()
            await load.more(25)

    load = under_load(stage, scenario, loses=True)
    assert gaps(load) == {"epoch"}


def test_redis_emptied(stage):
    stage = stage()

    async def scenario(load):
        for _ in range(count(gate=2, soak=4)):
            await behind(load, stage)
            await in_thread(stage.redis.command, "FLUSHALL")
            stage.links[2].heal()
            await load.more(25)

    load = under_load(stage, scenario, loses=True)
    assert gaps(load) == {"epoch"}


async def behind(load, stage):
    """One node does not get what the others do, so its clients will have something to be told."""
    stage.links[2].isolate()
    await load.more(15)


def test_a_replica_that_was_behind_takes_over(tmp_path):
    with contextlib.ExitStack() as resources:
        def keep(resource, end="stop"):
            resources.callback(getattr(resource, end))
            return resource

        master = keep(RedisServer(tmp_path / "master"))
        link = keep(Cutter(master.port), "close")
        replica = keep(RedisServer(tmp_path / "replica", master=("127.0.0.1", link.port)))
        sentinel = keep(RedisSentinel(tmp_path / "sentinel", "sluice", master))
        wait_for(sentinel.knows_replicas, "the sentinel to know the replica")
        wait_for(lambda: replica.has_copied(master), "the replica to have everything")
        stage = keep(Sentinels(tmp_path, sentinel))

        async def scenario(load):
            link.hold(requests=False)
            await load.more(25)
            master.kill()
            link.cut()
            await in_thread(wait_for, lambda: sentinel.master_port() == replica.port, "the replica to be promoted", 30)

        under_load(stage, scenario, loses=True)


class Sentinels(Stage):
    """Three nodes that ask a sentinel where Redis is."""

    def __init__(self, folder, sentinel):
        self._resources = contextlib.ExitStack()
        self.cluster = self.keep(Cluster(folder / "cluster", [sentinel.url()] * 3))


def gaps(load):
    """Why something is missing; each says so of the whole subscriber."""
    assert not any("topic" in gap for subscriber in load.subscribers for gap in subscriber.chain.gaps)
    return {gap["reason"] for subscriber in load.subscribers for gap in subscriber.chain.gaps}


# MARK: What clients see of it


class Audience:
    """A client of every transport at every node, which stays where it is."""

    def __init__(self, nodes, topic):
        self.nodes, self.topic = nodes, topic
        self.heard = {}
        self._tasks = []

    async def __aenter__(self):
        since = json.loads((await in_thread(self.nodes[0].request, "GET", "/v1/negotiate"))[2])["position"]
        for number, node in enumerate(self.nodes):
            for transport in TRANSPORTS:
                heard = self.heard[number, transport] = []
                self._tasks.append(asyncio.create_task(self._listen(node, transport, since, heard)))
        return self

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _listen(self, node, transport, since, heard):
        async for item, _ in items_of(node, transport, [self.topic], since):
            heard.append(item)

    async def until(self, condition, what, seconds=30):
        """Until it is true of what each of them has heard."""
        deadline = time.monotonic() + seconds
        while not all(condition(heard) for heard in self.heard.values()):
            for task in self._tasks:
                if task.done():
                    task.result()
            behind = [who for who, heard in self.heard.items() if not condition(heard)]
            assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what} at {behind}"
            await asyncio.sleep(0.02)

    def messages(self):
        return [[item["data"] for item in heard if "type" not in item] for heard in self.heard.values()]


@pytest.mark.parametrize("how", cases(gate=["stopped"], soak=["killed", "cut off"]))
def test_clients_stay_while_redis_is_away_and_are_told_nothing_false(stage, topic, how):
    stage = stage()

    async def run():
        async with Audience(stage.nodes, topic) as audience:
            await in_thread(stage.nodes[0].publish, topic, "before")
            await audience.until(lambda heard: any("data" in item for item in heard), "the first message")
            away(stage, how)
            await in_thread(wait_for, lambda: not any(stage.ready()), "the nodes to notice", 40)
            for node in stage.nodes:
                status, headers, body = await in_thread(
                    node.request, "POST", node.messages_url(topic), b"1", {"Content-Type": "application/json"})
                problem = json.loads(body)
                assert status == 503 and int(headers["Retry-After"]) > 0, body
                assert problem["type"] in ("urn:sluice:error:store-unavailable", "urn:sluice:error:outcome-unknown")
                assert (await in_thread(node.request, "GET", node.admin + "/health/live"))[0] == 200
                # Connections are welcome: they wait here.
                assert (await in_thread(node.request, "GET", node.admin + "/health/accept"))[0] == 200
            lengths = {who: len(heard) for who, heard in audience.heard.items()}
            for who, heard in audience.heard.items():
                await audience.until(
                    lambda other: other is not heard or len(other) >= lengths[who] + 2, "further heartbeats")
            back(stage, how)
            await stage.all_ready()
            await in_thread(stage.nodes[1].publish, topic, "after")
            await audience.until(lambda heard: "after" in [item.get("data") for item in heard], "the last message")
            return audience

    audience = asyncio.run(run())
    for messages in audience.messages():
        # Whether one came of which nobody could know is open.
        assert messages in ([["before", "after"], ["before", *[1] * (len(messages) - 2), "after"]])
    kinds = {item["type"] for heard in audience.heard.values() for item in heard if "type" in item}
    assert kinds <= {"hello", "subscribed", "caught_up", "heartbeat", "next"}, kinds


def away(stage, how):
    match how:
        case "killed": stage.redis.kill()
        case "stopped": stage.redis.pause()
        case "cut off":
            for link in stage.links:
                link.isolate()


def back(stage, how):
    match how:
        case "killed": stage.redis.restart()
        case "stopped": stage.redis.resume()
        case "cut off":
            for link in stage.links:
                link.heal()


@pytest.mark.parametrize("transport", cases(gate=["websocket"], soak=["sse", "ndjson"]))
def test_a_client_that_is_ahead_of_its_node_waits_until_redis_can_be_asked(stage, topic, transport):
    stage = stage()
    alone, other, _ = stage.nodes
    stage.links[0].refuse()
    wait_for(lambda: stage.ready() == [False, True, True], "the node to notice")
    since = other.publish(topic, "seen elsewhere")["id"]

    async def listen():
        items = []
        async for item, _ in items_of(alone, transport, [topic], since):
            items.append(item)
            if "data" in item:
                return items

    async def run():
        listening = asyncio.create_task(listen())
        # Long enough to be refused, if it is.
        await asyncio.wait([listening], timeout=0.5)
        if not listening.done():
            stage.links[0].accept()
            await in_thread(other.publish, topic, "new")
        return await asyncio.wait_for(listening, 30)

    items = asyncio.run(run())
    assert items[-1]["data"] == "new", items
    assert not [item for item in items if item.get("type") in ("gap", "error")], items


def test_a_publish_waits_for_redis_as_long_as_it_is_told_to(stage, topic):
    stage = stage(RedisServer.SAFE, CONFIGURATION + "redis: { wait: 30s }\n")
    node = stage.nodes[0]
    stage.redis.kill()
    wait_for(lambda: not any(stage.ready()), "the nodes to notice")

    async def run():
        waiting = asyncio.create_task(in_thread(node.publish, topic, 1))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await in_thread(stage.redis.restart)
        assert (await waiting)["seq"] == 1

    asyncio.run(run())


# MARK: Losses that only one node can know of


def test_a_node_that_has_seen_less_comes_back_first(stage, topic):
    """Symptom to be excluded: the one that was behind opens an epoch at the end of what it has seen, and numbers are
    given anew that clients of the others have seen; what is published under them must come to those clients, too."""
    stage = stage(RedisServer.FORGETFUL)
    behind, ahead, _ = stage.nodes

    async def run():
        async with Audience(stage.nodes, topic) as audience:
            for number in range(3):
                await in_thread(behind.publish, topic, number)
            await audience.until(lambda heard: 2 in [item.get("data") for item in heard], "the beginning")
            await in_thread(stage.redis.command, "SAVE")
            stage.links[0].isolate()
            for number in range(3, 13):
                await in_thread(ahead.publish, topic, number)
            for link in stage.links[1:]:
                link.isolate()
            await in_thread(stage.redis.restart)
            stage.links[0].heal()
            await in_thread(wait_for, lambda: stage.ready()[0], "the first to be back", 30)
            for number in range(100, 105):
                await in_thread(behind.publish, topic, number)
            for link in stage.links[1:]:
                link.heal()
            await stage.all_ready()
            await in_thread(ahead.publish, topic, "last")
            await audience.until(lambda heard: "last" in [item.get("data") for item in heard], "the last message")
            return audience

    audience = asyncio.run(run())
    for (number, transport), heard in audience.heard.items():
        who = f"{transport} at node {number}"
        data = [item["data"] for item in heard if "type" not in item]
        gap = [item for item in heard if item.get("type") == "gap"]
        assert data[:3] == [0, 1, 2] and data[-1] == "last", (who, data)
        # The clients of the first have not heard of 3 to 12, and nobody has them any more; the others may have.
        assert gap and {item["reason"] for item in gap} == {"epoch"}, (who, data, gap)
        assert [entry for entry in data if entry in range(100, 105)] == list(range(100, 105)), (who, data, gap)


def test_what_was_acknowledged_before_it_was_read_back_is_not_lost_in_silence(stage, topic):
    """A publish is answered by one connection and followed by another. If the second is gone before it has brought the
    message, and then Redis loses it, the node is still the one that knows of it."""
    stage = stage(RedisServer.FORGETFUL)
    node, link = stage.nodes[0], stage.links[0]

    async def run():
        async with Audience(stage.nodes, topic) as audience:
            await in_thread(node.publish, topic, 0)
            await audience.until(lambda heard: 0 in [item.get("data") for item in heard], "the first message")
            await in_thread(stage.redis.command, "SAVE")
            for other in stage.links[1:]:
                other.isolate()
            link.hold(requests=False, marked_only=True)
            publishing = asyncio.create_task(in_thread(
                node.request, "POST", node.messages_url(topic), b"1", {"Content-Type": "application/json"}))
            await in_thread(wait_for, lambda: stage.redis.command("XLEN", "sluice:log") == 2, "the message in Redis")
            # The answer to this comes on the same connection behind the other's, and needs no reading back.
            status, _, _ = await in_thread(
                node.request, "POST", node.messages_url(topic), b"2",
                {"Content-Type": "application/json", "If-None-Match": "*"})
            assert status == 412
            await in_thread(stage.redis.restart)
            link.cut()
            status, _, body = await publishing
            for one in stage.links:
                one.heal()
            await stage.all_ready()
            await in_thread(node.publish, topic, "last")
            await audience.until(lambda heard: "last" in [item.get("data") for item in heard], "the last message")
            return audience, status, json.loads(body)

    audience, status, answer = asyncio.run(run())
    if status == 201:
        for (number, transport), heard in audience.heard.items():
            told = [item for item in heard if item.get("type") == "gap" or item.get("data") == 1]
            assert told, f"{answer['id']} was acknowledged, and {transport} at node {number} has only {heard}"
    else:
        assert answer["type"] == "urn:sluice:error:outcome-unknown"
