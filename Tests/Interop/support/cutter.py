"""A network between a node and its Redis, or a replica and its master, that a test can take apart and mend."""

import socket
import threading
import time

from support.proxy import CuttingProxy


class Cutter(CuttingProxy):
    """Besides cutting: refuses connections, keeps bytes back in one direction or both, or takes its time with them."""

    def __init__(self, port, marks=None):
        """`marks`: bytes that mark a connection once they were asked on it; they can be held back alone."""
        self._marks = marks
        self._marked = set()
        self._changed = threading.Condition()
        self._keeps_requests = self._keeps_replies = False
        self._holds_all = True
        self._delay = 0
        super().__init__(port)

    def refuse(self):
        """Nobody listens here any more, and all connections are reset."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        # Bound again without listening, so that nobody else gets the port.
        self._listener = _bound(self.port)
        self.cut(reset=True)

    def accept(self):
        """The end of `refuse`."""
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, requests=True, replies=True, marked_only=False):
        """Accepts and passes nothing on, on connections old and new: a cable that is pulled, not a process that ends.
        With replies alone commands arrive, and nobody learns what became of them."""
        self._set(requests, replies, 0, not marked_only)

    def delay(self, seconds):
        """Every piece waits so long before it goes on, in both directions."""
        self._set(False, False, seconds)

    def heal(self):
        """Passes on what was kept back, and everything from now on."""
        self._set(False, False, 0)

    def isolate(self):
        """A partition that ends with the connections gone: what was kept back never arrives."""
        self.hold()
        self.cut(reset=True)

    def close(self):
        self.heal()
        super().close()

    def _set(self, keeps_requests, keeps_replies, delay, holds_all=True):
        with self._changed:
            self._keeps_requests, self._keeps_replies, self._delay = keeps_requests, keeps_replies, delay
            self._holds_all = holds_all
            self._changed.notify_all()

    def _pump(self, source, sink, pair, budget):
        super()._pump(source, _Gate(self, sink, pair), pair, budget)

    def pass_on(self, data, sink, pair):
        """Returns once these bytes may go; raises if their connection has been cut meanwhile."""
        is_reply = sink is pair[0]
        with self._changed:
            if self._marks and not is_reply and self._marks in data:
                self._marked.add(pair)
            while self._keeps(pair, is_reply):
                # A connection that is cut is noticed even though nothing is said.
                self._changed.wait(0.05)
                if pair not in self._open:
                    raise ConnectionAbortedError
            delay = self._delay
        if delay:
            time.sleep(delay)
        sink.sendall(data)

    def _keeps(self, pair, is_reply):
        if not self._holds_all and pair not in self._marked:
            return False
        return self._keeps_replies if is_reply else self._keeps_requests


class _Gate:
    """The end of a connection that bytes leave by, when the cutter lets them."""

    def __init__(self, cutter, sink, pair):
        self._cutter, self._sink, self._pair = cutter, sink, pair

    def sendall(self, data):
        self._cutter.pass_on(data, self._sink, self._pair)

    def shutdown(self, how):
        self._sink.shutdown(how)


def _bound(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener
