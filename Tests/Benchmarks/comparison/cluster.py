"""Tests/Benchmarks/cluster: several nodes over one Redis, one message to everybody, and when each has it."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from array import array
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from . import single
from .figures import Rounds, number, show, spread
from .filled import PAYLOAD
from .processes import Processes, free_ports
from .single import Gateway, Incomplete, listen, listened
from .tools import BUILT, OPEN_FILES, say

# Nodes, listeners and Redis share all there is: more threads than cores in every node would only wait for each other.
CORES = ",".join(map(str, range(os.cpu_count() or 1)))
# Listeners answer no pings.
SETTINGS = "event_loops: 1\nheartbeat: { websocket: 1h }\n"
# Open files that a process needs besides its connections.
SPARE_FILES = 500


def arguments():
    parser = argparse.ArgumentParser(prog="cluster", description="Measures several nodes over one Redis.")
    parser.add_argument("--nodes", type=int, default=5, metavar="N", help="gateway processes (default: 5)")
    parser.add_argument("--connections", type=int, default=15_000, metavar="N",
                        help="websockets of each node (default: 15000)")
    parser.add_argument("--messages", type=int, default=10, metavar="N", help="messages of a round (default: 10)")
    parser.add_argument("--interval", type=float, default=3, metavar="SECONDS",
                        help="from one message to the next (default: 3)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N",
                        help="everything started and connected anew (default: 3)")
    chosen = parser.parse_args()
    if not 1 <= chosen.connections <= OPEN_FILES - SPARE_FILES:
        parser.error(f"--connections takes 1 to {OPEN_FILES - SPARE_FILES}: a process has {OPEN_FILES} open files")
    if chosen.nodes < 1 or chosen.messages < 1:
        parser.error("--nodes and --messages take a number from 1")
    return chosen


class Redis(Processes):
    """A Redis of its own, which keeps what it has as deploy/cluster's does: an append-only file, synced each second."""

    def __init__(self, directory):
        super().__init__(directory, CORES)
        self.port, = free_ports(1)

    def __enter__(self):
        self.start("redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", self.directory,
                   "--appendonly", "yes", "--save", "")
        try:
            self.wait_until_served([self.port])
        except BaseException:
            self.__exit__()
            raise
        return self


def run(chosen, store):
    """One round. Over Redis a message is published to one node, and the nodes take turns. With memory stores, which
    know nothing of each other, it is published to every node at once: that is what the machine takes without Redis."""
    with ExitStack() as stack:
        path = Path(tempfile.mkdtemp(prefix="cluster-", dir=BUILT))
        stack.callback(shutil.rmtree, path, ignore_errors=True)
        place = f"redis://127.0.0.1:{stack.enter_context(Redis(path)).port}" if store == "redis" else store
        nodes = [stack.enter_context(Gateway(path, place, SETTINGS, CORES)) for _ in range(chosen.nodes)]
        listeners = []
        for i, node in enumerate(nodes):
            listeners.append(listen(node, "/v1/stream?topic=load", chosen.connections, chosen.messages, core=CORES,
                                    silence=600, output=path / f"arrivals-{i}"))
            stack.callback(end, listeners[-1])
            connected = listeners[-1].stdout.readline()
            if not connected:
                raise Incomplete(f"the listeners of node {i + 1} could not connect")
            say(f"  node {i + 1}: {chosen.connections:,} connected in {json.loads(connected)['seconds']} s")
        resident = [node.resident_mib()[0] for node in nodes]
        sent, acknowledged = publish(chosen, [[node] for node in nodes] if store == "redis" else [nodes])
        for each in listeners:
            listened(each, chosen.messages)
        return Round([latencies(path / f"arrivals-{i}", sent, chosen) for i in range(chosen.nodes)],
                     acknowledged, resident)


def end(process):
    process.kill()
    process.wait()


def publish(chosen, turns):
    """When each message was sent, in ns of CLOCK_MONOTONIC, and how long it took until all nodes whose turn it was had
    acknowledged it, in ms."""
    sent, acknowledged = [], []
    due = time.monotonic()
    with ThreadPoolExecutor(max(map(len, turns))) as pool:
        for i in range(chosen.messages):
            due += chosen.interval
            time.sleep(max(0, due - time.monotonic()))
            sent.append(time.monotonic_ns())
            answers = list(pool.map(post, turns[i % len(turns)]))
            acknowledged.append((time.monotonic_ns() - sent[-1]) / 1e6)
            for status, body in answers:
                if status != 201:
                    raise Incomplete(f"a message was answered {status}: {body.decode()}")
    return sent, acknowledged


def post(node):
    return node.ask("POST", "/v1/topics/load/messages", PAYLOAD)


def latencies(file, sent, chosen):
    arrivals = array("Q", file.read_bytes())
    count = chosen.connections
    return [sorted((at - sent[i]) / 1e6 for at in arrivals[i * count:(i + 1) * count]) for i in range(len(sent))]


class Round:
    """For each node and for all of them, `[message][listener]`: latencies in ms, sorted."""

    def __init__(self, nodes, acknowledged, resident):
        self.nodes = nodes
        self.all = [sorted(sum(parts, [])) for parts in zip(*nodes)]
        self.acknowledged = acknowledged
        self.resident = resident

    def __str__(self):
        last = spread([message[-1] for message in self.all])
        return f"everybody has a message after {last} ms"


def share(messages, part):
    """Of each message, the time after which so many of the listeners have it."""
    return [message[min(int(len(message) * part), len(message) - 1)] for message in messages]


def report(title, chosen, rounds):
    def row(name, messages, resident):
        return [name, *(spread(share(messages, part)) for part in (0, .5, .99, 1)), spread(resident)]

    rows = [row(f"node {i + 1}", [message for each in rounds for message in each.nodes[i]],
                [each.resident[i] for each in rounds]) for i in range(chosen.nodes)]
    rows.append(row("all nodes", [message for each in rounds for message in each.all],
                    [sum(each.resident) for each in rounds]))
    show(f"One message to {chosen.nodes * chosen.connections:,} websockets on {chosen.nodes} nodes, {title}: "
         f"{number(sum(len(each.all) for each in rounds))} messages",
         ["ms from publish to receipt", "first", "p50", "p99", "last", "resident MiB"], rows)
    print(f"\nAcknowledged after {spread([ms for each in rounds for ms in each.acknowledged])} ms.")


def main():
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = arguments()
    single.prepare(["redis-server"])
    cases = {"over one Redis": "redis", "with memory stores": "memory"}
    try:
        rounds = Rounds(chosen.rounds, {title: partial(run, chosen, store) for title, store in cases.items()})
    except KeyboardInterrupt:
        sys.exit(130)
    for title, complete in rounds.runs.items():
        if complete:
            report(title, chosen, complete)
    if not all(rounds.runs.values()):
        sys.exit("cluster: there are tables only where a round was complete")


if __name__ == "__main__":
    main()
