"""Messages that go in while others are read, and the check that all of them came out."""

import http.client
import json
import threading
import time


class Publisher:
    """Publishes `count` messages round the topics from a thread of its own, and keeps every acknowledgement."""

    def __init__(self, gateway, topics, count, pause=0.002, padding=""):
        self.acknowledged = []
        self.failure = None
        self._gateway = gateway
        self._topics = topics
        self._count = count
        self._pause = pause
        self._padding = padding
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.finish()

    @property
    def is_running(self):
        return self._thread.is_alive()

    def finish(self):
        self._thread.join(60)
        assert not self._thread.is_alive(), "the publisher hangs"
        assert self.failure is None, self.failure

    def _run(self):
        try:
            connection = http.client.HTTPConnection(self._gateway.host, self._gateway.port, timeout=30)
            for n in range(self._count):
                topic = self._topics[n % len(self._topics)]
                body = json.dumps({"n": n, "padding": self._padding})
                connection.request(
                    "POST", f"/v1/topics/{topic}/messages", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                assert answer.status == 201, text
                self.acknowledged.append(json.loads(text))
                time.sleep(self._pause)
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
