"""Many ends of one gateway under the same publishers and readers."""

import asyncio
import collections
import dataclasses
import random
import signal
import time

from support.crashes import ACKNOWLEDGED, REFUSED, UNKNOWN, faults
from support.store_clients import Connection, Publisher, Reader
from support.store_victim import Victim

_GROUPS = "abcd"
TOPICS = [f"load.{group}.{number}" for group in _GROUPS for number in range(4)]
_KINDS = ["single"] * 5 + ["keyed"] * 5 + ["batch"] * 4 + ["socket"] * 2
_TRANSPORTS = ["websocket", "sse", "ndjson", "poll"]
# When nothing at all is published or read for so long, something hangs.
_PATIENCE = 30


@dataclasses.dataclass
class Outcome:
    seed: int
    kills: int = 0
    stops: int = 0
    seconds: float = 0
    acknowledged: int = 0
    refused: int = 0
    unknown: int = 0
    deliveries: int = 0
    connections: int = 0
    faults: list = dataclasses.field(default_factory=list)

    def __str__(self):
        return (
            f"seed {self.seed}: {self.kills} kills and {self.stops} stops in {self.seconds:.0f} s, "
            f"{self.acknowledged} acknowledged messages, {self.refused} refused, {self.unknown} unknown, "
            f"{self.deliveries} deliveries on {self.connections} connections")


class Campaign:
    """The gateway ends `ends` times at random moments, drawn from `seed`; one time of ten or so it is told to."""

    def __init__(self, configuration, seed, ends, publishers=16, readers=100):
        self._ends = ends
        self._outcome = Outcome(seed)
        self._random = random.Random(seed)
        self.victim = Victim(configuration)
        self._acknowledged = 0
        self._target = 0
        self._is_reached = asyncio.Event()
        self._publishers = [
            Publisher(number, _KINDS[number % len(_KINDS)], TOPICS, seed, self._count) for number in range(publishers)]
        self._readers = [self._reader(number) for number in range(readers)]

    def _reader(self, number):
        """A topic, several, a group, groups or everything, round the transports."""
        random = self._random
        transport = _TRANSPORTS[number % 4]
        choice = number // 4 % 5
        if choice == 0:
            topics = [random.choice(TOPICS)]
        elif choice == 1:
            topics = random.sample(TOPICS, 3)
        elif choice == 2:
            topics = [f"load.{random.choice(_GROUPS)}.*"]
        elif choice == 3:
            # They overlap, and what matches both comes once.
            topics = [f"load.*.{random.randrange(4)}", random.choice(TOPICS)]
        else:
            topics = ["load.>"] if number < 40 else [random.choice(TOPICS)]
        limit = random.choice([None, 10, 100]) if transport == "poll" else None
        return Reader(f"{transport} {number} of {topics}", transport, topics, _resolved(topics), limit)

    def _count(self, messages):
        self._acknowledged += messages
        if self._acknowledged >= self._target:
            self._is_reached.set()

    async def run(self):
        began = time.monotonic()
        tasks = []
        await self.victim.start()
        try:
            position = await self._beginning()
            for reader in self._readers:
                reader.position = position
            tasks += [asyncio.create_task(reader.run(self.victim)) for reader in self._readers]
            publishing = [asyncio.create_task(publisher.run(self.victim)) for publisher in self._publishers]
            tasks += publishing
            for number in range(self._ends):
                await self._unless_failed(self._moment(), tasks, f"moment {number}")
                await asyncio.wait_for(self._end(), _PATIENCE)
                await self._start_again()
            for publisher in self._publishers:
                publisher.stop()
            await self._unless_failed(asyncio.gather(*publishing), tasks, "the publishers")
            last = await self._unless_failed(self._publish_last(), tasks, "the last messages")
            finishing = [reader.finish(self._last_for(reader, last)) for reader in self._readers]
            await self._unless_failed(asyncio.gather(*finishing), tasks, "the readers")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.victim.end(signal.SIGKILL)
        self._judge()
        self._outcome.seconds = time.monotonic() - began
        return self._outcome

    async def _beginning(self):
        """Before the first message. Who says `earliest` instead would miss, unannounced, what is not kept any more."""
        connection = await Connection.open(await self.victim.is_up())
        _, answer = await connection.request("GET", "/v1/negotiate")
        connection.close()
        return answer["position"]

    async def _moment(self):
        """Waits for the next moment: while it starts, right after, or under way."""
        kind = self._random.random()
        if kind > 0.15:
            await self.victim.is_up()
            self._is_reached.clear()
            self._target = self._acknowledged + self._random.randint(1, 20 if kind < 0.4 else 300)
            await self._is_reached.wait()
        # The moment itself: acknowledgements come when a commit ends, a crash comes whenever it likes.
        await asyncio.sleep(self._random.uniform(0, 0.2 if kind <= 0.15 else 0.02))

    async def _end(self):
        # Before it is up it has not said yet what it does when it is told to stop.
        if self.victim.is_listening and self._random.random() < 0.1:
            self._outcome.stops += 1
            code = await self.victim.end(signal.SIGTERM)
            assert code == 0, f"told to stop, it ended with {code}: {await self._state()}"
        else:
            self._outcome.kills += 1
            await self.victim.end(signal.SIGKILL)

    async def _start_again(self):
        port = self.victim.port if self._random.random() < 0.7 else 0
        await self.victim.start(port)

    async def _unless_failed(self, work, tasks, what):
        """What `work` comes to. Fails if a client fails, if the gateway ends by itself, or if nothing goes on."""
        work = asyncio.ensure_future(work)
        ended = asyncio.ensure_future(self.victim.ends())
        progress = None
        try:
            while not work.done():
                for task in tasks:
                    if task.done():
                        task.result()
                others = [task for task in tasks if not task.done()]
                done, _ = await asyncio.wait(
                    [work, ended, *others], timeout=_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
                before, progress = progress, (self._acknowledged, self._deliveries)
                assert done or progress != before, f"waited {_PATIENCE} s in vain for {what}: {await self._state()}"
                if ended.done() and not work.done():
                    # Somebody else took the port in the moment when it was nobody's.
                    assert "cannot listen on" in self.victim.log[-1], f"it ended by itself: {await self._state()}"
                    await self.victim.start()
                    ended = asyncio.ensure_future(self.victim.ends())
            return await work
        finally:
            work.cancel()
            ended.cancel()

    @property
    def _deliveries(self):
        return sum(len(reader.chain.deliveries) for reader in self._readers)

    async def _state(self):
        """For who has to find out what went wrong."""
        lines = [f"seed {self._outcome.seed}, {self._acknowledged} acknowledged", "behind:"]
        lines += [str(reader) for reader in self._readers if reader.is_behind]
        lines += ["the gateway says:", *self.victim.log[-20:], "connections:", await self.victim.connections()]
        return "\n".join(lines)

    async def _publish_last(self):
        """One last message to each topic: whoever has it has everything. Returns their offsets."""
        connection = await Connection.open(await self.victim.is_up())
        publisher = Publisher(len(self._publishers), "keyed", TOPICS, self._outcome.seed, self._count)
        self._publishers.append(publisher)
        offsets = {}
        for topic in TOPICS:
            offsets[topic] = await publisher.publish_to(connection, topic)
        connection.close()
        return offsets

    def _last_for(self, reader, last):
        return max(offset for topic, offset in last.items() if topic in reader.chain.topics)

    def _judge(self):
        attempts = [attempt for publisher in self._publishers for attempt in publisher.attempts]
        chains = [reader.chain for reader in self._readers]
        counts = collections.Counter()
        for attempt in attempts:
            counts[attempt.outcome] += len(attempt.topics)
        outcome = self._outcome
        outcome.acknowledged, outcome.refused, outcome.unknown = (
            counts[kind] for kind in (ACKNOWLEDGED, REFUSED, UNKNOWN))
        outcome.deliveries = self._deliveries
        outcome.connections = sum(chain.connections for chain in chains)
        outcome.faults = faults(attempts, chains)
        for publisher in self._publishers:
            outcome.faults += publisher.faults


def _resolved(patterns):
    """The topics that one of them is, or matches; a final > stands for whatever segments are left."""

    def matches(pattern, segments):
        if pattern[-1] == ">":
            return pattern[:-1] == segments[:len(pattern) - 1]
        return len(pattern) == len(segments) and all(a in ("*", b) for a, b in zip(pattern, segments))

    return frozenset(
        topic for topic in TOPICS if any(matches(pattern.split("."), topic.split(".")) for pattern in patterns))
