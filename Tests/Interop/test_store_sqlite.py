"""`--store sqlite:PATH`: what is in the file outlives the gateway."""

import contextlib
import json
import os
import random
import time

import pytest

from support.gateway import wait_for
from support.readers import open_reader
from support.store_durable import TRANSPORTS, Durable, backlog, history, publish
from support.store_faults import AS_ANYBODY, execute, filled, garble, locked, merge_log, no_larger_files, small_disk

ENDS = ["SIGTERM", "SIGKILL"]


@pytest.fixture
def durable(tmp_path):
    durable = Durable(tmp_path)
    yield durable
    durable.stop()


def data(items):
    assert not [item for item in items if item.get("type") == "gap"], items
    return [item["data"] for item in items]


def offset(id):
    return int(id.rsplit("-", 1)[1])


def epoch(id):
    return id.rsplit("-", 1)[0]


# What a restart keeps.


@pytest.mark.parametrize("end", ENDS)
def test_every_transport_resumes_by_an_id_of_before_as_if_nothing_had_been(durable, end):
    gateway = durable.start()
    sent = [gateway.publish(f"orders.{n % 3}", n, event="created" if n % 2 else None) for n in range(30)]
    before = backlog(gateway, "ndjson", ["orders.>"], "earliest")[0]
    gateway = durable.restart(end)
    for transport in TRANSPORTS:
        for at in (0, 7, 28, 29):
            items, position = backlog(gateway, transport, ["orders.>"], sent[at]["id"])
            assert items == before[at + 1:], "the very same messages, ids and all"
            assert position == sent[-1]["id"]
            items, _ = backlog(gateway, transport, ["orders.1", "orders.2"], sent[at]["id"])
            assert items == [item for item in before[at + 1:] if item["topic"] != "orders.0"]
        assert backlog(gateway, transport, ["orders.*"], "earliest")[0] == before


@pytest.mark.parametrize("end", ENDS)
def test_numbers_go_on_in_a_new_epoch_and_readers_go_on_with_them(durable, end):
    gateway = durable.start()
    last = [gateway.publish("orders", n) for n in range(10)][-1]
    for start in range(3):
        gateway = durable.restart(end)
        readers = [open_reader(gateway, "http1", transport, ["orders"], last["id"]) for transport in TRANSPORTS]
        new = gateway.publish("orders", f"new {start}")
        assert new["seq"] == last["seq"] + 1
        assert offset(new["id"]) == offset(last["id"]) + 1
        assert epoch(new["id"]) != epoch(last["id"])
        for reader in readers:
            message = reader.next()
            assert (message["id"], message["data"]) == (new["id"], f"new {start}")
            reader.close()
        last = new
    assert data(history(gateway, "orders")) == [*range(10), "new 0", "new 1", "new 2"]


@pytest.mark.parametrize("end", ENDS)
def test_payloads_of_every_kind_come_back_byte_for_byte(durable, end):
    gateway = durable.start()
    for type, body in [
        ("application/json", '{"a": [1, 2.50, "\\u00e9é\\n"]}'.encode()), ("text/plain", "é\n\"\0".encode()),
        ("image/png", bytes(range(256))), ("application/json", b"null"), ("text/plain", b"")
    ]:
        headers = {"Content-Type": type, "Event": "e"}
        assert gateway.request("POST", gateway.messages_url("kinds"), body, headers)[0] == 201

    def raw():
        body = gateway.request("GET", gateway.messages_url("kinds"))[2]
        return body[:body.index(b'"next"')]

    before = raw()
    gateway = durable.restart(end)
    assert raw() == before


@pytest.mark.parametrize("end", ENDS)
def test_a_key_is_known_and_a_condition_holds_after_a_restart(durable, end):
    gateway = durable.start()
    first = publish(gateway, "orders", "once", Idempotency_Key="k1")
    assert first[0] == 201
    gateway = durable.restart(end)
    assert publish(gateway, "orders", "once", Idempotency_Key="k1") == (200, first[1])
    # Keys are a topic's own.
    assert publish(gateway, "other", "once", Idempotency_Key="k1")[0] == 201

    status, refusal = publish(gateway, "orders", 2, If_None_Match="*")
    assert (status, refusal["current"]) == (412, first[1]["id"])
    status, second = publish(gateway, "orders", 2, If_Match=f'"{first[1]["id"]}"')
    assert (status, second["seq"]) == (201, 2)
    gateway = durable.restart(end)
    status, refusal = publish(gateway, "orders", 3, If_Match=f'"{first[1]["id"]}"')
    assert (status, refusal["current"]) == (412, second["id"])
    assert publish(gateway, "orders", "once", Idempotency_Key="k1") == (200, first[1])
    assert data(history(gateway, "orders")) == ["once", 2]


def test_a_key_is_forgotten_after_its_window_whether_the_gateway_ran_or_not(durable):
    configuration = "idempotency: { window: 1s }"
    gateway = durable.start(configuration)
    ids = {publish(gateway, "orders", 1, Idempotency_Key="k")[1]["id"]}
    gateway = durable.restart(configuration=configuration)
    wait_for(lambda: ids.add(publish(gateway, "orders", 1, Idempotency_Key="k")[1]["id"]) or len(ids) > 1, "the window")


@pytest.mark.parametrize("end", ENDS)
def test_what_was_deleted_stays_deleted(durable, end):
    gateway = durable.start()
    first = gateway.publish("orders", 0)
    for n in range(1, 10):
        last = gateway.publish("orders", n)
    other = gateway.publish("other", "kept")
    assert gateway.request("DELETE", "/v1/topics/orders")[0] in (200, 204)
    gateway = durable.restart(end)
    assert history(gateway, "orders", last["id"]) == []
    for transport in TRANSPORTS:
        items, _ = backlog(gateway, transport, ["orders", "other"], first["id"])
        gap, message = items
        assert gap["type"] == "gap" and gap["topic"] == "orders" and gap["reason"] in ("deleted", "expired")
        assert gap["id"] == last["id"] and gap["seq"] == 10
        assert message["id"] == other["id"]
        assert backlog(gateway, transport, ["orders"], last["id"])[0] == []
    status, _, body = gateway.request("GET", "/v1/topics/orders")
    assert status == 200 and json.loads(body)["last_id"] == last["id"]
    assert gateway.publish("orders", "next")["seq"] == 11
    assert data(backlog(gateway, "poll", ["orders"], last["id"])[0]) == ["next"]


@pytest.mark.parametrize("end", ENDS)
def test_the_number_of_kept_messages_is_the_same_after_a_restart_and_the_newest_of_all_resume_without_a_gap(
    durable, end
):
    configuration = "history: { messages: 5 }"
    gateway = durable.start(configuration)
    ids = [gateway.publish("orders", n)["id"] for n in range(20)]
    gateway = durable.restart(end, configuration)
    assert data(history(gateway, "orders")) == list(range(15, 20))
    for transport in TRANSPORTS:
        assert data(backlog(gateway, transport, ["orders"], ids[3])[0]) == list(range(4, 20))
    gateway.publish("orders", 20)
    assert data(history(gateway, "orders")) == list(range(16, 21))
    topic = json.loads(gateway.request("GET", "/v1/topics/orders")[2])
    assert (topic["oldest_seq"], topic["last_seq"], topic["messages"]) == (17, 21, 5)


def test_messages_that_grow_too_old_while_nothing_runs_are_gone(durable):
    gateway = durable.start("history: { age: 1s }")
    first = gateway.publish("orders", 0)
    gateway.publish("orders", 1)
    gateway = durable.restart(configuration="history: { age: 1s }")
    wait_for(lambda: history(gateway, "orders") == [], "the messages to expire")
    assert gateway.publish("orders", 2)["seq"] == 3
    gateway = durable.restart(configuration="history: { age: 1h }")
    kept = data(history(gateway, "orders"))
    assert kept in ([2], []), "what has expired does not come back when more is kept"
    assert gateway.publish("orders", 3)["seq"] == 4
    # The newest of all topics are there nevertheless for who resumes.
    assert data(backlog(gateway, "ndjson", ["orders"], first["id"])[0]) == [1, 2, 3]


def test_a_smaller_bound_applies_to_what_a_larger_one_kept(durable):
    gateway = durable.start()
    for n in range(20):
        gateway.publish("orders", n)
    gateway = durable.restart(configuration="history: { messages: 3 }")
    gateway.publish("orders", 20)
    assert data(history(gateway, "orders")) == [18, 19, 20]


def summary(gateway, topic):
    status, _, body = gateway.request("GET", f"/v1/topics/{topic}")
    return json.loads(body) if status == 200 else status


def through(item):
    """A gap without why something was dropped, which is not kept, and from where its page began; or a message."""
    return {name: value for name, value in item.items() if name not in ("reason", "after")}


@pytest.mark.parametrize("end", ENDS)
def test_every_reading_comes_to_the_same_before_and_after_a_restart(durable, end):
    # Little memory, so that topics are forgotten; several bounds; erasures; more than the newest 8192.
    configuration = """\
limits: { memory: 16MiB }
topics:
  - { match: "short.>", history: { messages: 3 } }
  - { match: "none.>", history: { messages: 0 } }
  - { match: "small.>", history: { bytes: 2KiB } }
"""
    gateway = durable.start(configuration)
    positions = ["earliest"]
    for round in range(14):
        messages = [{"topic": f"many.{round}.{n}", "data": n} for n in range(960)]
        messages += [{"topics": [f"short.{n % 3}", f"small.{n % 2}", f"none.{n % 2}"], "data": n} for n in range(12)]
        status, _, body = gateway.request("POST", "/v1/publish", json.dumps({"messages": messages}).encode())
        results = json.loads(body)["results"]
        assert status == 200 and not [result for result in results if "error" in result], body[:1000]
        positions += [results[100]["id"], results[900]["id"]]
        if round in (3, 12):
            gateway.request("DELETE", "/v1/topics/short.1")
            gateway.request("DELETE", f"/v1/topics/many.{round}.950")

    asked = [
        ["short.*"], ["none.>"], ["small.0", "short.1"], ["many.0.5"], ["many.12.*"], ["many.12.950", "none.0"], [">"]]

    def readings():
        found = {}
        for topics in asked:
            for position in positions[::3]:
                items, end = backlog(gateway, "poll", topics, position)
                found[*topics, position] = [through(item) for item in items], end
        for topic in ["short.0", "short.1", "none.0", "small.1", "many.0.5", "many.13.5", "many.12.950"]:
            found[topic] = summary(gateway, topic)
        return found

    before = readings()
    assert before["many.0.5"] == 404, "no topic was forgotten"
    assert any(item.get("type") == "gap" for items, _ in map(before.get, list(before)[:40]) for item in items)
    gateway = durable.restart(end, configuration)
    after = readings()
    for what in before:
        assert after[what] == before[what], what
    assert gateway.publish("many.0.5", "again")["seq"] >= 1


def test_thirty_thousand_messages_of_one_topic_are_read_from_the_first(durable):
    gateway = durable.start()
    gateway.publish_many("deep", 30_000)
    before = history(gateway, "deep")
    assert data(before) == list(range(30_000))
    assert [item["seq"] for item in before] == list(range(1, 30_001))
    gateway = durable.restart()
    assert history(gateway, "deep") == before
    for transport in TRANSPORTS:
        assert backlog(gateway, transport, ["deep"], "earliest")[0] == before


# Positions that are no longer true.


def test_a_backup_put_back_is_told_to_those_who_had_read_further(durable, tmp_path):
    gateway = durable.start()
    old = [gateway.publish("orders", n)["id"] for n in range(5)]
    durable.end("SIGKILL")
    durable.copy(tmp_path / "backup")
    gateway = durable.start()
    lost = [gateway.publish("orders", f"lost {n}")["id"] for n in range(5)]
    durable.end("SIGKILL")
    durable.put_back(tmp_path / "backup")
    gateway = durable.start()
    new = gateway.publish("orders", "new")
    assert new["seq"] == 6 and new["id"] not in lost
    for transport in TRANSPORTS:
        for id in lost:
            gap, *items = backlog(gateway, transport, ["orders"], id)[0]
            assert gap["type"] == "gap" and gap["reason"] == "epoch" and "topic" not in gap
            # The epoch was in the part that was lost: nobody knows it.
            assert data(items) == [*range(5), "new"]
        assert data(backlog(gateway, transport, ["orders"], old[-1])[0]) == ["new"]


def test_a_position_beyond_the_head_is_an_epochs_gap(durable):
    gateway = durable.start()
    last = gateway.publish("orders", 0)["id"]
    gateway = durable.restart()
    beyond = f"{epoch(last)}-{offset(last) + 10}"
    new = gateway.publish("orders", 1)
    for transport in TRANSPORTS:
        gap, *items = backlog(gateway, transport, ["orders"], beyond)[0]
        assert gap["type"] == "gap" and gap["reason"] == "epoch" and "topic" not in gap
        assert data(items) == [1]
    far = f"{epoch(new['id'])}-{offset(new['id']) + 10}"
    gap, *items = backlog(gateway, "ndjson", ["orders"], far)[0]
    assert (gap["reason"], items) == ("epoch", [])


# Files that are no store, or not this gateway's.


def a_folder(file):
    file.mkdir()


def garbage(file):
    file.write_bytes(random.Random(1).randbytes(10_000))


def a_text(file):
    file.write_text("history: { messages: 5 }\n" * 50)


def somebody_elses_database(file):
    execute(file, "CREATE TABLE accounts (name TEXT)")


def a_newer_format(file):
    execute(file, "PRAGMA application_id = 1399612261")
    execute(file, "PRAGMA user_version = 99")


@pytest.mark.parametrize(
    "make, words",
    [
        (a_folder, "cannot be opened for writing"), (garbage, "is damaged or no database"),
        (a_text, "is damaged or no database"), (somebody_elses_database, "no store of ours"),
        (a_newer_format, "was written by a newer version (format 99, this one knows 1)"),
    ], ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_no_store_of_its_own_is_refused_in_words_and_left_as_it_is(durable, make, words):
    make(durable.file)
    before = durable.file.read_bytes() if durable.file.is_file() else None
    said = durable.refusal()
    assert words in said and str(durable.file) in said
    assert (durable.file.read_bytes() if durable.file.is_file() else None) == before
    assert len(said.splitlines()) < 8, "one reason, not a trace"


def test_a_store_of_a_newer_version_is_refused_and_opens_again_as_it_was(durable):
    durable.start().publish("orders", 1)
    durable.end("SIGTERM")
    merge_log(durable.file)
    execute(durable.file, "PRAGMA user_version = 2")
    before = durable.file.read_bytes()
    assert "was written by a newer version" in durable.refusal()
    assert durable.file.read_bytes() == before
    execute(durable.file, "PRAGMA user_version = 1")
    assert data(history(durable.start(), "orders")) == [1]


def test_a_folder_that_is_not_there_is_told_in_words(durable):
    durable.file = durable.file.parent / "nowhere" / "messages.db"
    said = durable.refusal()
    assert "is its folder there" in said and "nowhere" in said


@pytest.mark.parametrize("what, mode", [("file", 0o444), ("folder", 0o555)])
def test_what_may_not_be_written_is_told_in_words(durable, what, mode):
    durable.start().publish("orders", 1)
    durable.end("SIGTERM")
    if what == "file":
        # With its log and its lock still writable.
        merge_log(durable.file)
    path = durable.file if what == "file" else durable.file.parent
    before, usual = durable.file.read_bytes(), path.stat().st_mode
    if what == "folder":
        for file in durable.file.parent.iterdir():
            file.chmod(0o444)
    path.chmod(mode)
    try:
        assert "may the gateway write to it?" in durable.refusal(command=AS_ANYBODY)
        assert durable.file.read_bytes() == before
    finally:
        path.chmod(usual)
        for file in durable.file.parent.iterdir():
            file.chmod(0o644)
    assert data(history(durable.start(command=AS_ANYBODY), "orders")) == [1]


def test_an_empty_file_becomes_a_store(durable):
    durable.file.touch()
    assert durable.start().publish("orders", 1)["seq"] == 1


def test_a_second_gateway_does_not_start_on_the_same_file_until_the_first_has_ended(durable):
    first = durable.start()
    first.publish("orders", 1)
    assert "another gateway has this store open" in durable.refusal()
    assert first.publish("orders", 2)["seq"] == 2
    first.kill()
    assert durable.start().publish("orders", 3)["seq"] == 3


def test_a_file_that_another_program_has_locked_is_told_in_bounded_time(durable):
    durable.start().publish("orders", 1)
    durable.end("SIGTERM")
    with locked(durable.file):
        began = time.monotonic()
        assert "is locked by another program" in durable.refusal("sqlite: { lock_wait: 300ms }")
        assert time.monotonic() - began < 15
    assert data(history(durable.start(), "orders")) == [1]


# While it runs.


def is_ready(gateway):
    status, _, body = gateway.request("GET", gateway.admin + "/health/ready")
    return status == 200 or body.decode()


def test_while_another_program_has_the_file_locked_nothing_is_published_and_everything_is_read(durable):
    gateway = durable.start("sqlite: { lock_wait: 300ms }")
    first = gateway.publish("orders", 1)
    readers = [open_reader(gateway, "http1", transport, ["orders"], first["id"]) for transport in TRANSPORTS]
    with locked(durable.file):
        began = time.monotonic()
        for headers in ({}, {"Idempotency_Key": "k"}):
            status, refusal = publish(gateway, "orders", "no", **headers)
            assert (status, refusal["type"]) == (503, "urn:sluice:error:store-unavailable"), refusal
            assert "another program has the store locked" in refusal["detail"]
        batch = json.dumps({"messages": [{"topics": ["orders", "other"], "data": "no"}, {"topic": "a", "data": "no"}]})
        status, _, body = gateway.request("POST", "/v1/publish", batch.encode())
        errors = [result["error"]["type"] for result in json.loads(body)["results"]]
        assert (status, errors) == (200, ["urn:sluice:error:store-unavailable"] * 2)
        assert gateway.request("DELETE", "/v1/topics/orders")[0] == 503
        assert time.monotonic() - began < 15
        assert "locked" in wait_for(lambda: is_ready(gateway) is not True and is_ready(gateway), "the reason")
        assert gateway.request("GET", gateway.admin + "/health/live")[0] == 200
        assert data(history(gateway, "orders")) == [1]
        for transport in TRANSPORTS:
            assert data(backlog(gateway, transport, [">"], "earliest")[0]) == [1]
    wait_for(lambda: is_ready(gateway) is True, "it to find out by itself")
    status, second = publish(gateway, "orders", 2, Idempotency_Key="k")
    assert (status, second["seq"]) == (201, 2)
    for reader in readers:
        assert reader.next()["id"] == second["id"]
        reader.close()
    assert data(backlog(gateway, "ndjson", [">"], "earliest")[0]) == [1, 2]


def publish_until_refused(gateway, taken, name):
    """Messages with a key each, into two topics at once. Returns the refusal and what was refused."""
    for n in range(5000):
        item = {"topics": ["full.a", "full.b"], "data": f"{name} {n} " + "x" * 3000, "key": f"{name} {n}"}
        result = publish_item(gateway, item)
        if "error" in result:
            return result["error"], item
        taken.append(item["data"])
    raise AssertionError("there was no end of space")


def publish_item(gateway, item):
    status, _, body = gateway.request("POST", "/v1/publish", json.dumps({"messages": [item]}).encode())
    assert status == 200, body
    return json.loads(body)["results"][0]


def check_without_space(durable, without_space, words):
    """Twice out of space and in again: nothing acknowledged is lost, nothing refused is there, or half of it."""
    gateway = durable.gateway
    taken = []
    publish_item(gateway, {"topics": ["full.a", "full.b"], "data": "first"})
    taken.append("first")
    reader = open_reader(gateway, "http1", "sse", ["full.b"], "earliest")
    for name in ("one", "two"):
        with without_space():
            error, refused = publish_until_refused(gateway, taken, name)
            assert error["type"].rsplit(":", 1)[1] in ("store-unavailable", "outcome-unknown"), error
            assert any(word in error["detail"] for word in words), error
            assert is_ready(gateway) is not True
            assert data(history(gateway, "full.a")) == taken
            assert "error" in publish_item(gateway, refused)
        wait_for(lambda: is_ready(gateway) is True, "it to find out by itself")
        assert data(history(gateway, "full.a")) == taken
        assert "error" not in publish_item(gateway, refused)
        taken.append(refused["data"])
    assert reader.take(len(taken)) == taken
    reader.close()
    for _ in range(2):
        for topic in ("full.a", "full.b"):
            items = history(gateway, topic)
            assert data(items) == taken and [item["seq"] for item in items] == list(range(1, len(taken) + 1))
        gateway = durable.restart()


def test_files_that_may_not_grow_stop_publishing_until_they_may(durable):
    gateway = durable.start()

    def without_space():
        return no_larger_files(gateway.process, durable.log.stat().st_size + 100_000)

    check_without_space(durable, without_space, ["disk failed", "no space left"])


def test_a_full_disk_stops_publishing_until_there_is_space(durable, tmp_path):
    disk = tmp_path / "disk"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(small_disk(disk, 8 << 20))
        except OSError as error:
            pytest.skip(f"a small disk cannot be mounted here: {error}")
        durable.file = disk / "messages.db"
        durable.start()
        stack.callback(durable.stop)
        check_without_space(durable, lambda: filled(disk), ["no space left"])


# Damage.


def test_a_torn_end_of_the_log_takes_back_what_was_in_it_and_nothing_else(durable, tmp_path):
    gateway = durable.start()
    sent = []
    for n in range(120):
        id = gateway.publish(f"torn.{n % 3}", f"{n} " + "x" * (n * 97 % 9000))["id"]
        sent.append((id, durable.log.stat().st_size))
    before = backlog(gateway, "ndjson", ["torn.*"], "earliest")[0]
    durable.end("SIGKILL")
    durable.copy(tmp_path / "copy")
    size = durable.log.stat().st_size
    source = random.Random(5)
    # The very beginning, the very end, and anywhere.
    cuts = [0, 20, 40, 5000, size - 1] + [source.randrange(size) for _ in range(25)]
    for number, cut in enumerate(cuts):
        durable.put_back(tmp_path / "copy")
        if number % 2:
            os.truncate(durable.log, cut)
        else:
            garble(durable.log, cut, min(size - cut, source.choice([1, 100, 5000, size])), source)
        gateway = durable.start()
        kept = backlog(gateway, "ndjson", ["torn.*"], "earliest")[0]
        assert kept == before[:len(kept)], f"cut {number} at {cut}"
        safe = sum(end <= cut for _, end in sent)
        assert len(kept) >= safe, f"cut {number} at {cut}: {len(kept)} left of {safe}"
        new = gateway.publish("torn.0", "new")
        assert new["seq"] == 1 + sum(item["topic"] == "torn.0" for item in kept)
        assert new["id"] not in [item["id"] for item in before]
        if kept:
            assert data(backlog(gateway, "poll", ["torn.*"], kept[-1]["id"])[0]) == ["new"]
        for item in (before[len(kept)], before[-1]) if len(kept) < len(before) else ():
            gap, *rest = backlog(gateway, "poll", ["torn.*"], item["id"])[0]
            assert gap["reason"] == "epoch" and data(rest)[-1] == "new", f"cut {number} at {cut}"
        durable.end("SIGKILL")


@pytest.mark.parametrize("seed", range(3))
def test_garbled_pages_are_told_and_nothing_wrong_is_served(durable, tmp_path, seed):
    gateway = durable.start()
    for n in range(300):
        gateway.publish(f"garbled.{n % 3}", f"{n} " + "x" * (n * 97 % 700))
    before = {topic: history(gateway, topic) for topic in ("garbled.0", "garbled.1", "garbled.2")}
    durable.end("SIGTERM")
    page_size = merge_log(durable.file)
    durable.copy(tmp_path / "copy")
    pages = durable.file.stat().st_size // page_size
    source = random.Random(seed)
    refusals, troubles = 0, 0
    for page in [0, 1, *source.sample(range(2, pages), 8)]:
        durable.put_back(tmp_path / "copy")
        garble(durable.file, page * page_size, page_size, source)
        try:
            gateway = durable.start()
        except AssertionError as error:
            assert "is damaged" in str(error) and "Fatal error" not in str(error), f"page {page}: {error}"
            refusals += 1
            continue
        for topic, items in before.items():
            status, _, body = gateway.request("GET", gateway.messages_url(topic))
            answer = json.loads(body)
            if status == 503:
                troubles += 1
                assert answer["type"] == "urn:sluice:error:store-unavailable" and "damaged" in answer["detail"]
                assert "damaged" in is_ready(gateway)
            else:
                assert answer["items"] == items, f"page {page}"
            status, answer = publish(gateway, topic, "new")
            assert status == 503 or answer["seq"] == 101, f"page {page}: {answer}"
        assert gateway.process.poll() is None
        durable.end("SIGKILL")
    assert refusals > 0 and refusals + troubles > 4


def test_other_bytes_inside_a_message_are_told(durable):
    gateway = durable.start()
    gateway.publish("garbled", "x" * 9000)
    before = history(gateway, "garbled")
    durable.end("SIGTERM")
    merge_log(durable.file)
    place = durable.file.read_bytes().index(b"x" * 3000) + 1000
    garble(durable.file, place, 1, random.Random(1))
    try:
        gateway = durable.start()
    except AssertionError as error:
        assert "is damaged" in str(error)
        return
    status, _, body = gateway.request("GET", gateway.messages_url("garbled"))
    assert status == 503 or json.loads(body)["items"] == before
