"""Messages that go in while others are read, and the check that all of them came out."""

import http.client
import itertools
import json
import threading

from support.gateway import wait_for


class Publisher:
    """Publishes round the topics from a thread of its own, and keeps every acknowledgement.

    `count` messages, or for as long as the block lasts.
    """

    def __init__(self, gateway, topics, count=None, pause=0.002, padding=""):
        self.acknowledged = []
        self.failure = None
        self._gateway = gateway
        self._topics = topics
        self._numbers = itertools.count() if count is None else range(count)
        self._is_enough = threading.Event()
        self._pause = pause
        self._padding = padding
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        if not isinstance(self._numbers, range):
            self._is_enough.set()
        self.finish()

    @property
    def is_running(self):
        return self._thread.is_alive()

    def more(self, count):
        """Waits until so many more are acknowledged, or it has ended."""
        wanted = len(self.acknowledged) + count
        wait_for(lambda: len(self.acknowledged) >= wanted or not self.is_running, f"{count} more messages", 60)

    def finish(self):
        self._thread.join(60)
        assert not self._thread.is_alive(), "the publisher hangs"
        assert self.failure is None, self.failure

    def _run(self):
        try:
            connection = http.client.HTTPConnection(self._gateway.host, self._gateway.port, timeout=30)
            for n in self._numbers:
                topic = self._topics[n % len(self._topics)]
                body = json.dumps({"n": n, "padding": self._padding})
                connection.request(
                    "POST", f"/v1/topics/{topic}/messages", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                assert answer.status == 201, text
                self.acknowledged.append(json.loads(text))
                if self._is_enough.wait(self._pause):
                    break
            connection.close()
        except Exception as error:
            self.failure = repr(error)


class Reading:
    """What one reader got over all its connections, and the position it would resume from."""

    def __init__(self):
        self.messages = []
        self.controls = []
        self.position = None
        self.connections = 0

    @property
    def gaps(self):
        return [control for control in self.controls if control["type"] == "gap"]

    def take(self, item):
        """One object as it came. Returns its type, `message` for messages."""
        if "type" not in item:
            self.messages.append(item)
            self.position = item["id"]
            return "message"
        self.controls.append(item)
        # `published` names a message, not a position.
        if item["type"] != "published" and item.get("id"):
            self.position = item["id"]
        return item["type"]

    def check(self, acknowledged):
        """Everything that was acknowledged, once, in order, and no gap."""
        assert not self.gaps, self.gaps
        got = [(message["id"], message["topic"], message["seq"]) for message in self.messages]
        sent = [(message["id"], message["topic"], message["seq"]) for message in acknowledged]
        missing = set(sent) - set(got)
        assert not missing, f"lost: {sorted(missing)[:5]} and {len(missing)} in all"
        assert len(got) == len(set(got)), "something came twice"
        assert got == sent, "the order is another"
        offsets = [int(message["id"].rsplit("-", 1)[1]) for message in self.messages]
        assert offsets == sorted(offsets)
