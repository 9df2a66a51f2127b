"""Tests/Benchmarks/durable: what durability costs, the SQLite store against the disk and against memory."""

import argparse
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from . import filled, single
from .figures import Rounds, ratio, show, spread
from .single import Gateway, Incomplete, bench, publishing
from .tools import BUILT

DELAYS_MS = (0, 1, 5, 10)

# Appends 128 bytes and waits for the disk, again and again: what one fsync for each message would be.
SEQUENTIAL = """
import os, sys, time
file = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
end, count = time.monotonic() + float(sys.argv[2]), 0
while time.monotonic() < end:
    os.pwrite(file, b"x" * 128, count * 128)
    os.fdatasync(file)
    count += 1
print(count / float(sys.argv[2]))
"""


def arguments():
    parser = argparse.ArgumentParser(prog="durable", description="Measures the SQLite store on this machine.")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="runs of each case (default: 5)")
    parser.add_argument("--seconds", type=int, default=3, metavar="N", help="how long each run publishes (default: 3)")
    parser.add_argument("--messages", type=int, default=1_000_000, metavar="N",
                        help="how many messages the start is measured with (default: 1000000)")
    parser.add_argument("--only", action="append", choices=list(PARTS), help="one part; can be given again")
    parser.add_argument("--directory", type=Path, default=BUILT, metavar="PATH",
                        help="where the databases are: the disk that is measured (default: .build-benchmarks)")
    return parser.parse_args()


@contextmanager
def directory(chosen):
    path = Path(tempfile.mkdtemp(prefix="durable-", dir=chosen.directory))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def slowed(milliseconds, count):
    """The environment of a program whose fsyncs take so much longer, and are counted in a file."""
    return [f"LD_PRELOAD={BUILT / 'slow_sync.so'}", f"SLOW_SYNC_US={milliseconds * 1000}", f"SYNC_COUNT={count}"]


# MARK: - Publishing

def publishes(chosen):
    def gateway(publishers, delay):
        def run():
            with directory(chosen) as path:
                count = path / "syncs"
                with Gateway(path, f"sqlite:{path / 'store'}", environment=slowed(delay, count)) as server:
                    before = syncs(count)
                    report = bench(server, "--subscribers", 0, "--publishers", publishers,
                                   "--duration", f"{chosen.seconds}s")
                    logs, others = (after - before for after, before in zip(syncs(count), before))
                    # A checkpoint syncs the log and then the file; what is left are commits.
                    if logs <= others:
                        raise Incomplete(f"{logs} fsyncs of the log, {others} of the file: there are no commits")
                    messages = report["publishes"]["count"]
                    return publishing(report) | {"together": messages / (logs - others), "each": others / messages}
        return run

    def syncs(count):
        return struct.unpack("QQ", count.read_bytes())

    def disk(delay):
        def run():
            with directory(chosen) as path:
                command = ["env", *slowed(delay, path / "syncs"), sys.executable, "-c", SEQUENTIAL, path / "file",
                           chosen.seconds]
                done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
                return {"rate": float(done.stdout)}
        return run

    for delay in DELAYS_MS:
        rounds = Rounds(chosen.rounds, {"disk": disk(delay), "one": gateway(1, delay), "many": gateway(64, delay)})
        one, many, alone = (rounds.values(name, "rate") for name in ("one", "many", "disk"))
        rows = [["write and fdatasync, one after the other", spread(alone), *[""] * 6]]
        for name, title in (("one", "1 publisher"), ("many", "64 publishers")):
            values = [rounds.values(name, key) for key in ("rate", "p50", "p99", "max", "together", "each")]
            rows.append([title, *map(spread, values), ratio(values[0], alone)])
        title = "fsync as the disk has it" if not delay else f"fsync takes {delay} ms longer"
        show(f"Publishing, {title}: 64 publishers are {ratio(many, one)} one publisher",
             ["", "a second", "p50 ms", "p99 ms", "max ms", "messages per commit", "checkpoints per message",
              "× the disk alone"], rows)


# MARK: - Fan-out

def fan_out(chosen):
    """The loops deliver; what else takes CPU time is the store's. In a closed loop each store sets its own pace, and
    what comes together costs less: only at a rate do both have the same to do."""
    def run_with(store, publishers, rate):
        def run():
            with directory(chosen) as path:
                with Gateway(path, store.format(path), "event_loops: 1\n") as server:
                    before = server.cpu_beside_loops()
                    report = bench(server, "--subscribers", 1000, "--publishers", publishers, *rate,
                                   "--duration", f"{chosen.seconds}s")
                    each = report["gateway"]["cpu_us_each"]
                    after = server.cpu_beside_loops()
                    beside = sum(after[thread] - before.get(thread, 0) for thread in after)
                    beside *= 1e6 / report["deliveries"]["count"]
                    latency = report["deliveries"]["latency_ms"]
                    return {"cpu": each, "loops": each - beside, "store": beside, "p50": latency["p50"],
                            "p99": latency["p99"], "rate": report["deliveries"]["per_second"]}
        return run

    columns = {"cpu": "CPU µs per delivery", "loops": "the loops'", "store": "the rest", "rate": "deliveries a second",
               "p50": "p50 ms", "p99": "p99 ms"}
    for title, publishers, rate in (("1 publisher, 40 messages a second", 1, ["--rate", 40]),
                                    ("1 publisher as fast as it is acknowledged", 1, []),
                                    ("16 publishers as fast as they are acknowledged", 16, [])):
        stores = {"memory": "memory", "SQLite": "sqlite:{}/store"}
        rounds = Rounds(chosen.rounds, {name: run_with(store, publishers, rate) for name, store in stores.items()})
        cpu, loops = ([rounds.values(name, key) for name in ("SQLite", "memory")] for key in ("cpu", "loops"))
        show(f"Fan-out to 1,000 websockets, {title}: SQLite takes {ratio(*cpu)} memory's CPU time, its loops "
             f"{ratio(*loops)}", ["", *columns.values()],
             [[name, *(spread(rounds.values(name, key)) for key in columns)] for name in stores])


# MARK: - Retention

def retention(chosen):
    """100 topics. Where 100 messages of each are kept they are full after a fraction of a second, and from then on
    every publish drops one."""
    def run_with(store, kept, rate):
        def run():
            with directory(chosen) as path:
                with Gateway(path, store.format(path), f"history: {{ messages: {kept} }}\n") as server:
                    return publishing(bench(server, "--subscribers", 0, "--publishers", 16, "--topics", 100, *rate,
                                            "--duration", f"{chosen.seconds}s"))
        return run

    for title, rate in (("as fast as they are acknowledged", []), ("1,000 a second", ["--rate", 1000])):
        cases = {"memory, full": ("memory", 100), "SQLite, nothing is dropped": ("sqlite:{}/store", 10_000_000),
                 "SQLite, full": ("sqlite:{}/store", 100)}
        rounds = Rounds(chosen.rounds, {name: run_with(*case, rate) for name, case in cases.items()})
        show(f"Publishing to 100 topics, 16 publishers, {title}", ["", "a second", "p50 ms", "p99 ms", "max ms"],
             [[name, *(spread(rounds.values(name, key)) for key in ("rate", "p50", "p99", "max"))] for name in cases])


# MARK: - All of it

def start(chosen):
    for topics in (1000, 1):
        with directory(chosen) as path:
            filled.measure(path, chosen.messages, topics, chosen.rounds)


PARTS = {"publishes": publishes, "fan-out": fan_out, "start": start, "retention": retention}


def main():
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = arguments()
    single.prepare()
    try:
        for name in chosen.only or PARTS:
            PARTS[name](chosen)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
