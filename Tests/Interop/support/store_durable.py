"""A durable store's file and the gateways that have it, one after the other; and all that a reader gets of it."""

import json
import shutil
import signal
import urllib.parse

import requests
import sseclient
import websockets.sync.client

from support.gateway import Gateway

TRANSPORTS = ["websocket", "sse", "ndjson", "poll"]
_HISTORY = "history: { messages: 100000, age: 1h, bytes: 1GiB }"


class Durable:
    """`gateway` is the one that runs now, or the last one that did."""

    def __init__(self, folder):
        self.file = folder / "store" / "messages.db"
        self.file.parent.mkdir()
        self.gateway = None
        self._folder = folder
        self._starts = 0

    @property
    def log(self):
        """The write-ahead log."""
        return self.file.with_name(self.file.name + "-wal")

    def start(self, configuration=_HISTORY, command=()):
        self._starts += 1
        text = f"store: sqlite:{self.file}\ndrain: {{ window: 100ms, timeout: 1s }}\n{configuration}\n"
        self.gateway = Gateway(self._folder / str(self._starts), text, command=command)
        return self.gateway

    def refusal(self, configuration=_HISTORY, command=()):
        """Starts it where it cannot start. Returns what it says."""
        try:
            self.start(configuration, command)
        except AssertionError as error:
            text = str(error)
            assert "the gateway ended with" in text and "ended with -" not in text, text
            assert "Fatal error" not in text, text
            return text
        self.gateway.stop()
        raise AssertionError("it started")

    def end(self, how):
        """`SIGTERM`, and what that takes, or `SIGKILL`."""
        self.gateway.signal(getattr(signal, how))
        assert self.gateway.process.wait(20) == (0 if how == "SIGTERM" else -signal.SIGKILL)

    def restart(self, how="SIGKILL", configuration=_HISTORY):
        self.end(how)
        return self.start(configuration)

    def copy(self, folder):
        """Everything that is there, as a backup that knows nothing of databases."""
        shutil.copytree(self.file.parent, folder)

    def put_back(self, folder):
        shutil.rmtree(self.file.parent)
        shutil.copytree(folder, self.file.parent)

    def stop(self):
        if self.gateway:
            self.gateway.stop()


def publish(gateway, topic, data, **headers):
    """(status, answer). Header fields are written with _ for -."""
    fields = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    status, _, body = gateway.request("POST", gateway.messages_url(topic), json.dumps(data).encode(), fields)
    return status, json.loads(body)


def backlog(gateway, transport, topics, since):
    """The messages and gaps that there are after `since`, and the position after them."""
    query = urllib.parse.urlencode(
        [("topic", topic) for topic in topics] + [("transport", transport)], quote_via=urllib.parse.quote)
    url = f"{gateway.stream}?{query}"
    objects = _polls(url, since) if transport == "poll" else _until_caught_up(transport, url, since)
    *items, last = objects
    return [item for item in items if item.get("type") in (None, "gap")], last["id"]


def history(gateway, topic, since=None, limit=1000):
    """All pages of a topic's history."""
    items = []
    while True:
        query = f"?limit={limit}" + (f"&since={since}" if since else "")
        status, _, body = gateway.request("GET", gateway.messages_url(topic) + query)
        page = json.loads(body)
        assert status == 200, page
        if not page["items"]:
            return items
        items += page["items"]
        since = page["next"]


def _polls(url, since):
    items = []
    while True:
        answer = requests.get(f"{url}&wait=0&since={since}", timeout=20)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        if not page["items"] and page["next"] == since:
            return items + [{"type": "caught_up", "id": since}]
        since = page["next"]


def _until_caught_up(transport, url, since):
    objects = []
    for item in _SOURCES[transport](f"{url}&since={since}"):
        objects.append(item)
        if item.get("type") == "caught_up":
            return objects
    raise AssertionError(f"the {transport} ended before it had caught up: {objects[-3:]}")


def _socket(url):
    with websockets.sync.client.connect("ws" + url.removeprefix("http"), proxy=None, max_size=None) as socket:
        while True:
            yield json.loads(socket.recv(timeout=20))


def _events(url):
    with requests.get(url, stream=True, timeout=20) as response:
        for event in sseclient.SSEClient(response).events():
            if event.event == "heartbeat":
                continue
            item = json.loads(event.data)
            # What a browser resumes from is what everybody else does.
            assert "id" not in item or item["id"] == event.id, (event.id, item)
            yield item


def _lines(url):
    with requests.get(url, stream=True, timeout=20) as response:
        for line in response.iter_lines():
            yield json.loads(line)


_SOURCES = {"websocket": _socket, "sse": _events, "ndjson": _lines}
