"""`sluice bench` against a real gateway: what it counts, what it says, how it ends."""

import json
import signal
import subprocess
import xml.etree.ElementTree

import pytest

from support.gateway import BINARY, ENVIRONMENT, wait_for

TRANSPORTS = ["websocket", "sse", "ndjson", "poll"]


def environment(gateway):
    return ENVIRONMENT | {"SLUICE_URL": gateway.url, "SLUICE_ADMIN_URL": gateway.admin}


def run(gateway, *arguments, exit=0):
    """What `sluice bench` printed and what it said beside that."""
    done = subprocess.run(
        [BINARY, "bench", *arguments], capture_output=True, text=True, timeout=60, env=environment(gateway))
    assert done.returncode == exit, (done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def report(gateway, *arguments, exit=0):
    return json.loads(run(gateway, *arguments, "--json", exit=exit)[0])


def begin(gateway, folder, *arguments):
    """A run in the background: its process, its report and what it says, in files."""
    out, err = folder / "out", folder / "err"
    with open(out, "wb") as stdout, open(err, "wb") as stderr:
        process = subprocess.Popen(
            [BINARY, "bench", *arguments, "--json"], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
            env=environment(gateway))
    return process, out, err


def is_complete(found, subscribers, missed=0):
    """Whether everyone got everything; messages that were missed first count as expected, not as published."""
    expected = found["completeness"]["expected"]
    assert found["complete"] and found["problems"] == [] and found["errors"] == {}, found
    assert found["connects"]["subscribed"] == subscribers
    assert found["completeness"] == {
        "expected": expected, "received": expected, "missing": 0, "duplicates": 0, "out_of_order": 0, "gaps": 0,
        "incomplete_subscribers": 0}
    assert expected >= missed
    return True


# Fan-out.

@pytest.mark.parametrize("transport", TRANSPORTS)
def test_every_transport_gets_everything(gateway, transport):
    found = report(
        gateway, "--transport", transport, "--subscribers", "12", "--publishers", "3", "--duration", "1s")
    assert is_complete(found, 12)
    assert found["plan"]["subscribers"] == {transport: 12}
    assert found["deliveries"]["count"] == 12 * found["publishes"]["count"] > 0
    assert found["deliveries"]["latency_ms"]["count"] == found["deliveries"]["count"]
    assert found["publishes"]["acknowledgement_ms"]["count"] == found["publishes"]["count"]
    for latency in [
            found["deliveries"]["latency_ms"], found["publishes"]["acknowledgement_ms"], found["connects"]["ms"]]:
        assert 0 < latency["p50"] <= latency["p99"] <= latency["max"] < 60_000
    assert found["gateway"]["cpu_seconds"] > 0 and found["gateway"]["memory_after_bytes"] > 1 << 20
    assert found["bench"]["cpu_seconds"] > 0


def test_a_mix_in_groups_over_several_topics_and_threads(gateway):
    found = report(
        gateway, "--transport", "websocket=5,sse=4,ndjson=3,poll=2", "--groups", "2", "--topics", "3",
        "--publishers", "4", "--threads", "2", "--payload", "300", "--rate", "50", "--duration", "1s")
    assert is_complete(found, 14)
    published = found["publishes"]["count"]
    assert 0 < published <= 50
    # Half of the subscribers are in either group, and either group has half of the messages, give or take one.
    assert abs(found["deliveries"]["count"] - 7 * published) <= 7


def test_a_rate_is_kept(gateway):
    found = report(gateway, "--subscribers", "3", "--publishers", "2", "--rate", "40", "--duration", "1s")
    assert is_complete(found, 3)
    # A slow machine may answer for fewer in time; there are never more.
    assert 20 <= found["publishes"]["count"] <= 40


def test_publishing_alone_and_holding_alone(gateway):
    alone = report(gateway, "--subscribers", "0", "--publishers", "2", "--duration", "1s")
    assert alone["complete"] and alone["publishes"]["count"] > 0 and alone["deliveries"]["count"] == 0
    held = report(gateway, "--subscribers", "4", "--publishers", "0", "--duration", "1s")
    assert held["complete"] and held["connects"]["subscribed"] == 4 and held["publishes"]["count"] == 0


def test_topics_are_the_runs_own(gateway):
    found = report(gateway, "--subscribers", "1", "--topics", "2", "--rate", "20", "--duration", "1s")
    prefix = found["topics"].removesuffix("*")
    listed = json.loads(gateway.request("GET", gateway.admin + f"/v1/admin/topics?match={prefix}*")[2])["topics"]
    assert [topic["topic"] for topic in listed] == [prefix + "000000", prefix + "000001"]
    assert sum(topic["last_seq"] for topic in listed) == found["publishes"]["count"]


# Storms.

def test_a_connect_storm(gateway):
    found = report(gateway, "--scenario", "connect-storm", "--transport", "websocket=20,sse=10,ndjson=5,poll=5")
    assert is_complete(found, 40)
    assert found["connects"]["ms"]["count"] == 40 and found["connects"]["per_second"] > 0


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_resume_storm(gateway, transport):
    found = report(
        gateway, "--scenario", "resume-storm", "--transport", transport, "--subscribers", "10", "--behind", "30",
        "--groups", "2")
    assert is_complete(found, 10, missed=300)
    assert found["catch_up"]["subscribers"] == 10 and found["catch_up"]["ms"]["count"] == 10
    assert found["deliveries"]["count"] == 300


def test_a_resume_storm_beside_live_subscribers(gateway):
    found = report(
        gateway, "--scenario", "resume-storm", "--subscribers", "40", "--behind", "50", "--live", "3",
        "--rate", "200", "--duration", "1s")
    assert is_complete(found, 43, missed=2000)
    assert found["catch_up"]["subscribers"] == 40
    before, during = found["deliveries"]["latency_ms"], found["deliveries"]["latency_during_storm_ms"]
    assert before["count"] > 100 and during["count"] > 0


def test_a_gap_is_reported(start):
    forgetful = start("limits: { memory: 16MiB }")
    found = report(
        forgetful, "--scenario", "resume-storm", "--subscribers", "3", "--behind", "400", "--payload", "60000", exit=1)
    completeness = found["completeness"]
    assert completeness["gaps"] == completeness["incomplete_subscribers"] == 3
    assert completeness["received"] + completeness["missing"] == completeness["expected"] == 3 * 400
    assert 0 < completeness["missing"] < 3 * 400 and found["catch_up"]["subscribers"] == 0
    assert any("gaps were announced" in problem for problem in found["problems"])


# What it prints.

def test_the_table_and_the_progress(gateway):
    out, err = run(gateway, "--subscribers", "2", "--rate", "30", "--duration", "2s")
    for text in ["fan-out: 2 websocket, 1 publisher", "deliveries a second", "P99", "gateway CPU", "bench CPU",
                 "Complete: everyone got everything"]:
        assert text in out
    assert "publishing  2 connected" in err and "\r" not in err


def test_the_chart_is_an_image(gateway, tmp_path):
    for scenario in ["fan-out", "connect-storm", "resume-storm"]:
        file = tmp_path / f"{scenario}.svg"
        run(gateway, "--scenario", scenario, "--subscribers", "5", "--duration", "1s", "--svg", str(file))
        root = xml.etree.ElementTree.parse(file).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert scenario in "".join(root.itertext())


def test_without_the_admin_listener_its_figures_are_not_available(gateway):
    arguments = ["--subscribers", "2", "--rate", "20", "--duration", "1s", "--admin-url", "http://127.0.0.1:1"]
    assert "not available" in run(gateway, *arguments)[0]
    assert report(gateway, *arguments)["gateway"] is None


# What goes wrong.

@pytest.mark.parametrize("arguments, says", [
    (["--subscribers", "0", "--publishers", "0"], "nothing to do"),
    (["--transport", "pigeon"], "not a transport"),
    (["--transport", "sse=2,poll=2", "--subscribers", "5"], "leave one of them out"),
    (["--payload", "38"], "at least 39 bytes"),
    (["--payload", "100000"], "more than this gateway takes (65536 bytes)"),
    (["--scenario", "tsunami"], "tsunami"),
    (["--live", "5"], "resume-storm"),
    (["--duration", "soon"], "soon"),
    (["--svg", "/does/not/exist.svg"], "cannot write"),
])
def test_a_mistake_is_named_before_anything_is_connected(gateway, arguments, says):
    assert says in run(gateway, *arguments, exit=64)[1]


def test_too_few_open_files_are_named_before_anything_is_connected(gateway):
    done = subprocess.run(
        ["bash", "-c", 'ulimit -n 200; exec "$0" bench --subscribers 500', BINARY], capture_output=True, text=True,
        timeout=60, env=environment(gateway))
    assert done.returncode == 64
    assert "501 connections need 565 open files and this process may have 200" in done.stderr


def test_a_gateway_that_is_not_there(gateway):
    _, said = run(gateway, "--url", "http://127.0.0.1:1", exit=69)
    assert "cannot reach the gateway" in said


def test_a_gateway_that_lets_nobody_in(start):
    full = start("limits: { connections: 1 }")
    _, said = run(full, "--subscribers", "5", "--publishers", "0", "--duration", "1s", exit=69)
    assert "no subscriber could be connected" in said


def test_a_gateway_that_dies_in_mid_run(start, tmp_path):
    doomed = start()
    process, out, err = begin(doomed, tmp_path, "--subscribers", "8", "--publishers", "2", "--duration", "50s")
    wait_for(lambda: doomed.metric("sluice_messages_published_total") > 5, "messages")
    doomed.kill()
    assert process.wait(30) == 1, err.read_text()
    found = json.loads(out.read_text())
    assert not found["complete"] and not found["interrupted"]
    assert sum(found["errors"].values()) >= 10
    assert all("connection" in reason or "connect" in reason for reason in found["errors"])


def test_ctrl_c_ends_it_early_with_everything_there_is(gateway, tmp_path):
    published = gateway.metric("sluice_messages_published_total")
    process, out, err = begin(gateway, tmp_path, "--subscribers", "4", "--duration", "50s")
    wait_for(lambda: gateway.metric("sluice_messages_published_total") > published + 5, "messages")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130, err.read_text()
    found = json.loads(out.read_text())
    assert found["interrupted"] and is_complete(found, 4)
    assert found["deliveries"]["count"] == 4 * found["publishes"]["count"] > 0
