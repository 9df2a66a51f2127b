"""A port for a server that cannot be asked which one the system gave it."""

import socket


class HeldPort:
    """A port of this machine that stays ours while what listens there is dead: nobody else is given it meanwhile.

    The socket is bound and never listens, so a server that allows reuse, as Redis, nginx and HAProxy do, can listen
    beside it, and without one connections are refused.
    """

    def __init__(self):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number = self._socket.getsockname()[1]

    def close(self):
        self._socket.close()
