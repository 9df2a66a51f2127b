"""A gateway with a great many messages on its disk: how fast it starts, what it weighs, how fast readers are back."""

import http.client
import json
import os
from collections import deque

from .figures import Rounds, number, show, spread
from .single import Gateway, Incomplete, bench, listen, listened, publishing
from .tools import say

BATCH = 1000  # limits.batch_messages
PAYLOAD = '{"p":"' + "x" * 120 + '"}'

# Listeners that come back, and how many messages each has missed: many a little, some a lot.
CROWD = (1000, 100)
DEEP = (100, 10_000)


class Filling:
    """What was published to the topics load.0, load.1 and so on in turn: enough ids to resume from."""

    def __init__(self, topics, most_behind):
        self.topics = topics
        self.published = 0
        self.ids = deque(maxlen=topics * most_behind + 1)

    def publish(self, gateway, count):
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
        for first in range(self.published, self.published + count, BATCH):
            items = ",".join(f'{{"topic":"load.{i % self.topics}","data":{PAYLOAD}}}'
                             for i in range(first, first + BATCH))
            connection.request("POST", "/v1/publish", f'{{"messages":[{items}]}}', {"Content-Type": "application/json"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise Incomplete(f"a batch was answered {answer.status}: {body.decode()}")
            self.ids.extend(result["id"] for result in json.loads(body)["results"])
            self.published += BATCH
        connection.close()

    def before(self, behind):
        """The position after which every topic has so many messages."""
        return self.ids[-self.topics * behind - 1]


def measure(path, messages, topics, rounds):
    held = messages // topics
    deep = (DEEP[0], min(DEEP[1], held * 9 // 10))
    settings = f"history: {{ messages: {held}, age: 1d, bytes: 8GiB }}\n"
    store = f"sqlite:{path / 'store'}"
    filling = Filling(topics, max(CROWD[1], deep[1]))
    where = f"{topics:,} topics" if topics > 1 else "one topic"
    say(f"Filling {where} with {messages:,} messages …")
    with Gateway(path, store, settings) as gateway:
        filling.publish(gateway, messages)
    say(f"  {disk_mib(path):,.0f} MiB on disk")

    def resume(gateway, listeners, behind):
        stream = f"/v1/stream?since={filling.before(behind)}&topic=load."
        return listened(listen(gateway, stream, listeners, behind, topics), behind)["seconds"]

    def after(ending):
        """Some are published, it ends, and starts again."""
        def run():
            with Gateway(path, store, settings) as gateway:
                filling.publish(gateway, 10 * BATCH)
                ending(gateway)
            with Gateway(path, store, settings) as gateway:
                ready, own = gateway.resident_mib()
                found = {"seconds": gateway.seconds, "ready": ready, "own": own,
                         "crowd": resume(gateway, *CROWD), "deep": resume(gateway, *deep)}
                found["after"] = gateway.resident_mib()[0]
                return found | publishing(bench(gateway, "--subscribers", 0, "--publishers", 16, "--duration", "2s"))
        return run

    cases = {"after SIGTERM": Gateway.terminate, "after kill -9": Gateway.kill,
             "after kill -9, files not cached": kill_and_forget}
    runs = Rounds(rounds, {name: after(ending) for name, ending in cases.items()})
    columns = {"seconds": "ready after s", "ready": "resident MiB", "own": "of it its own",
               "crowd": f"{number(CROWD[0])} × {CROWD[1]} behind, s",
               "deep": f"{deep[0]} × {number(deep[1])} behind, s",
               "after": "resident then", "p50": "publish p50 ms", "p99": "p99 ms", "max": "max ms"}
    show(f"Start with {messages:,} messages of 128 bytes in {where} ({disk_mib(path):,.0f} MiB on disk)",
         ["", *columns.values()], [[name, *(spread(runs.values(name, key)) for key in columns)] for name in cases])


# MARK: - The disk

def kill_and_forget(gateway):
    """As after a reboot: its files have to be read from the disk again."""
    gateway.kill()
    for name in gateway.directory.glob("store*"):
        file = os.open(name, os.O_RDONLY)
        os.fsync(file)  # only what is on the disk can be forgotten
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def disk_mib(path):
    return sum(name.stat().st_size for name in path.glob("store*")) / 2**20
