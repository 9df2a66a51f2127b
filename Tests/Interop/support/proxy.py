"""A TCP proxy that cuts connections, as networks do."""

import contextlib
import random
import socket
import struct
import threading


class CuttingProxy:
    """Passes bytes on to a port of this machine, until it is told to cut.

    `cut_after` cuts each connection by itself once a random number of bytes in that range has gone to its client, so
    also within a message, a chunk or a frame.
    """

    def __init__(self, port, cut_after=None, reset=True):
        self.target = port
        self.cut_after = cut_after
        self.reset = reset
        self.cuts = 0
        self.accepted = 0
        self._lock = threading.Lock()
        self._open = set()
        self._random = random.Random(7)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def stream(self):
        return self.url + "/v1/stream"

    def cut(self, reset=None):
        """Cuts every connection there is, with RST or with FIN. Returns how many there were."""
        with self._lock:
            open_now = list(self._open)
        return sum(self._cut(pair, self.reset if reset is None else reset) for pair in open_now)

    @property
    def connections(self):
        with self._lock:
            return len(self._open)

    def close(self):
        # A thread that waits in accept() is not woken by close().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = (client, server)
            with self._lock:
                self._open.add(pair)
            budget = self._random.randint(*self.cut_after) if self.cut_after else None
            threading.Thread(target=self._pump, args=(client, server, pair, None), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, pair, budget), daemon=True).start()

    def _pump(self, source, sink, pair, budget):
        try:
            while data := source.recv(65536):
                if budget is not None and len(data) >= budget:
                    sink.sendall(data[:budget])
                    self._cut(pair, self.reset)
                    return
                sink.sendall(data)
                if budget is not None:
                    budget -= len(data)
        except OSError:
            pass
        # One direction has ended; the other may still have something to say.
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        if source is pair[1]:
            self._forget(pair)

    def _cut(self, pair, reset):
        if not self._forget(pair, reset):
            return 0
        self.cuts += 1
        return 1

    def _forget(self, pair, reset=False):
        with self._lock:
            if pair not in self._open:
                return False
            self._open.remove(pair)
        for end in pair:
            with contextlib.suppress(OSError):
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # Wakes the other thread; what is lingering then decides between FIN and RST.
                if not reset:
                    end.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                if reset:
                    end.shutdown(socket.SHUT_RD)
                end.close()
        return True
