"""One connection of a subscriber, on any transport, as a series of the objects that came, each with its own bytes.

h11 speaks HTTP: with a hundred connections at once a library with a pool spends its time on the pool.
"""

import asyncio
import contextlib
import json
import urllib.parse

import h11
import websockets
import websockets.asyncio.client

class ComeBack(EOFError):
    """The node says that it cannot serve this now."""


# What any connection's end looks like. A server that is silent for too long is an end, too.
BROKEN = (OSError, h11.RemoteProtocolError, websockets.WebSocketException, TimeoutError, EOFError)

# Seconds; heartbeats come every second.
SILENCE = 15

_ACCEPT = {"sse": "text/event-stream", "ndjson": "application/x-ndjson", "poll": "application/json"}


async def items_of(node, transport, topics, since):
    """(object, text) as they come, controls among them. A poll's `next` is given as a control of that type.

    Raises one of BROKEN at the connection's end, whoever ended it.
    """
    query = urllib.parse.urlencode([("topic", topic) for topic in topics])
    series = {"websocket": _socket, "sse": _events, "ndjson": _lines, "poll": _polls}[transport](
        node, f"/v1/stream?{query}", since)
    try:
        while True:
            async with asyncio.timeout(SILENCE):
                item = await anext(series)
            yield item
    except StopAsyncIteration:
        raise EOFError from None
    finally:
        await series.aclose()


async def _socket(node, path, since):
    url = f"ws://{node.host}:{node.port}{path}&{_since(since)}"
    async with websockets.asyncio.client.connect(
            url, proxy=None, ping_interval=None, close_timeout=1, open_timeout=SILENCE) as socket:
        try:
            while True:
                text = await socket.recv()
                yield json.loads(text), text
        except websockets.ConnectionClosed as closed:
            if closed.rcvd and closed.rcvd.code == 1013:
                raise ComeBack from None
            raise


async def _events(node, path, since):
    fields = {}
    async for line in _stream(node, "sse", path, since):
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif "data" in fields:
            item = json.loads(fields["data"])
            if "data" not in item:
                # A heartbeat says its position in the event's id alone.
                item = {"type": fields["event"], "id": fields.get("id")} | item
            if item.get("type") == "reconnect":
                raise ComeBack
            yield item, fields["data"]
            fields = {}


async def _lines(node, path, since):
    async for line in _stream(node, "ndjson", path, since):
        yield json.loads(line), line


async def _stream(node, transport, path, since):
    """The lines of an answer that does not end."""
    async with HTTPConnection(node) as connection:
        status = await connection.send("GET", f"{path}&{_since(since)}", {"Accept": _ACCEPT[transport]})
        if status != 200:
            raise _refusal(status)
        rest = ""
        async for piece in connection.pieces():
            *lines, rest = (rest + piece.decode()).split("\n")
            for line in lines:
                yield line


async def _polls(node, path, since):
    decoder = json.JSONDecoder()
    async with HTTPConnection(node) as connection:
        while True:
            status, text = await connection.request(
                "GET", f"{path}&wait=2&{_since(since)}", {"Accept": _ACCEPT["poll"]})
            if status != 200:
                raise _refusal(status)
            at = text.index("[") + 1
            while text[at] != "]":
                item, end = decoder.raw_decode(text, at)
                yield item, text[at:end]
                at = end + (text[end] == ",")
            since = json.loads(text)["next"]
            yield {"type": "next", "id": since}, None


def _refusal(status):
    return ComeBack() if status == 503 else EOFError(f"answered {status}")


def _since(position):
    return urllib.parse.urlencode({"since": position})


class HTTPConnection:
    """One request after another on one connection to a node, in clear HTTP/1.1."""

    def __init__(self, node):
        self._node = node
        self._http = h11.Connection(h11.CLIENT)

    async def __aenter__(self):
        self._reader, self._writer = await asyncio.open_connection(self._node.host, self._node.port)
        return self

    async def __aexit__(self, *_):
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def send(self, method, path, headers=None, body=b""):
        """The answer's status, as soon as its head is there."""
        fields = [("Host", f"{self._node.host}:{self._node.port}"), ("Content-Length", str(len(body)))]
        data = self._http.send(h11.Request(method=method, target=path, headers=fields + list((headers or {}).items())))
        if body:
            data += self._http.send(h11.Data(body))
        self._writer.write(data + self._http.send(h11.EndOfMessage()))
        return (await self._event()).status_code

    async def pieces(self):
        """The answer's body as it comes."""
        while type(event := await self._event()) is h11.Data:
            yield event.data

    async def request(self, method, path, headers=None, body=b""):
        """(status, body) of an answer that ends."""
        status = await self.send(method, path, headers, body)
        text = b"".join([piece async for piece in self.pieces()]).decode()
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        return status, text

    async def _event(self):
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(65536))
        if type(event) is h11.ConnectionClosed:
            raise EOFError
        return event
