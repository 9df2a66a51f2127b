"""Polling, publishing and history with `requests`, as a backend or a simple client would."""

import base64
import json
import threading
import time

import pytest
import requests

from support.gateway import wait_for
from support.proxy import CuttingProxy
from support.traffic import Publisher, Reading


@pytest.mark.parametrize("reset", [True, False], ids=["RST", "FIN"])
def test_a_polling_loop_over_a_bad_network_loses_nothing(gateway, topics, reset):
    reading = Reading()
    since = "earliest"
    with CuttingProxy(gateway.port, cut_after=(100, 4_000), reset=reset) as proxy:
        with Publisher(gateway, topics, 400) as publisher, requests.Session() as session:
            while publisher.is_running or len(reading.messages) < len(publisher.acknowledged):
                params = {"topic": topics, "since": since, "wait": 1, "limit": 20}
                try:
                    response = session.get(proxy.stream, params=params, timeout=10)
                    answer = response.json()
                except (requests.RequestException, OSError):
                    continue
                assert response.status_code == 200
                assert len(answer["items"]) <= 20
                for item in answer["items"]:
                    reading.take(item)
                since = answer["next"]
        assert proxy.cuts > 3
    reading.check(publisher.acknowledged)


def test_a_parked_poll_is_released_by_a_message(gateway, topic):
    since = requests.get(gateway.stream, params={"topic": topic}).json()["next"]
    answers = []
    poll = threading.Thread(
        target=lambda: answers.append(
            requests.get(gateway.stream, params={"topic": topic, "since": since, "wait": 20}, timeout=30)))
    poll.start()
    wait_for(lambda: [c for c in gateway.connections() if topic in c["subscriptions"]], "the poll to be parked")
    started = time.monotonic()
    sent = gateway.publish(topic, {"now": True})
    poll.join(10)
    assert time.monotonic() - started < 5
    answer = answers[0].json()
    assert [item["id"] for item in answer["items"]] == [sent["id"]] and answer["next"] == sent["id"]
    assert 'rel="next"' in answers[0].headers["Link"]


def test_a_poll_without_a_position_answers_at_once_and_next_moves_without_messages(gateway, topics):
    quiet, busy, _ = topics
    first = requests.get(gateway.stream, params={"topic": quiet}, timeout=5).json()
    assert first["items"] == []
    gateway.publish_many(busy, 10)
    second = requests.get(
        gateway.stream, params={"topic": quiet, "since": first["next"], "wait": 0}, timeout=5).json()
    assert second["items"] == [] and second["next"] != first["next"]


def test_a_poll_waits_as_long_as_it_asked(gateway, topic):
    since = requests.get(gateway.stream, params={"topic": topic}).json()["next"]
    started = time.monotonic()
    answer = requests.get(gateway.stream, params={"topic": topic, "since": since, "wait": 1}, timeout=10)
    assert answer.status_code == 200 and answer.json()["items"] == []
    assert 0.9 < time.monotonic() - started < 5


def test_the_link_leads_on(gateway, topic):
    gateway.publish_many(topic, 25)
    url = f"{gateway.stream}?topic={topic}&since=earliest&limit=10&wait=0"
    got = []
    for _ in range(3):
        response = requests.get(url, timeout=5)
        got += [item["data"] for item in response.json()["items"]]
        url = requests.compat.urljoin(url, response.links["next"]["url"])
    assert got == list(range(25))


def test_a_long_topic_list_goes_as_a_body(gateway, topics):
    names = [f"{topics[0]}.{n}" for n in range(200)]
    for name in names[::20]:
        gateway.publish(name, name)
    answer = requests.post(
        gateway.stream, json={"topic": names, "since": "earliest", "wait": 0, "limit": 1000}, timeout=5)
    assert [item["topic"] for item in answer.json()["items"]] == names[::20]


@pytest.mark.parametrize("body, content_type, data, extra", [
    (b'{ "a" : [1, 2.50, "\\u00e9"] }', "application/json", {"a": [1, 2.5, "é"]}, {}),
    ("schöner Text\nmit Zeilen".encode(), "text/plain; charset=utf-8", "schöner Text\nmit Zeilen", {}),
    (b"\x00\xff\r\n", "image/x-thing", base64.b64encode(b"\x00\xff\r\n").decode(),
     {"encoding": "base64", "content_type": "image/x-thing"}),
    (b"<a>\r\n</a>", "text/xml", "<a>\r\n</a>", {}),
    (b'{"a":1}', "application/problem+json", {"a": 1}, {}),
])
def test_a_body_is_embedded_as_its_content_type_says(gateway, topic, body, content_type, data, extra):
    response = requests.post(gateway.messages_url(topic), body, headers={"Content-Type": content_type})
    assert response.status_code == 201
    item = requests.get(gateway.messages_url(topic), params={"since": "earliest"}).json()["items"][0]
    assert item["id"] == response.json()["id"]
    assert item["data"] == data
    assert {key: item[key] for key in ("encoding", "content_type") if key in item} == extra


def test_a_key_publishes_once(gateway, topic):
    post = lambda data: requests.post(gateway.messages_url(topic), json=data, headers={"Idempotency-Key": "once"})
    first, again, other = post({"a": 1}), post({"a": 1}), post({"a": 2})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert other.status_code in (200, 409)
    assert len(requests.get(gateway.messages_url(topic), params={"since": "earliest"}).json()["items"]) == 1


def test_equal_keys_at_once_publish_once(gateway, topic):
    answers = []

    def post():
        answers.append(requests.post(gateway.messages_url(topic), json=1, headers={"Idempotency-Key": "race"}))

    threads = [threading.Thread(target=post) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_conditions_let_one_of_two_writers_through(gateway, topic):
    post = lambda **headers: requests.post(gateway.messages_url(topic), json=1, headers=headers)
    first = post(**{"If-None-Match": "*"})
    assert first.status_code == 201
    assert post(**{"If-None-Match": "*"}).status_code == 412
    id = first.json()["id"]
    assert first.headers["ETag"] == f'"{id}"'
    second = post(**{"If-Match": f'"{id}"'})
    assert second.status_code == 201
    refused = post(**{"If-Match": f'"{id}"'})
    assert refused.status_code == 412
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert second.json()["id"] in refused.text


def test_a_batch_has_a_result_for_each_in_order(gateway, topics):
    a, b, c = topics
    response = requests.post(f"{gateway.url}/v1/publish", json={"messages": [
        {"topic": a, "data": 1}, {"topic": "no..topic", "data": 2}, {"topics": [b, c], "data": 3, "event": "both"},
        {"topic": a, "data": 4, "if_last": "nonsense"}, {"topic": a, "data": 5, "key": "k"},
        {"topic": a, "data": 5, "key": "k"},
    ]})
    assert response.status_code == 200
    results = response.json()["results"]
    assert results[0]["seq"] == 1
    assert results[1]["error"]["type"] == "urn:sluice:error:invalid-topic"
    assert [entry["topic"] for entry in results[2]["messages"]] == [b, c]
    assert "error" in results[3]
    assert results[4] == results[5] and results[4]["seq"] == 2


def test_history_comes_in_pages_and_a_topic_tells_its_numbers(gateway, topic):
    last = gateway.publish_many(topic, 250)
    since, got = "earliest", []
    while True:
        page = requests.get(gateway.messages_url(topic), params={"since": since, "limit": 100}).json()
        if not page["items"]:
            break
        got += [item["seq"] for item in page["items"]]
        since = page["next"]
    assert got == list(range(1, 251))
    about = requests.get(f"{gateway.url}/v1/topics/{topic}").json()
    assert about["last_id"] == last and about["last_seq"] == 250


def test_negotiate_gives_a_position_to_start_from(gateway, topic):
    answer = requests.get(f"{gateway.url}/v1/negotiate", params={"transports": "sse,poll", "topic": topic}).json()
    assert [transport["name"] for transport in answer["transports"]] == ["sse", "poll"]
    sent = gateway.publish(topic, "after the page was made")
    for transport in answer["transports"]:
        assert transport["url"].startswith(f"http://127.0.0.1:{gateway.port}/v1/stream")
    params = {"topic": topic, "since": answer["position"], "wait": 0}
    items = requests.get(answer["transports"][1]["url"], params=params).json()["items"]
    assert [item["id"] for item in items] == [sent["id"]]


@pytest.mark.parametrize("method, path, kwargs, status", [
    ("GET", "/v1/stream?topic=a&tpoic=b", {}, 400), ("GET", "/v1/stream?topic=a&wait=99999", {}, 400),
    ("GET", "/v1/stream?topic=a&limit=0", {}, 400), ("GET", "/v1/stream?topic=a..b", {}, 400),
    ("GET", "/v1/stream?topic=%zz", {}, 400), ("GET", "/v1/stream", {}, 400),
    ("GET", "/v1/stream?topic=a", {"headers": {"Accept": "image/png"}}, 406),
    ("GET", "/v2/stream", {}, 404), ("PUT", "/v1/stream", {}, 405), ("DELETE", "/v1/publish", {}, 405),
    ("POST", "/v1/publish", {"data": b"{"}, 400), ("POST", "/v1/publish", {"json": {"messages": 1}}, 400),
    ("POST", "/v1/topics/a..b/messages", {"json": 1}, 400), ("POST", "/v1/topics/%24sys.x/messages", {"json": 1}, 403),
    ("POST", "/v1/topics/a.*/messages", {"json": 1}, 400),
    ("POST", "/v1/topics/a/messages", {"data": b"x" * 70_000}, 413),
    ("POST", "/v1/topics/a/messages", {"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
    ("POST", "/v1/topics/a/messages", {"data": b"\xff", "headers": {"Content-Type": "text/plain"}}, 400),
    ("POST", "/v1/topics/a/messages", {"data": b"x", "headers": {"Content-Type": "no type"}}, 415),
    ("POST", "/v1/topics/a/messages", {"json": 1, "headers": {"Event": "hello"}}, 400),
    ("POST", "/v1/topics/a/messages", {"json": 1, "headers": {"Event": "x" * 65}}, 400),
    ("POST", "/v1/topics/a/messages", {"json": 1, "headers": {"If-Match": "unquoted"}}, 400),
    ("GET", "/v1/topics/never.published.to", {}, 404), ("GET", "/v1/diagnostics/echo", {}, 426),
])
def test_a_broken_rule_is_answered_with_a_problem(gateway, method, path, kwargs, status):
    response = requests.request(method, gateway.url + path, timeout=5, **kwargs)
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"].startswith("urn:sluice:error:") and problem["status"] == status
    assert problem["title"] and problem["detail"]
    if status == 405:
        assert response.headers["Allow"]


def test_a_refused_page_is_refused_whatever_it_asks(gateway, topic):
    foreign = {"Origin": "https://elsewhere.example"}
    assert requests.get(gateway.stream, params={"topic": topic}, headers=foreign).status_code == 403
    assert requests.post(gateway.messages_url(topic), json=1, headers=foreign).status_code == 403
    own = {"Origin": gateway.url}
    assert requests.post(gateway.messages_url(topic), json=1, headers=own).status_code == 201


def test_many_requests_share_one_connection(gateway, topic):
    before = gateway.metric("sluice_http_connections_accepted_total")
    with requests.Session() as session:
        for n in range(50):
            assert session.post(gateway.messages_url(topic), json=n).status_code == 201
            assert session.get(gateway.url + "/v1/nothing").status_code == 404
    assert gateway.metric("sluice_http_connections_accepted_total") - before <= 2
    assert json.loads(gateway.request("GET", f"/v1/topics/{topic}")[2])["last_seq"] == 50
