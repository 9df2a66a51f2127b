"""The backend behind Pushpin: it answers every stream and every websocket with "subscribe this one to the topic".

Usage: pushpin-backend.py PORT TOPIC. It is asked once for each connection, before anything is measured.
"""

import asyncio
import sys

TOPIC = sys.argv[2]

# GRIP: https://pushpin.org/docs/protocols/grip/
STREAM = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n"
    f"Grip-Hold: stream\r\nGrip-Channel: {TOPIC}\r\n\r\n"
).encode()


def websocket_answer():
    """Accepts the websocket (OPEN) and subscribes it (a control message, prefix c:), as websocket-events."""
    control = f'c:{{"type":"subscribe","channel":"{TOPIC}"}}'.encode()
    body = b"OPEN\r\n" + b"TEXT %x\r\n" % len(control) + control + b"\r\n"
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/websocket-events\r\n"
        f"Sec-WebSocket-Extensions: grip\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


WEBSOCKET = websocket_answer()


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(
                line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line
            )
            await reader.readexactly(int(fields.get(b"content-length", b"0")))
            websocket = b"websocket-events" in fields.get(b"content-type", b"")
            writer.write(WEBSOCKET if websocket else STREAM)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    await server.serve_forever()


asyncio.run(main())
