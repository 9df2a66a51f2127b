"""Thousands of connections come and go in every way there is; then memory is where it was."""

import pathlib
import socket
import ssl
import struct
import subprocess

from support.gateway import wait_for
from support.http2 import PREFACE, frame, head
from support.soak import count

STREAM = frame(1, 5, 1, head(b"/v1/stream?topic=leak"))
HELLO = bytes.fromhex("160301007a010000760303") + bytes(32)


def rude(wire):
    """Closes with a reset."""
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()


def some_bytes(port, data, reads, close):
    wire = socket.create_connection(("127.0.0.1", port), timeout=20)
    try:
        wire.sendall(data)
        if reads:
            wire.recv(65536)
    except OSError:
        pass
    close(wire)


def ways(secure, clear, context):
    """Each is one connection."""
    request = b"GET /v1/negotiate HTTP/1.1\r\nHost: localhost\r\n\r\n"
    events = b"GET /v1/stream?topic=leak HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    for close in (socket.socket.close, rude):
        yield lambda close=close: some_bytes(secure.port, b"", False, close)
        yield lambda close=close: some_bytes(secure.port, HELLO, False, close)
        yield lambda close=close: some_bytes(secure.port, b"x" * 300, True, close)
        yield lambda close=close: some_bytes(clear.port, PREFACE + STREAM, True, close)
        yield lambda close=close: some_bytes(clear.port, PREFACE + frame(1, 1, 1, head()), True, close)
        yield lambda close=close: some_bytes(clear.port, PREFACE + frame(6, 0, 0, b"12345678") * 1500, False, close)
        yield lambda close=close: some_bytes(clear.port, request, True, close)
        yield lambda close=close: some_bytes(clear.port, events, True, close)
        for data in (request, events, PREFACE + STREAM):
            def over_tls(data=data, close=close):
                wire = socket.create_connection(("127.0.0.1", secure.port), timeout=20)
                context.set_alpn_protocols(["h2" if data.startswith(b"PRI") else "http/1.1"])
                with context.wrap_socket(wire, server_hostname="localhost") as tls:
                    tls.sendall(data)
                    tls.recv(65536)
                    close(tls)
            yield over_tls


def resident(gateway):
    pages = pathlib.Path(f"/proc/{gateway.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def test_thousands_of_connections_leave_no_memory_behind(start, certificates):
    pair = certificates.issue("localhost", ["localhost", "127.0.0.1"])
    limits = "limits: { tls_handshake_time: 2s, request_head_time: 2s, http2_control_frames: 1000 }\n"
    secure = start(
        f"tls: {{ certificates: [{{ certificate: {pair.certificate}, key: {pair.key} }}] }}\n{limits}",
        authority=certificates.file)
    clear = start(limits)
    context = ssl.create_default_context(cafile=certificates.file)

    def round_(connections):
        done = 0
        while done < connections:
            for way in ways(secure, clear, context):
                way()
                done += 1
        for gateway in (secure, clear):
            subprocess.run(
                ["h2load", "-n", "500", "-c", "250", "-m", "2", gateway.url + "/v1/negotiate"], check=True,
                capture_output=True, timeout=60)
            wait_for(
                lambda gateway=gateway: gateway.metric("sluice_http_connections") == 0 and gateway.connections() == [],
                "everybody to be gone", 30)
        return [resident(secure), resident(clear)]

    round_(1000)
    before = round_(1000)
    after = before
    # The soak has 10,000 connections, in which one kibibyte for each would be 4 MiB here.
    for _ in range(count(gate=1, soak=4)):
        after = round_(1750)
    growth = [now - then for now, then in zip(after, before)]
    assert all(change < 3 << 20 for change in growth), f"{before} became {after}"
    assert secure.still_serves() and clear.still_serves()
