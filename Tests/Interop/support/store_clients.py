"""Publishers and readers that outlive the gateway: they wait until it is there, connect, and go on where they were.

All of them live in one event loop. `place` tells them where the gateway is, see `store_victim`.
"""

import asyncio
import json
import random
import urllib.parse

import websockets.asyncio.client
import websockets.exceptions

from support.crashes import ACKNOWLEDGED, REFUSED, Attempt, Chain, Delivery

# What a client sees of a gateway that dies. Anything else is a fault.
_BREAKS = (OSError, asyncio.IncompleteReadError, websockets.exceptions.WebSocketException, EOFError)


def _code(problem):
    """On a websocket it stands there as it is."""
    return problem.get("code") or problem["type"].rsplit(":", 1)[1]


class Connection:
    """HTTP/1.1 as far as the gateway speaks it to well-behaved clients."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port):
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 22))

    async def head(self, method, path, headers=(), body=b""):
        """Sends a request. Returns the answer's status and header fields."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers)]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await self._writer.drain()
        status = int((await self._line()).split()[1])
        fields = {}
        while line := await self._line():
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        return status, fields

    async def request(self, method, path, headers=(), body=b""):
        """The answer's status and the object in its body."""
        status, fields = await self.head(method, path, headers, body)
        return status, json.loads(await self.body(fields))

    async def body(self, fields):
        return await self._reader.readexactly(int(fields["content-length"]))

    async def chunk(self):
        size = int(await self._line(), 16)
        data = (await self._reader.readexactly(size + 2))[:-2]
        if not data:
            raise EOFError
        return data

    async def _line(self):
        line = await self._reader.readuntil(b"\r\n")
        return line[:-2].decode()

    def close(self):
        self._writer.close()


class Reader:
    """Reads its topics over one transport, from the first message on, over as many connections as it takes."""

    def __init__(self, name, transport, topics, resolved, limit=None):
        self.transport = transport
        self.chain = Chain(name, resolved)
        # To be set to where reading begins, before `run`.
        self.position = None
        pairs = [("topic", topic) for topic in topics] + [("transport", transport)]
        if transport == "poll":
            pairs.append(("wait", 20))
        if limit:
            pairs.append(("limit", limit))
        self._query = "/v1/stream?" + urllib.parse.urlencode(pairs)
        # Of the last message that it should see, once that is known.
        self._last = None
        self._done = asyncio.Event()
        self._to = None

    async def run(self, place):
        read = {"websocket": self._socket, "sse": self._events, "ndjson": self._lines, "poll": self._polls}
        while not self._done.is_set():
            port = self._to = await place.is_up()
            try:
                await read[self.transport](port)
            except _BREAKS:
                pass

    async def finish(self, last):
        """Waits until it has got the message with the offset `last`."""
        self._last = last
        self._look()
        await self._done.wait()

    @property
    def is_behind(self):
        return self._last is not None and not self._done.is_set()

    def __str__(self):
        last = self.chain.deliveries[-1].id if self.chain.deliveries else "nothing"
        return f"{self.chain.name}: at {self.position}, got {last}, is to get {self._last}, connected {self._to}"

    def _look(self):
        deliveries = self.chain.deliveries
        if self._last is not None and deliveries and deliveries[-1].offset >= self._last:
            self._done.set()

    def _take(self, item):
        if "type" not in item:
            mark = (item["data"]["p"], item["data"]["n"])
            self.chain.deliveries.append(Delivery(item["id"], item["topic"], item["seq"], mark))
            self._look()
        elif item["type"] == "gap":
            self.chain.gaps.append(item)
        # What a poll is given is all for naught if its answer breaks off: `next` is its position.
        if item.get("id") and self.transport != "poll":
            self.position = item["id"]

    @property
    def _path(self):
        return f"{self._query}&since={self.position}"

    async def _open(self, port, path, headers=()):
        connection = await Connection.open(port)
        try:
            status, fields = await connection.head("GET", path, headers)
            self._check(status)
            if "transfer-encoding" not in fields:
                # An event stream that is refused is a whole answer, or an EventSource would never come back.
                assert b"event: reconnect" in await connection.body(fields)
                raise EOFError("the gateway goes away")
        except BaseException:
            connection.close()
            raise
        self.chain.connections += 1
        return connection

    def _check(self, status, answer=None):
        if status == 503:
            raise EOFError("the gateway goes away")
        assert status == 200, f"{self.chain.name} got {status} {answer}"

    async def _socket(self, port):
        url = f"ws://127.0.0.1:{port}{self._path}"
        async with websockets.asyncio.client.connect(url, proxy=None, max_size=None, close_timeout=1) as socket:
            self.chain.connections += 1
            while not self._done.is_set():
                self._take(json.loads(await socket.recv()))

    async def _lines(self, port):
        await self._pieces(await self._open(port, self._path), b"\n", lambda line: self._take(json.loads(line)))

    async def _events(self, port):
        # As a browser does it.
        connection = await self._open(port, self._query, [("Last-Event-ID", self.position)])
        await self._pieces(connection, b"\n\n", self._event)

    def _event(self, text):
        fields = dict(line.split(": ", 1) for line in text.decode().split("\n") if ": " in line)
        if fields.get("data", "{}") != "{}":
            self._take(json.loads(fields["data"]))
        # What a browser takes for its Last-Event-ID, whatever the data say.
        self.position = fields.get("id", self.position)

    async def _pieces(self, connection, end, take):
        rest = b""
        try:
            while not self._done.is_set():
                *pieces, rest = (rest + await connection.chunk()).split(end)
                for piece in pieces:
                    take(piece)
        finally:
            connection.close()

    async def _polls(self, port):
        connection = await Connection.open(port)
        self.chain.connections += 1
        try:
            while not self._done.is_set():
                status, answer = await connection.request("GET", self._path)
                self._check(status, answer)
                for item in answer["items"]:
                    self._take(item)
                self.position = answer["next"]
        finally:
            connection.close()


class Publisher:
    """Publishes one request after another. What has a key is sent until it is acknowledged, and once more after each
    new connection; of everything else the outcome may stay unknown."""

    def __init__(self, number, kind, topics, seed, acknowledged):
        self.attempts = []
        self.faults = []
        self._number = number
        self._kind = kind
        self._topics = topics
        self._random = random.Random(f"{seed} {number}")
        # Called with how many messages were acknowledged.
        self._acknowledged = acknowledged
        self._next = 0
        self._is_stopped = False
        # What to repeat when it is connected again.
        self._last = None

    def stop(self):
        """After what is under way."""
        self._is_stopped = True

    async def run(self, place):
        under_way = None
        while under_way or not self._is_stopped:
            port = await place.is_up()
            connection = None
            try:
                connection = await self._connect(port)
                if self._last:
                    await self._repeat(connection)
                while under_way or not self._is_stopped:
                    under_way = under_way or self._make()
                    await self._send(connection, under_way)
                    under_way = [attempt for attempt in under_way if attempt.keyed and attempt.outcome != ACKNOWLEDGED]
            except _BREAKS:
                under_way = [attempt for attempt in under_way or [] if attempt.keyed]
            finally:
                if connection:
                    await self._close(connection)

    async def publish_to(self, connection, topic):
        """One message with a key. Returns its offset."""
        attempt = Attempt((self._number, self._next), (topic,), keyed=True)
        self._next += 1
        self.attempts.append(attempt)
        await self._send(connection, [attempt])
        return int(attempt.places[topic][0].rsplit("-", 1)[1])

    # What it publishes.

    def _make(self):
        """The messages of the next request, all with a key or none."""
        keyed = self._kind in ("keyed", "socket") or (self._kind == "batch" and self._random.random() < 0.5)
        made = [self._attempt(keyed) for _ in range(self._random.randint(1, 8) if self._kind == "batch" else 1)]
        self.attempts += made
        return made

    def _attempt(self, keyed):
        count = self._random.choice([1, 1, 2, 4]) if self._kind == "batch" else 1
        attempt = Attempt((self._number, self._next), tuple(self._random.sample(self._topics, count)), keyed)
        self._next += 1
        return attempt

    def _data(self, attempt):
        publisher, number = attempt.mark
        # As long as the number says, so that a repetition is the same message.
        padding = "x" * (0 if number % 7 else number * 37 % 6000)
        return {"p": publisher, "n": number, "x": padding}

    def _key(self, attempt):
        return "{}-{}".format(*attempt.mark)

    # How.

    async def _connect(self, port):
        if self._kind != "socket":
            return await Connection.open(port)
        return await websockets.asyncio.client.connect(
            f"ws://127.0.0.1:{port}/v1/stream", proxy=None, close_timeout=1)

    async def _close(self, connection):
        if self._kind == "socket":
            await connection.close()
        else:
            connection.close()

    async def _send(self, connection, attempts):
        send = self._send_batch if self._kind == "batch" else self._send_one
        results = await send(connection, attempts)
        count = 0
        for attempt, (refusal, places) in zip(attempts, results, strict=True):
            if refusal is None:
                attempt.acknowledge(places)
                count += len(places)
                self._last = attempt if attempt.keyed else self._last
            elif refusal != "outcome-unknown" and not attempt.keyed:
                attempt.outcome = REFUSED
        self._acknowledged(count)

    async def _send_one(self, connection, attempts, expected=(200, 201)):
        attempt, topic = attempts[0], attempts[0].topics[0]
        if self._kind == "socket":
            command = {"type": "publish", "topic": topic, "data": self._data(attempt), "key": self._key(attempt),
                       "ref": 1}
            await connection.send(json.dumps(command))
            answer = {}
            while answer.get("ref") != 1:
                answer = json.loads(await connection.recv())
            status = answer.get("status", 200)
        else:
            headers = [("Content-Type", "application/json")]
            headers += [("Idempotency-Key", self._key(attempt))] if attempt.keyed else []
            status, answer = await connection.request(
                "POST", f"/v1/topics/{topic}/messages", headers, json.dumps(self._data(attempt)).encode())
        if status == 503:
            return [(_code(answer), {})]
        assert status in expected, answer
        return [(None, {topic: (answer["id"], answer["seq"])})]

    async def _send_batch(self, connection, attempts):
        messages = []
        for attempt in attempts:
            message = {"topics": attempt.topics, "data": self._data(attempt)}
            messages.append(message | ({"key": self._key(attempt)} if attempt.keyed else {}))
        status, answer = await connection.request(
            "POST", "/v1/publish", [("Content-Type", "application/json")], json.dumps({"messages": messages}).encode())
        assert status == 200, answer
        return [self._result(attempt, result) for attempt, result in zip(attempts, answer["results"], strict=True)]

    def _result(self, attempt, result):
        if "error" in result:
            return _code(result["error"]), {}
        places = result.get("messages") or [result | {"topic": attempt.topics[0]}]
        return None, {place["topic"]: (place["id"], place["seq"]) for place in places}

    async def _repeat(self, connection):
        """The last acknowledged message again: the answer must be the one of the first time."""
        send = self._send_batch if self._kind == "batch" else self._send_one
        more = {"expected": (200,)} if self._kind == "keyed" else {}
        [(refusal, places)] = await send(connection, [self._last], **more)
        if refusal is None and places != self._last.places:
            self.faults.append(f"{self._last.mark} was at {self._last.places} and is at {places}")
