"""Several gateway processes over one real Redis: one log, whichever node is asked."""

import asyncio
import concurrent.futures
import itertools
import json
import os
import pathlib
import signal
import socket
import subprocess
import urllib.parse
import urllib.request

import pytest

from support.cluster import CONFIGURATION, TRANSPORTS, Cluster
from support.cluster_clients import items_of
from support.gateway import BINARY, ENVIRONMENT, wait_for
from support.readers import open_reader
from support.redis import FakeRedis, RedisServer, RedisTLS

PAIRS = list(itertools.product(TRANSPORTS, TRANSPORTS))

# Everything that the gateway needs, and no key but its own.
ACL = "~sluice:* resetchannels +@read +@write +@scripting +@connection +info +time"


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    yield redis
    redis.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, redis):
    """Three nodes that tests leave as they were."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), [redis.url()] * 3)
    yield cluster
    cluster.stop()


@pytest.fixture
def servers(tmp_path):
    """Starts a Redis for this test alone: servers(options…)."""
    started = []

    def start(*arguments, **named):
        started.append(RedisServer(tmp_path / f"redis-{len(started)}", *arguments, **named))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def clusters(tmp_path):
    """Starts nodes for this test alone: clusters(urls, configuration)."""
    started = []

    def start(urls, configuration=CONFIGURATION):
        started.append(Cluster(tmp_path / f"cluster-{len(started)}", urls, configuration))
        return started[-1]

    yield start
    for cluster in started:
        cluster.stop()


def position(node):
    return json.loads(node.request("GET", "/v1/negotiate")[2])["position"]


def poll(node, topics, since):
    """What a node has after a position, all of it, and where it ends."""
    items = []
    while True:
        query = urllib.parse.urlencode([("topic", topic) for topic in topics] + [("since", since), ("wait", 0)])
        status, _, body = node.request("GET", f"/v1/stream?{query}")
        assert status == 200, body
        answer = json.loads(body)
        if not answer["items"]:
            return items, answer["next"]
        items += answer["items"]
        since = answer["next"]


def history(node, topic):
    return [item for item in poll(node, [topic], "earliest")[0] if "type" not in item]


def publish(node, topic, data, **headers):
    """(status, answer); `headers` with _ for -."""
    fields = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    status, _, body = node.request("POST", node.messages_url(topic), json.dumps(data).encode(), fields)
    return status, json.loads(body)


def at_once(calls):
    """Makes all of them at the same time; their results in order."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: call(), calls))


# MARK: One log


@pytest.mark.parametrize("first, second", PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_a_client_goes_on_at_another_node_by_another_transport(cluster, topics, first, second):
    one, two, three = cluster.nodes
    reader = open_reader(one, "http1", first, topics, position(three))
    for number in range(5):
        two.publish(topics[number % 3], number)
    # One behind what there is, and some while nobody is connected.
    assert reader.take(4) == [0, 1, 2, 3]
    reader.close()
    for number in range(5, 9):
        cluster.nodes[number % 3].publish(topics[number % 3], number)
    reader = open_reader(two, "http1", second, topics, reader.position)
    for number in range(9, 12):
        cluster.nodes[number % 3].publish(topics[number % 3], number)
    assert reader.take(8) == list(range(4, 12))
    reader.close()


def test_every_node_and_transport_has_one_order_and_the_same_bytes(cluster, topic):
    """Publishers on all nodes at once, and readers of everything on all nodes."""
    start = position(cluster.nodes[0])

    async def read(node, transport):
        texts = []
        async for item, text in items_of(node, transport, [f"{topic}.>"], start):
            if "type" not in item:
                texts.append(text)
                if len(texts) == 180:
                    return texts

    def write(node, publisher):
        for number in range(60):
            node.publish(f"{topic}.{number % 4}", {"publisher": publisher, "number": number, "text": "ä€𝄞\\n"})

    async def both():
        readings = [asyncio.create_task(read(*pair)) for pair in itertools.product(cluster.nodes, TRANSPORTS)]
        await asyncio.gather(*(
            asyncio.to_thread(write, node, publisher) for publisher, node in enumerate(cluster.nodes)))
        return await asyncio.wait_for(asyncio.gather(*readings), 60)

    first, *others = asyncio.run(both())
    for other in others:
        assert other == first
    messages = [json.loads(text) for text in first]
    offsets = [int(message["id"].rsplit("-", 1)[1]) for message in messages]
    assert offsets == sorted(set(offsets))
    for publisher in range(3):
        assert [message["data"]["number"] for message in messages if message["data"]["publisher"] == publisher] \
            == list(range(60))
    for branch in range(4):
        seqs = [message["seq"] for message in messages if message["topic"] == f"{topic}.{branch}"]
        assert seqs == list(range(1, 46))


def test_an_idempotency_key_counts_on_every_node(cluster, topic):
    status, answer = publish(cluster.nodes[0], topic, 1, Idempotency_Key="order-1")
    assert status == 201
    for node in cluster.nodes:
        assert publish(node, topic, 1, Idempotency_Key="order-1") == (200, answer)
    # All at once: one of them publishes, and all have its answer.
    for round in range(10):
        answers = at_once([
            lambda node=node: publish(node, topic, round, Idempotency_Key=f"race-{round}")
            for node in cluster.nodes * 3])
        assert sorted(status for status, _ in answers) == [200] * 8 + [201]
        assert len({answer["id"] for _, answer in answers}) == 1
    assert [message["data"] for message in history(cluster.nodes[1], topic)] == [1, *range(10)]


def test_of_two_that_publish_on_a_condition_one_wins(cluster, topic):
    first = at_once([lambda node=node: publish(node, topic, "first", If_None_Match="*") for node in cluster.nodes])
    assert sorted(status for status, _ in first) == [201, 412, 412]
    current = next(answer["id"] for status, answer in first if status == 201)
    for round in range(15):
        answers = at_once([
            lambda node=node, number=number: publish(node, topic, [round, number], If_Match=f'"{current}"')
            for number, node in enumerate(cluster.nodes)])
        assert sorted(status for status, _ in answers) == [201, 412, 412], answers
        current = next(answer["id"] for status, answer in answers if status == 201)
        assert {answer["current"] for status, answer in answers if status == 412} == {current}
    assert len(history(cluster.nodes[2], topic)) == 16


def test_what_is_deleted_on_one_node_is_served_by_none(cluster, topic):
    start = position(cluster.nodes[0])
    for number in range(5):
        cluster.nodes[number % 3].publish(topic, number)
    for node in cluster.nodes:
        assert len(history(node, topic)) == 5
    assert cluster.nodes[1].request("DELETE", f"/v1/topics/{topic}")[0] in (200, 204)
    for node in cluster.nodes:
        wait_for(lambda: not history(node, topic), "the deletion at this node")
        items, _ = poll(node, [topic], start)
        assert [(item["type"], item["reason"], item["seq"]) for item in items] == [("gap", "deleted", 5)], items
    answer = cluster.nodes[2].publish(topic, 5)
    assert answer["seq"] == 6
    for node in cluster.nodes:
        items, _ = poll(node, [topic], start)
        assert [item.get("data", item.get("reason")) for item in items] == ["deleted", 5]


def test_retention_is_the_same_on_every_node(servers, clusters, topic):
    server = servers()
    rules = CONFIGURATION + 'topics: [{ match: "short.>", history: { messages: 5 } }]\n'
    cluster = clusters([server.url()] * 3, rules)
    topic = f"short.{topic}"
    start = position(cluster.nodes[0])
    for number in range(20):
        cluster.nodes[number % 3].publish(topic, number)
    # The nodes there are may still have all of it at hand; one that comes now has the topic's history alone.
    server.command("XTRIM", "sluice:log", "MAXLEN", 0)
    late = cluster.add()
    for node in cluster.nodes:
        assert [message["data"] for message in history(node, topic)] == list(range(15, 20))
        summary = json.loads(node.request("GET", f"/v1/topics/{topic}")[2])
        assert (summary["last_seq"], summary["oldest_seq"], summary["messages"]) == (20, 16, 5)
    items, _ = poll(late, [topic], start)
    assert [item.get("data", (item.get("reason"), item.get("seq"))) for item in items] \
        == [("expired", 15), *range(15, 20)]


def test_a_batch_to_several_topics_is_whole_on_every_node(cluster, topics):
    start = position(cluster.nodes[0])
    batch = {"messages": [
        {"topics": topics, "data": "to all"},
        {"topic": topics[0], "data": "never", "if_last": None},
        {"topics": topics[:2], "data": "to two", "key": "two"},
        {"topic": topics[2], "data": "to one"}]}
    status, _, body = cluster.nodes[0].request("POST", "/v1/publish", json.dumps(batch).encode())
    assert status == 200
    to_all, never, to_two, to_one = json.loads(body)["results"]
    assert never["error"]["type"] == "urn:sluice:error:precondition-failed"
    expected = [place["id"] for place in to_all["messages"] + to_two["messages"]] + [to_one["id"]]
    for node in cluster.nodes:
        reader = open_reader(node, "http1", "poll", topics, start)
        got = [reader.next() for _ in range(6)]
        reader.close()
        assert [message["id"] for message in got] == expected
        assert [(message["topic"], message["seq"], message["data"]) for message in got] == [
            *((topic, 1, "to all") for topic in topics), *((topic, 2, "to two") for topic in topics[:2]),
            (topics[2], 2, "to one")]


def test_prefixes_and_databases_are_kept_apart(redis, cluster, clusters, topic):
    cluster.nodes[0].publish(topic, "here")
    elsewhere = clusters([redis.url(database=1)]).nodes[0]
    other = clusters([redis.url()], CONFIGURATION + "redis: { prefix: other }\n").nodes[0]
    for node in (elsewhere, other):
        assert node.request("GET", f"/v1/topics/{topic}")[0] == 404
        assert node.publish(topic, "there")["seq"] == 1
        assert [message["data"] for message in history(node, topic)] == ["there"]
    assert [message["data"] for message in history(cluster.nodes[1], topic)] == ["here"]
    assert {key.split(":")[0] for key in redis.command("KEYS", "*")} == {"sluice", "other"}


# MARK: Getting in


def test_over_tls_and_as_a_user_that_may_touch_nothing_else(servers, clusters, certificates, topic):
    tls = RedisTLS(certificates)
    server = servers([
        "appendonly yes", "user default off", "user admin on >top allkeys allchannels allcommands",
        f"user gateway on >secret/@: {ACL}"], login=("admin", "top"), tls=tls)
    url = server.url(login=("gateway", urllib.parse.quote("secret/@:", safe="")))
    cluster = clusters([url] * 2, CONFIGURATION + f"redis: {{ ca: {tls.authority} }}\n")
    cluster.nodes[0].publish(topic, 1)
    publish(cluster.nodes[1], topic, 2, Idempotency_Key="k")
    assert [message["data"] for message in history(cluster.nodes[0], topic)] == [1, 2]
    assert cluster.nodes[1].request("DELETE", f"/v1/topics/{topic}")[0] in (200, 204)
    denied = [entry for entry in server.command("ACL", "LOG") if "gateway" in str(entry)]
    assert not denied, denied


def test_a_password_need_not_stand_in_the_url(servers, tmp_path):
    server = servers(["requirepass s3cret"], login=("default", "s3cret"))
    password = tmp_path / "password"
    password.write_text("s3cret\n")
    with Serving(tmp_path, f"store: {server.url()}\nredis: {{ password_file: {password} }}\n") as serving:
        wait_for(lambda: "listening url=" in serving.log or serving.ended, "the gateway")
        assert not serving.ended, serving.log
        assert "s3cret" not in serving.log


class Serving:
    """A `sluice serve` that may well refuse to start."""

    def __init__(self, folder, configuration):
        self.file = folder / "serving.yaml"
        self.file.write_text(configuration)
        self.output = folder / "serving.log"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--config", str(self.file)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=ENVIRONMENT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(10)

    @property
    def log(self):
        return self.output.read_text(errors="replace")

    @property
    def ended(self):
        return self.process.poll() is not None


def refusal(folder, configuration):
    """What is said by a gateway that refuses to start with these settings."""
    with Serving(folder, configuration) as serving:
        assert serving.process.wait(30) == 69, serving.log
        assert "listening" not in serving.log
        return serving.log


def test_a_redis_that_drops_what_it_was_given_is_refused(servers, tmp_path):
    server = servers(["maxmemory 100mb", "maxmemory-policy allkeys-lru"])
    log = refusal(tmp_path, f"store: {server.url()}\n")
    assert "allkeys-lru" in log and "noeviction" in log
    server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    with Serving(tmp_path, f"store: {server.url()}\n") as serving:
        wait_for(lambda: "listening url=" in serving.log, "the gateway")


def test_no_redis_is_refused(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        log = refusal(tmp_path, f"store: redis://127.0.0.1:{port}\n")
    assert f"127.0.0.1:{port}" in log and "refused" in log.lower()


def test_what_is_no_redis_is_refused(cluster, tmp_path):
    log = refusal(tmp_path, f"store: redis://127.0.0.1:{cluster.nodes[0].port}\n")
    assert f"127.0.0.1:{cluster.nodes[0].port}" in log


def test_a_wrong_password_is_refused_without_naming_it(servers, tmp_path):
    server = servers(["requirepass s3cret"], login=("default", "s3cret"))
    log = refusal(tmp_path, f"store: {server.url(login=('default', 'gue55ed'))}\n")
    assert "password" in log and "gue55ed" not in log
    log = refusal(tmp_path, f"store: {server.url()}\n")
    assert "password" in log.lower() or "authentication" in log.lower()


def test_a_user_that_may_not_enough_is_refused(servers, tmp_path):
    server = servers(["user gateway on >pass ~sluice:* +@read +@connection +info +time"])
    log = refusal(tmp_path, f"store: {server.url(login=('gateway', 'pass'))}\n")
    assert "permission" in log.lower() or "NOPERM" in log, log


def test_a_replica_is_refused(redis, servers, tmp_path):
    server = servers(RedisServer.FORGETFUL, master=("127.0.0.1", redis.port))
    log = refusal(tmp_path, f"store: {server.url()}\n")
    assert "replica" in log


def test_a_redis_that_is_too_old_is_refused(tmp_path):
    with FakeRedis("6.2.14") as server:
        log = refusal(tmp_path, f"store: redis://127.0.0.1:{server.port}\n")
    assert "6.2.14" in log and "Redis 7" in log


def test_a_redis_that_nobody_vouches_for_is_refused(servers, certificates, tmp_path):
    tls = RedisTLS(certificates)
    server = servers(RedisServer.SAFE, tls=tls)
    log = refusal(tmp_path, f"store: {server.url()}\n")
    assert "certificate" in log


# MARK: Old logs and trimmed ones


def test_new_nodes_with_an_old_redis_resume_old_ids(servers, clusters, topics):
    server = servers()
    old = clusters([server.url()] * 2)
    start = position(old.nodes[0])
    ids = [old.nodes[number % 2].publish(topics[number % 3], number)["id"] for number in range(10)]
    old.stop()
    server.restart()
    new = clusters([server.url()])
    node = new.nodes[0]
    for index, since in enumerate([start, *ids]):
        items, _ = poll(node, topics, since)
        assert [item["data"] for item in items] == list(range(index, 10))
    # Another server opened another epoch; numbers go on, and a key of the old nodes would, too.
    answer = node.publish(topics[0], 10)
    assert answer["seq"] == 5
    assert answer["id"].split("-")[0] != ids[-1].split("-")[0]
    assert [item["id"] for item in poll(node, topics, start)[0]] == [*ids, answer["id"]]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_node_that_the_log_was_trimmed_past_tells_everything(servers, clusters, topics, transport):
    """It stands still while the other publishes and the log loses what it has not seen; the histories have it."""
    server = servers()
    cluster = clusters([server.url()] * 2)
    stopped, other = cluster.nodes
    reader = open_reader(stopped, "http1", transport, topics, position(stopped))
    other.publish(topics[0], 0)
    assert reader.take(1) == [0]
    stopped.signal(signal.SIGSTOP)
    try:
        for number in range(1, 200):
            other.publish(topics[number % 3], number)
        server.command("XTRIM", "sluice:log", "MAXLEN", 3)
    finally:
        stopped.signal(signal.SIGCONT)
    other.publish(topics[0], 200)
    assert reader.take(200) == list(range(1, 201))
    reader.close()


# MARK: deploy/cluster


def free_ports():
    """The first of thirty-two ports that nobody has, below those that the system gives away by itself."""
    for port in range(20000, 30000, 50):
        probes = []
        try:
            for number in range(port, port + 32):
                probes.append(socket.create_server(("127.0.0.1", number)))
            return port
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise AssertionError("no free ports")


def test_the_cluster_of_the_script_survives_a_node(tmp_path):
    script = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "cluster"
    port = free_ports()
    front = f"http://127.0.0.1:{port}"
    log = tmp_path / "cluster.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(script), "--nodes", "2", "--port", str(port)], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env=ENVIRONMENT | {"SLUICE_BINARY": os.path.abspath(BINARY)}, start_new_session=True)
    try:
        wait_for(lambda: process.poll() is not None or "Ctrl-C ends" in log.read_text(), "the cluster", 60)
        assert process.poll() is None, log.read_text()
        reader = subprocess.Popen(
            [BINARY, "subscribe", "hello.>", "--url", front, "--since", "earliest", "--json"], env=ENVIRONMENT,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            numbers = []
            for number in range(6):
                if number == 3:
                    os.kill(int(log.read_text().split("kill -9 ")[1].split()[0]), signal.SIGKILL)
                    wait_for(lambda: "node-1 has ended" in log.read_text(), "the loss of a node")
                request = urllib.request.Request(
                    f"{front}/v1/topics/hello.world/messages", str(number).encode(), method="POST",
                    headers={"Content-Type": "application/json"})
                with urllib.request.urlopen(request, timeout=30) as answer:
                    assert answer.status == 201
                numbers.append(json.loads(reader.stdout.readline())["data"])
            assert numbers == list(range(6))
        finally:
            reader.kill()
            reader.wait(10)
            reader.stdout.close()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    for number in range(port, port + 32):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", number)) != 0, f"something still listens on {number}"
