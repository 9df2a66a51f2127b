"""One reader for every transport over every kind of connection, in one shape: `next()` gives the next message."""

import json
import ssl
import urllib.parse

import httpx
import httpx_sse
import wsproto
import wsproto.events

from support.http2 import HTTP2
from support.websocket import WebSocket

TRANSPORTS = ["websocket", "sse", "ndjson", "poll"]
VERSIONS = ["http1", "http2"]
_ACCEPT = {"sse": "text/event-stream", "ndjson": "application/x-ndjson", "poll": "application/json"}


def open_reader(gateway, version, transport, topics, since):
    query = urllib.parse.urlencode([("topic", topic) for topic in topics] + [("since", since)])
    path = f"/v1/stream?{query}"
    if version == "http1":
        return {"websocket": _Socket, "sse": _Events, "ndjson": _Lines, "poll": _Polls}[transport](gateway, path)
    return {"websocket": _Socket2, "sse": _Events2, "ndjson": _Lines2, "poll": _Polls2}[transport](gateway, path)


class _Reader:
    """`position` is what is handed back after a break."""

    position = None

    def next(self):
        while True:
            item = self._object()
            if item.get("id"):
                self.position = item["id"]
            if "data" in item and "type" not in item:
                return item
            assert item.get("type") != "gap", item

    def take(self, count):
        return [self.next()["data"] for _ in range(count)]


def _context(gateway):
    return ssl.create_default_context(cafile=gateway.authority) if gateway.authority else None


class _Socket(_Reader):
    def __init__(self, gateway, path):
        scheme = "wss" if gateway.authority else "ws"
        self._socket = WebSocket(f"{scheme}://{gateway.host}:{gateway.port}{path}", _context(gateway))

    def _object(self):
        return json.loads(self._socket.recv(timeout=20))

    def close(self):
        self._socket.close()


class _Over1(_Reader):
    def __init__(self, gateway, path):
        verify = _context(gateway) or False
        self._client = httpx.Client(verify=verify, timeout=20, trust_env=False)
        self._base = gateway.url
        self._path = path
        self._open()

    def _open(self):
        self._context = self._client.stream("GET", self._base + self._path, headers={"Accept": _ACCEPT[self.transport]})
        self._response = self._context.__enter__()
        assert self._response.status_code == 200, self._response.read()
        assert self._response.http_version == "HTTP/1.1"

    def close(self):
        self._response.close()
        self._client.close()


class _Events(_Over1):
    transport = "sse"

    def _open(self):
        super()._open()
        self._iterator = httpx_sse.EventSource(self._response).iter_sse()

    def _object(self):
        return json.loads(next(self._iterator).data)


class _Lines(_Over1):
    transport = "ndjson"

    def _open(self):
        super()._open()
        self._iterator = self._response.iter_lines()

    def _object(self):
        return json.loads(next(self._iterator))


class _Polls(_Over1):
    transport = "poll"

    def _open(self):
        self._items = []

    def _object(self):
        while not self._items:
            answer = self._client.get(self._base + self._path, headers={"Accept": _ACCEPT["poll"]})
            assert answer.status_code == 200, answer.text
            self._items, self._path = _poll(answer.json(), self._path)
        return self._items.pop(0)

    def close(self):
        self._client.close()


def _poll(answer, path):
    base, query = path.split("?")
    pairs = [pair for pair in urllib.parse.parse_qsl(query) if pair[0] != "since"] + [("since", answer["next"])]
    return answer["items"], f"{base}?{urllib.parse.urlencode(pairs)}"


class _Over2(_Reader):
    def __init__(self, gateway, path):
        self._http = HTTP2(gateway.host, gateway.port, gateway.authority)
        self._path = path
        self._open()

    def _open(self):
        self._stream = self._http.open("GET", self._path, [("accept", _ACCEPT[self.transport])])
        self._http.until(lambda: self._stream.headers)
        assert self._stream.status == "200", self._stream.headers

    def _piece(self, end):
        """What comes before `end`."""
        stream = self._stream
        self._http.until(lambda: end in stream.body or stream.ended or stream.reset is not None)
        piece, found, stream.body = stream.body.partition(end)
        assert found, "the stream ended"
        return piece.decode()

    def close(self):
        self._http.close()


class _Events2(_Over2):
    transport = "sse"

    def _object(self):
        while True:
            data = [line[5:].strip() for line in self._piece(b"\n\n").splitlines() if line.startswith("data:")]
            if data:
                return json.loads("\n".join(data))


class _Lines2(_Over2):
    transport = "ndjson"

    def _object(self):
        return json.loads(self._piece(b"\n"))


class _Polls2(_Over2):
    transport = "poll"

    def _open(self):
        self._items = []

    def _object(self):
        while not self._items:
            answer = self._http.request("GET", self._path, [("accept", _ACCEPT["poll"])])
            assert answer.status == "200", answer.body
            self._items, self._path = _poll(json.loads(answer.body), self._path)
        return self._items.pop(0)


class _Socket2(_Over2):
    """A WebSocket on a stream (RFC 8441)."""

    def _open(self):
        self._frames = wsproto.Connection(wsproto.ConnectionType.CLIENT)
        self._texts = []
        self._text = ""
        self._http.until(lambda: self._http.h2.remote_settings.enable_connect_protocol)
        self._stream = self._http.open(
            "CONNECT", self._path, [("sec-websocket-version", "13")], protocol="websocket", end=False)
        self._http.until(lambda: self._stream.headers)
        assert self._stream.status == "200", self._stream.headers
        assert "sec-websocket-accept" not in self._stream.headers

    def _object(self):
        while not self._texts:
            stream = self._stream
            self._http.until(lambda: stream.body or stream.ended)
            data, stream.body = stream.body, b""
            self._frames.receive_data(data)
            for event in self._frames.events():
                if isinstance(event, wsproto.events.TextMessage):
                    self._text += event.data
                    if event.message_finished:
                        self._texts.append(self._text)
                        self._text = ""
                elif isinstance(event, wsproto.events.Ping):
                    self._http.send(stream, self._frames.send(event.response()))
        return json.loads(self._texts.pop(0))
