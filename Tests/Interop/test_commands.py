"""The command line as a person and a script use it."""

import json
import os
import re
import secrets
import signal
import subprocess

import pytest

from support.gateway import BINARY, ENVIRONMENT, wait_for
from support.proxy import CuttingProxy
from support.traffic import Publisher, Reading


@pytest.fixture
def sluice(gateway):
    """sluice("publish", …): what it printed, or with `check=False` how it ended."""
    def run(*arguments, input=b"", exit=0):
        done = subprocess.run(
            [BINARY, *arguments], input=input, capture_output=True, timeout=60, env=environment(gateway))
        assert done.returncode == exit, (done.returncode, done.stdout, done.stderr)
        return done.stdout.decode() if exit == 0 else done.stderr.decode()

    return run


def environment(gateway, url=None):
    return ENVIRONMENT | {"SLUICE_URL": url or gateway.url, "SLUICE_ADMIN_URL": gateway.admin, "TZ": "UTC"}


def history(gateway, topic):
    return json.loads(gateway.request("GET", f"/v1/topics/{topic}/messages?since=earliest")[2])["items"]


class Running:
    """A command in the background, its output in files."""

    def __init__(self, gateway, folder, *arguments, url=None):
        self.out, self.err = folder / "out", folder / "err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env=environment(gateway, url))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)

    @property
    def lines(self):
        return self.out.read_text().splitlines()

    @property
    def said(self):
        return self.err.read_text()


def is_listed(gateway, topic):
    return lambda: [c for c in gateway.connections() if topic in c["subscriptions"]]


# Publishing.

def test_a_message_is_published_as_what_it_is(gateway, sluice, topic, tmp_path):
    file = tmp_path / "payload"
    file.write_bytes(b"\x00\xff")
    assert re.fullmatch(
        rf"published {re.escape(topic)} seq 1 id \S+\n", sluice("publish", topic, '{"total": 12}', "--event", "created"))
    sluice("publish", topic, "just text")
    sluice("publish", topic, input=b'[1,\n2]')
    sluice("publish", topic, "--file", str(file))
    sluice("publish", topic, "--content-type", "text/plain", "17")
    answer = json.loads(sluice("publish", topic, "last", "--json"))
    items = history(gateway, topic)
    assert [item["data"] for item in items] == [{"total": 12}, "just text", [1, 2], "AP8=", "17", "last"]
    assert items[0]["event"] == "created" and items[3]["encoding"] == "base64"
    assert answer == {"id": items[5]["id"], "topic": topic, "seq": 6}


def test_lines_become_messages(gateway, sluice, topic, tmp_path):
    text = "".join(f'{{"n":{n}}}\n' for n in range(2_500)) + "\nno json\r\nlast without an end"
    file = tmp_path / "lines"
    file.write_text(text, newline="")
    assert "published 2502 messages" in sluice("publish", topic, "--lines", "--file", str(file))
    sluice("publish", topic, "--lines", "--event", "piped", input=b"one\ntwo\n")
    about = json.loads(gateway.request("GET", f"/v1/topics/{topic}")[2])
    assert about["last_seq"] == 2504
    items = json.loads(sluice("history", topic, "--all", "--json").replace("}\n{", "},{").join("[]"))
    assert [item["data"] for item in items[:2500]] == [{"n": n} for n in range(2500)]
    assert [item["data"] for item in items[2500:]] == ["no json", "last without an end", "one", "two"]
    assert items[-1]["event"] == "piped"


def test_conditions_and_keys_have_their_flags(gateway, sluice, topics):
    topic, other, _ = topics
    first = json.loads(sluice("publish", topic, "1", "--if-new", "--json"))
    assert "last message" in sluice("publish", topic, "2", "--if-new", exit=1)
    sluice("publish", topic, "2", "--if-last", first["id"])
    refused = sluice("publish", topic, "3", "--if-last", first["id"], exit=1)
    assert "sluice:" in refused and "last message" in refused
    again = [sluice("publish", topic, "4", "--key", "k") for _ in range(2)]
    assert again[0] == again[1]
    sluice("publish", topic, "5", "--topic", other)
    assert [item["data"] for item in history(gateway, topic)] == [1, 2, 4, 5]
    assert [item["data"] for item in history(gateway, other)] == [5]


# Subscribing.

@pytest.mark.parametrize("transport", ["websocket", "sse", "ndjson", "poll"])
def test_subscribe_reads_over_each_transport_and_ends_after_its_count(gateway, sluice, topics, transport):
    for n in range(5):
        gateway.publish(topics[n % 2], {"n": n}, event="counted")
    output = sluice("subscribe", topics[0], topics[1], "--transport", transport, "--since", "earliest", "--count", "5")
    lines = output.splitlines()
    assert len(lines) == 5
    for n, line in enumerate(lines):
        expected = rf'\d\d:\d\d:\d\d\.\d\d\d {re.escape(topics[n % 2])} #{n // 2 + 1} counted {{"n":{n}}}'
        assert re.fullmatch(expected, line), line


@pytest.mark.parametrize("transport", ["websocket", "sse", "ndjson", "poll"])
def test_subscribe_comes_back_after_every_cut_and_loses_nothing(gateway, topics, tmp_path, transport):
    count = 300
    with CuttingProxy(gateway.port, cut_after=(2_000, 20_000)) as proxy:
        with Running(
            gateway, tmp_path, "subscribe", *topics, "--transport", transport, "--since", "earliest", "--json",
            "--count", str(count), url=proxy.url,
        ) as command:
            with Publisher(gateway, topics, count, pause=0.004) as publisher:
                pass
            assert command.process.wait(60) == 0, command.said
            assert proxy.cuts >= 1
            reading = Reading()
            for line in command.lines:
                reading.take(json.loads(line))
    reading.check(publisher.acknowledged)


# A network that cuts every connection after some bytes of answers.

def hold(gateway, topic, count=300, size=100):
    return [gateway.publish(topic, secrets.token_hex(size // 2)) for _ in range(count)]


def check(command, acknowledged):
    reading = Reading()
    for line in command.lines:
        reading.take(json.loads(line))
    reading.check(acknowledged)


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "end"])
@pytest.mark.parametrize("transport", ["websocket", "sse", "ndjson", "poll"])
def test_subscribe_gets_more_than_fits_into_one_connection(gateway, topic, tmp_path, transport, reset):
    held = hold(gateway, topic)
    with CuttingProxy(gateway.port, cut_after=(20_000, 20_000), reset=reset) as proxy, Running(
        gateway, tmp_path, "subscribe", topic, "--transport", transport, "--since", "earliest", "--json", "--count",
        str(len(held)), url=proxy.url,
    ) as command:
        assert command.process.wait(60) == 0, command.said
        assert proxy.cuts >= 2
        check(command, held)
        if transport == "poll":
            assert "asking for at most 500 messages" in command.said


def test_history_gets_more_than_fits_into_one_connection(gateway, topic, tmp_path):
    held = hold(gateway, topic)
    with CuttingProxy(gateway.port, cut_after=(5_000, 5_000)) as proxy, Running(
        gateway, tmp_path, "history", topic, "--all", "--json", url=proxy.url,
    ) as command:
        assert command.process.wait(60) == 0, command.said
        assert proxy.cuts >= 2
        check(command, held)


def test_a_message_that_no_connection_lets_through_is_said_to_be_too_large(gateway, topic, tmp_path):
    hold(gateway, topic, count=1, size=4_000)
    with CuttingProxy(gateway.port, cut_after=(2_000, 2_000)) as proxy, Running(
        gateway, tmp_path, "subscribe", topic, "--transport", "poll", "--since", "earliest", url=proxy.url,
    ) as command:
        reason = "no smaller answer than the one with a single message can be asked for"
        wait_for(lambda: reason in command.said, "the reason", 60)
        assert command.process.poll() is None and not command.lines


def test_gaps_are_printed_among_the_messages(gateway, sluice, topics):
    topic = "short." + topics[0]
    ids = [gateway.publish(topic, n)["id"] for n in range(10)]
    gateway.publish_many(topics[1], 10_000)
    lines = sluice("subscribe", topic, "--since", ids[0], "--count", "5").splitlines()
    assert lines[0].startswith(f"--- gap {topic} up to #5 (expired)")
    assert len(lines) == 6


def test_ctrl_c_says_how_to_go_on(gateway, topic, tmp_path, sluice):
    with Running(gateway, tmp_path, "subscribe", topic) as command:
        wait_for(is_listed(gateway, topic), "the command to be connected")
        sent = gateway.publish(topic, "before")
        wait_for(lambda: command.lines, "the message")
        command.process.send_signal(signal.SIGINT)
        assert command.process.wait(10) == 0
        position = re.search(r"go on with --since (\S+)", command.said).group(1)
    after = [gateway.publish(topic, f"after {n}") for n in range(2)]
    assert sent["id"] != after[0]["id"]
    output = sluice("subscribe", topic, "--since", position, "--count", "2", "--json")
    assert [json.loads(line)["id"] for line in output.splitlines()] == [message["id"] for message in after]


def test_a_count_that_is_not_reached_has_an_exit_code(gateway, sluice, topic, tmp_path):
    sluice("subscribe", topic, "--count", "1", "--timeout", "300ms", exit=75)
    with Running(gateway, tmp_path, "subscribe", topic, "--count", "1") as command:
        wait_for(is_listed(gateway, topic), "the command to be connected")
        command.process.send_signal(signal.SIGINT)
        assert command.process.wait(10) == 130


# Whoever reads our output may leave.

@pytest.mark.parametrize("command", [
    "subscribe {topic} --since earliest", "subscribe {topic} --since earliest --transport poll", "history {topic} --all",
    "topics list", "config reference", "config show", "--help", "version",
])
def test_a_pipe_that_closes_ends_it_quietly(gateway, topic, command):
    for start in range(3):
        gateway.publish_many(topic, 500)
    with subprocess.Popen(
        [BINARY, *command.format(topic=topic).split()], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=environment(gateway)) as process:
        process.stdout.read(1)
        process.stdout.close()
        # A subscription notices with its next line.
        for _ in range(100):
            if process.poll() is not None:
                break
            gateway.publish(topic, "more")
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
        code = process.wait(5)
        assert (code, process.stderr.read()) in ((0, b""), (-signal.SIGPIPE, b""))


# Looking and intervening.

def test_history_prints_what_is_held(gateway, sluice, topic):
    ids = [gateway.publish(topic, n)["id"] for n in range(10)]
    assert len(sluice("history", topic).splitlines()) == 10
    lines = sluice("history", topic, "--since", ids[6], "--limit", "2", "--json").splitlines()
    assert [json.loads(line)["data"] for line in lines] == [7, 8]


def test_topics_are_listed_shown_and_deleted(gateway, sluice, topics):
    for topic in topics:
        gateway.publish(topic, "x")
    pattern = topics[0].rsplit(".", 1)[0] + ".*"
    table = sluice("topics", "list", "--match", pattern).splitlines()
    assert table[0].split() == ["TOPIC", "SEQ", "MESSAGES", "BYTES", "SUBSCRIBERS", "LAST", "ID"]
    assert [line.split()[0] for line in table[1:]] == topics
    assert [entry["topic"] for entry in json.loads(sluice("topics", "--match", pattern, "--json"))["topics"]] == topics
    assert "last_id" in sluice("topics", "show", topics[0])
    sluice("topics", "delete", topics[0], "--yes")
    assert not [item for item in history(gateway, topics[0]) if "type" not in item]
    assert "sluice:" in sluice("topics", "show", "never.published.to", exit=1)


def test_connections_are_listed_and_ended_and_the_client_comes_back(gateway, sluice, topic, tmp_path):
    with Running(gateway, tmp_path, "subscribe", topic, "--json") as command:
        entry = wait_for(is_listed(gateway, topic), "the command to be connected")[0]
        table = sluice("connections")
        assert table.split()[0] == "SESSION"
        assert re.search(rf"^{entry['session']} +websocket .*{re.escape(topic)}$", table, re.MULTILINE)
        assert [c["session"] for c in json.loads(sluice("connections", "--json"))["connections"]].count(
            entry["session"]) == 1
        assert sluice("disconnect", entry["session"]) == "disconnected 1\n"
        wait_for(lambda: "connected again" in command.said, "the command to come back")
        gateway.publish(topic, "after")
        wait_for(lambda: command.lines, "a message after it came back")
        assert sluice("disconnect", "--topic", topic) == "disconnected 1\n"
    assert sluice("disconnect", "no-such-session") == "disconnected 0\n"


def test_drain_waits_until_the_gateway_is_gone(start, tmp_path):
    gateway = start("drain: { window: 300ms, timeout: 5s }")
    with Running(gateway, tmp_path, "subscribe", "a"):
        wait_for(is_listed(gateway, "a"), "the command to be connected")
        done = subprocess.run(
            [BINARY, "drain"], capture_output=True, timeout=30, env=environment(gateway), stdin=subprocess.DEVNULL)
        assert (done.returncode, done.stdout.decode()) == (0, "draining 1 connections\nthe gateway is gone\n"), done
        assert gateway.process.wait(5) == 0


# Without a gateway.

def test_the_configuration_is_checked_shown_and_explained(tmp_path, sluice):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("limits: { message_bytes: 128KiB }\n")
    bad.write_text("limits: { mesage_bytes: 128KiB }\nlog: { level: loud }\n")
    assert sluice("config", "check", "--config", str(good)).startswith("ok: ")
    refused = sluice("config", "check", "--config", str(bad), exit=78)
    assert "message_bytes" in refused and "level" in refused and len(refused.splitlines()) >= 2
    sluice("serve", "--config", str(bad), exit=78)
    assert re.search(rf"limits.message_bytes +128KiB +{re.escape(str(good))}", sluice("config", "show", "--config", str(good)))
    rows = json.loads(sluice("config", "show", "--json", "--config", str(good)))
    assert {"setting": "limits.message_bytes", "value": "128KiB"}.items() <= next(
        row for row in rows if row["setting"] == "limits.message_bytes").items()
    reference = tmp_path / "reference.yaml"
    reference.write_text(sluice("config", "reference"))
    assert sluice("config", "check", "--config", str(reference)).startswith("ok: ")


def test_the_file_that_comes_with_it_is_the_reference(sluice):
    file = os.path.join(os.path.dirname(__file__), "..", "..", "Configuration", "sluice.yaml")
    with open(file) as text:
        assert text.read() == sluice("config", "reference")


def test_version_and_help(sluice):
    version = re.fullmatch(r"sluice (\d+\.\d+\.\d+\S*)\n", sluice("version")).group(1)
    assert json.loads(sluice("version", "--json")) == {"version": version}
    assert version in sluice("--version")
    for command in ("serve", "publish", "subscribe", "history", "topics", "connections", "disconnect", "drain", "config"):
        assert "USAGE" in sluice(command, "--help")


@pytest.mark.parametrize("arguments", [
    ["publish"], ["subscribe"], ["subscribe", "a", "--count", "0"], ["subscribe", "a", "--transport", "pigeon"],
    ["publish", "a", "x", "--file", "y"], ["disconnect"], ["jump"], ["serve", "--lisen", "x"],
    ["publish", "a", "--file", "/no/such/file"],
])
def test_wrong_usage_is_64_and_told_in_words(sluice, arguments):
    assert "Error:" in sluice(*arguments, exit=64)


def test_what_the_gateway_refuses_is_1_with_its_words(sluice):
    assert "a..b" in sluice("publish", "a..b", "x", exit=1)
    assert "a..b" in sluice("subscribe", "a..b", exit=1)


@pytest.mark.parametrize("arguments", [
    ["publish", "a", "x"], ["subscribe", "a"], ["subscribe", "a", "--transport", "poll"], ["history", "a"], ["topics"],
    ["connections"], ["drain"],
])
def test_no_gateway_is_69_and_told_where_it_was_looked_for(arguments):
    with CuttingProxy(1) as nobody:
        url = nobody.url
    done = subprocess.run(
        [BINARY, *arguments], capture_output=True, timeout=30, stdin=subprocess.DEVNULL,
        env=ENVIRONMENT | {"SLUICE_URL": url, "SLUICE_ADMIN_URL": url})
    assert done.returncode == 69 and url.removeprefix("http://") in done.stderr.decode(), done
