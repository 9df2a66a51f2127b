"""A client of HTTP/2 on the h2 library, one thread, with its own socket: it can be rude where that is wanted."""

import select
import socket
import ssl
import struct
import time

import h2.config
import h2.connection
import h2.events
import h2.settings


class Stream:
    def __init__(self, number):
        self.id = number
        self.headers = None
        self.body = b""
        self.ended = False
        self.reset = None

    @property
    def status(self):
        return self.headers and self.headers.get(":status")


class HTTP2:
    """`credit` false: nothing that comes is acknowledged, so that windows close."""

    def __init__(self, host, port, authority=None, credit=True, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        self.socket.connect((host, port))
        self.scheme = "http"
        if authority:
            self.scheme = "https"
            context = ssl.create_default_context(cafile=authority)
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
            assert self.socket.selected_alpn_protocol() == "h2"
        self.authority = f"localhost:{port}"
        self.credit = credit
        self.streams = {}
        self._received = b""
        self.goaway = None
        self.closed = False
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def flush(self):
        data = self.h2.data_to_send()
        if data and not self.closed:
            try:
                self.socket.sendall(data)
            except OSError:
                self.closed = True

    def raw(self, data):
        """Bytes behind the library's back."""
        self.flush()
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = True

    def open(self, method, path, headers=(), body=None, protocol=None, end=True):
        stream = Stream(self.h2.get_next_available_stream_id())
        self.streams[stream.id] = stream
        fields = [(":method", method), (":scheme", self.scheme), (":authority", self.authority), (":path", path)]
        if protocol:
            fields.insert(1, (":protocol", protocol))
        self.h2.send_headers(stream.id, fields + list(headers), end_stream=end and body is None)
        self.flush()
        if body is not None:
            self.send(stream, body, end=end)
        return stream

    def send(self, stream, data, end=False):
        while data or end:
            room = min(self.h2.local_flow_control_window(stream.id), self.h2.max_outbound_frame_size)
            if data and room == 0:
                self.read()
                continue
            part, data = data[:room], data[room:]
            self.h2.send_data(stream.id, part, end_stream=end and not data)
            self.flush()
            if not data:
                return

    def read(self, seconds=20):
        """Takes what comes next. False if nothing did in time, or nothing will."""
        if self.closed:
            return False
        if not (isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()):
            if not select.select([self.socket], [], [], seconds)[0]:
                return False
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return False
        # A frame at a time, because what one means may change how the next is taken.
        self._received += data
        while len(self._received) >= 9 and len(self._received) >= 9 + int.from_bytes(self._received[:3], "big"):
            length = 9 + int.from_bytes(self._received[:3], "big")
            frame, self._received = self._received[:length], self._received[length:]
            for event in self.h2.receive_data(frame):
                self._take(event)
        self.flush()
        return True

    def _take(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.ResponseReceived):
            stream.headers = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            if self.credit is True or self.credit and stream.id in self.credit:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            else:
                self.h2.increment_flow_control_window(max(event.flow_controlled_length, 1))
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = event.error_code
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event
            # The library takes this for the end; open streams go on (RFC 9113 section 6.8).
            self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN

    def until(self, condition, seconds=20):
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, "waited in vain"
            if not self.read(left) and self.closed:
                assert condition(), "the connection ended first"
        return self

    def answer(self, stream):
        self.until(lambda: stream.ended or stream.reset is not None)
        return stream

    def request(self, method, path, headers=(), body=None):
        return self.answer(self.open(method, path, headers, body))


# Frames by hand


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def head(path=b"/v1/negotiate"):
    """A request's fields, HPACK without Huffman and without the table."""
    def field(name, value):
        return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value
    return (field(b":method", b"GET") + field(b":scheme", b"http") + field(b":path", path)
            + field(b":authority", b"localhost"))


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
