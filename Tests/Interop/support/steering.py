"""Pages that do what a test says, in any browser: they ask a server of the test's what is next, and answer it."""

import collections
import contextlib
import http.server
import itertools
import json
import threading

from support.gateway import wait_for


class Steering:
    """The server that pages ask. A page is known by the name in its address; a reload makes it a new one."""

    def __init__(self):
        self._changed = threading.Condition()
        # The newest load of each page, and all there have been.
        self._loads = {}
        self._seen = set()
        self._commands = collections.defaultdict(collections.deque)
        self._answers = {}
        self._numbers = itertools.count(1)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                _, page, load = self.path.split("/")
                self._say(outer._next(page, load))

            def do_POST(self):
                answer = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer._changed:
                    outer._answers[answer["number"]] = answer
                    outer._changed.notify_all()
                self._say(None)

            def _say(self, value):
                body = b"" if value is None else json.dumps(value).encode()
                self.send_response(200 if body else 204)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Content-Length", str(len(body)))
                # A page that has been closed takes no answer.
                with contextlib.suppress(OSError):
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def page(self, name, seconds=60):
        """The page of that name, once it is there."""
        wait_for(lambda: name in self._loads, f"the page {name} to load", seconds)
        return Page(self, name)

    def close(self):
        with self._changed:
            self._loads.clear()
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def load_of(self, name):
        return self._loads.get(name)

    def tell(self, name, code, values):
        """Has the page do something, without waiting; the number of its answer."""
        number = next(self._numbers)
        with self._changed:
            self._commands[name].append({"number": number, "code": code, "values": values})
            self._changed.notify_all()
        return number

    def run(self, name, code, values, seconds):
        number = self.tell(name, code, values)
        with self._changed:
            arrived = self._changed.wait_for(lambda: number in self._answers, seconds)
            assert arrived, f"the page {name} did not answer within {seconds} s: {code}"
            answer = self._answers.pop(number)
        assert "error" not in answer, f"{code}\n{answer['error']}"
        return answer.get("value")

    def _next(self, page, load):
        """What this load of the page is to do; None if there is nothing for a while, or it is gone."""
        with self._changed:
            if load not in self._seen:
                # The newest; what the one before it did not do is not for it.
                self._seen.add(load)
                self._loads[page] = load
                self._commands[page].clear()
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._commands[page] or self._loads.get(page) != load, 20)
            is_current = self._loads.get(page) == load
            return self._commands[page].popleft() if is_current and self._commands[page] else None


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    # Several tabs come at once; who finds the usual queue of five full comes again after seconds.
    request_queue_size = 128


class Page:
    """One page, to be told what to do."""

    def __init__(self, steering, name):
        self._steering, self.name = steering, name

    def run(self, code, seconds=30, **values):
        """What the body of an async function returns on the page; it sees `values` by their names."""
        return self._steering.run(self.name, code, values, seconds)

    def until(self, expression, seconds=15, **values):
        """The first true value of an expression on the page."""
        return wait_for(lambda: self.run(f"return {expression}", **values), f"{self.name}: {expression}", seconds)

    def reload(self):
        before = self._steering.load_of(self.name)
        # It has no time to answer.
        self._steering.tell(self.name, "location.reload()", {})
        wait_for(lambda: self._steering.load_of(self.name) != before, f"the page {self.name} to come back", 30)
