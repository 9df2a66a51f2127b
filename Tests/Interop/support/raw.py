"""Bytes on a socket, for what no well-behaved client sends."""

import socket


def connect(gateway, timeout=10):
    return socket.create_connection((gateway.host, gateway.port), timeout=timeout)


def exchange(gateway, data, pieces=None):
    """Sends bytes, whole or in pieces of that size, and reads until the gateway closes. It must close."""
    with connect(gateway) as connection:
        try:
            for start in range(0, len(data), pieces or len(data) or 1):
                connection.sendall(data[start:start + (pieces or len(data))])
        except OSError:
            # It answered before all was sent; the answer is what counts.
            pass
        return read_to_end(connection)


def read_to_end(connection):
    received = b""
    try:
        while data := connection.recv(65536):
            received += data
    except ConnectionResetError:
        pass
    return received


def responses(received):
    """The statuses of all responses in what was received."""
    return [int(line.split()[1]) for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
