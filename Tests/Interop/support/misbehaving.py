"""A network between browsers and a gateway that misbehaves on purpose, each kind of request in its own way."""

import asyncio
import contextlib
import dataclasses
import mimetypes
import random
import socket
import struct
import threading
import time

# What a request asks for; `publish` and `negotiate` are the gateway's, too, `other` is pages and what they load.
READING = ("websocket", "sse", "ndjson", "poll")
KINDS = READING + ("negotiate", "publish", "other")
_HEAD_LIMIT = 64 * 1024


# MARK: Ways to misbehave


@dataclasses.dataclass(frozen=True)
class Refuse:
    """Answered here, as gateways of companies do; ours is not asked."""

    status: int = 403
    headers: tuple = ()


@dataclasses.dataclass(frozen=True)
class Strip:
    """The headers that ask for a WebSocket are taken away: the gateway sees a plain GET."""


@dataclasses.dataclass(frozen=True)
class Kill:
    """Reset, some seconds after the answer has begun."""

    after: float = 0.3


@dataclasses.dataclass(frozen=True)
class Break:
    """Cut once a random number of bytes in this range has been answered: within a message, a chunk or a frame. With RST,
    or with FIN."""

    after: tuple
    reset: bool = True


@dataclasses.dataclass(frozen=True)
class Mute:
    """Opened, and nothing comes through."""


@dataclasses.dataclass(frozen=True)
class Buffer:
    """The body is kept back until it ends; the head, too, if `head`."""

    head: bool = False


@dataclasses.dataclass(frozen=True)
class CloseWith:
    """A WebSocket that is opened and closed with `code`."""

    code: int


@dataclasses.dataclass(frozen=True)
class Down:
    """Reset before anything is answered: a gateway that is not there."""


@dataclasses.dataclass(frozen=True)
class Deafen:
    """What the gateway says comes through; what the browser says after its request does not."""


@dataclasses.dataclass(frozen=True)
class Hoard:
    """After the first bytes, as many are kept back as fill a buffer."""

    first: int
    buffer: int = 8192


@dataclasses.dataclass(frozen=True)
class GiveUp:
    """Reset when nothing was answered for so many seconds; before the answer has begun, `status` is said instead."""

    after: float
    status: int = 504


@dataclasses.dataclass(frozen=True)
class Amend:
    """Fields are added to the answer's head and dropped from it, or forgotten from the request's."""

    add: tuple = ()
    drop: tuple = ()
    forget: tuple = ()


# MARK: What was asked


class Request:
    """A request that came, and what became of it; times are those of `time.monotonic`."""

    def __init__(self, method, target, headers):
        self.method, self.target, self.headers = method, target, headers
        self.path = target.partition("?")[0]
        self.kind = self._kind()
        self.began = time.monotonic()
        # When the first bytes of an answer went to the browser, and when the connection was gone.
        self.answered = self.ended = None
        self.frozen = False

    def __repr__(self):
        return f"{self.method} {self.target} ({self.kind})"

    def _kind(self):
        if self.path == "/v1/stream":
            accept = self.headers.get("accept", "")
            if "upgrade" in self.headers:
                return "websocket"
            if "text/event-stream" in accept or "transport=sse" in self.target:
                return "sse"
            if "application/x-ndjson" in accept or "transport=ndjson" in self.target:
                return "ndjson"
            return "poll"
        if self.path == "/v1/negotiate":
            return "negotiate"
        return "publish" if self.method == "POST" and self.path.startswith("/v1/") else "other"


class Misbehaving:
    """A proxy on a port of its own before the gateway at `port` (`target`, to be changed), well-behaved until told
    otherwise. A `target` that is an iterator gives a port for each connection.

    `files` are served by itself, so that pages, the client and the gateway are one origin: a path to what is there, a
    file or text. Each connection carries one request.
    """

    def __init__(self, port=None, files=None):
        self.target = port
        self.files = dict(files or {})
        # Seconds that every piece waits on its way, in both directions.
        self.delay = 0
        self._ways = {}
        self._requests = []
        self._open = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_HEAD_LIMIT))
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def misbehave(self, **ways):
        """How requests of a kind are treated from now on: a way, a function from the request to a way or None, or None
        for well. `every` stands for all kinds but `other`."""
        if "every" in ways:
            ways = dict.fromkeys(KINDS[:-1], ways.pop("every")) | ways
        unknown = set(ways) - set(KINDS)
        assert not unknown, f"there is no kind {unknown}"
        self._ways = self._ways | ways

    def behave(self):
        self._ways = {}
        self.delay = 0

    def forget(self):
        """The requests seen so far are not counted any more."""
        self._requests = []

    def seen(self, kind):
        return [request for request in list(self._requests) if request.kind == kind]

    def open(self, kind):
        """Those that are being answered, frozen ones not."""
        return [r for r in self.seen(kind) if r.answered and not r.ended and not r.frozen]

    def cut(self, *kinds, reset=True):
        """Cuts the connections of these kinds, with RST or with FIN; all but pages' if none is named. Returns how
        many there were."""
        return self._call(self._each(kinds, lambda request: self._end(request, reset)))

    def freeze(self, *kinds):
        """From now on nothing more comes through those that are there, not even their end: a network that went
        away without a word."""
        return self._call(self._each(kinds, lambda request: setattr(request, "frozen", True)))

    def close(self):
        async def close():
            self._server.close()
            for request in list(self._open):
                self._end(request, True)
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._call(close())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # MARK: On the loop

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _each(self, kinds, action):
        meant = [request for request in self._open if request.kind in (kinds or KINDS[:-1])]
        for request in meant:
            action(request)
        return len(meant)

    def _end(self, request, reset):
        for writer in self._open.pop(request, ()):
            end = writer.get_extra_info("socket")
            if reset and end is not None:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()
        request.ended = request.ended or time.monotonic()

    async def _serve(self, reader, writer):
        try:
            request, head = await _request(reader)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.close()
            return
        self._requests.append(request)
        self._open[request] = [writer]
        way = self._ways.get(request.kind)
        way = way(request) if callable(way) else way
        try:
            await self._answer(request, head, way, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            self._end(request, True)
        finally:
            self._end(request, False)

    async def _answer(self, request, head, way, reader, writer):
        body = await reader.readexactly(int(request.headers.get("content-length", 0)))
        if isinstance(way, Down):
            self._end(request, True)
            return
        if isinstance(way, Refuse):
            await self._say(request, writer, way.status, b"Refused on the way.\n", "text/plain", way.headers)
            return
        if request.path in self.files:
            there = self.files[request.path]
            content = there.encode() if isinstance(there, str) else there.read_bytes()
            await self._say(request, writer, 200, content, mimetypes.guess_type(request.path)[0] or "text/plain")
            return
        try:
            target = next(self.target) if hasattr(self.target, "__next__") else self.target
            upstream, downstream = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            # Nobody listens there: its reset is passed on.
            self._end(request, True)
            return
        if request not in self._open:
            downstream.close()
            return
        self._open[request].append(downstream)
        await self._wait()
        if isinstance(way, Amend):
            head = _amended(head, drop=way.forget)
        downstream.write(_forwarded(head, isinstance(way, Strip), request.kind == "websocket") + body)
        up = asyncio.create_task(self._up(request, reader, downstream, isinstance(way, Deafen)))
        try:
            await self._down(request, way, upstream, writer)
        finally:
            up.cancel()

    async def _say(self, request, writer, status, body, content_type, headers=()):
        lines = [
            f"HTTP/1.1 {status} Said by the proxy", f"Content-Type: {content_type}; charset=utf-8",
            f"Content-Length: {len(body)}", "Cache-Control: no-store", "Connection: close",
            *(f"{name}: {value}" for name, value in headers)]
        await self._wait()
        request.answered = time.monotonic()
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    async def _up(self, request, reader, downstream, deaf):
        """What the browser says; when it leaves, so does this."""
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if deaf:
                    continue
                await self._wait()
                await _unless_frozen(request)
                downstream.write(data)
                await downstream.drain()
        await _unless_frozen(request)
        self._end(request, False)

    async def _down(self, request, way, upstream, writer):
        """What the gateway answers, in the way it is to arrive."""
        if isinstance(way, GiveUp):
            await self._down_while_it_speaks(request, way, upstream, writer)
            return
        head = await upstream.readuntil(b"\r\n\r\n")
        if isinstance(way, Amend):
            head = _amended(head, way.add, way.drop)
        kept = b""
        if isinstance(way, Buffer) and way.head:
            kept = head
        else:
            await self._deliver(request, writer, head)
        if isinstance(way, Kill):
            self._loop.call_later(way.after, self._end, request, True)
        if isinstance(way, CloseWith):
            await self._deliver(request, writer, b"\x88\x02" + way.code.to_bytes(2, "big"))
            return
        left = random.randint(*way.after) if isinstance(way, Break) else None
        through = 0
        while data := await upstream.read(65536):
            if isinstance(way, Hoard):
                kept += data
                if through < way.first or len(kept) >= way.buffer:
                    through += len(kept)
                    await self._deliver(request, writer, kept)
                    kept = b""
                continue
            if isinstance(way, (Buffer, Mute)):
                kept += data
                continue
            await self._deliver(request, writer, data[:left])
            if left is not None and left <= len(data):
                self._end(request, way.reset)
                return
            left = None if left is None else left - len(data)
        await _unless_frozen(request)
        if isinstance(way, Buffer):
            await self._deliver(request, writer, kept)

    async def _down_while_it_speaks(self, request, way, upstream, writer):
        try:
            while data := await asyncio.wait_for(upstream.read(65536), way.after):
                await self._deliver(request, writer, data)
        except asyncio.TimeoutError:
            if request.answered:
                self._end(request, True)
            else:
                await self._say(request, writer, way.status, b"It took too long.\n", "text/plain")

    async def _deliver(self, request, writer, data):
        await self._wait()
        await _unless_frozen(request)
        request.answered = request.answered or time.monotonic()
        writer.write(data)
        await writer.drain()

    async def _wait(self):
        if self.delay:
            await asyncio.sleep(self.delay)


async def _request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, target, headers), head


def _forwarded(head, stripped, is_websocket):
    """The head as it goes on: without an upgrade if `stripped`, and for one request alone."""
    if is_websocket and not stripped:
        return head
    lines = [
        line for line in head.split(b"\r\n")[:-2]
        if not line.lower().startswith((b"connection:", b"upgrade:", b"sec-websocket-"))]
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n"


def _amended(head, add=(), drop=()):
    """The head with fields added, and without those called by a name in `drop`."""
    first, *lines = head.split(b"\r\n")[:-2]
    dropped = tuple(name.lower().encode() + b":" for name in drop)
    kept = [line for line in lines if not (dropped and line.lower().startswith(dropped))]
    added = [f"{name}: {value}".encode() for name, value in add]
    return b"\r\n".join([first, *kept, *added]) + b"\r\n\r\n"


async def _unless_frozen(request):
    """Goes on at once, or never: until the connection is cut."""
    while request.frozen and request.ended is None:
        await asyncio.sleep(0.05)
