"""What must be true after crashes: publishers note what they were told, readers what they got, and `faults` compares.

Nothing here knows of sockets or time. A message is known by its mark (publisher, number) and its topic, which a
publisher never uses twice. Publishers send one request at a time, with growing numbers; one whose outcome is unknown may
still be on its way to the store when the next one gets there by another.
"""

import collections
import dataclasses

ACKNOWLEDGED = "acknowledged"
REFUSED = "refused"
UNKNOWN = "unknown"


@dataclasses.dataclass
class Attempt:
    """One message to one topic or several. With an outcome that is unknown it may be there, once, or not at all."""

    mark: tuple
    topics: tuple
    keyed: bool = False
    outcome: str = UNKNOWN
    # What the acknowledgement said, by topic: (id, seq).
    places: dict = dataclasses.field(default_factory=dict)

    def acknowledge(self, places):
        self.outcome = ACKNOWLEDGED
        self.places = places


@dataclasses.dataclass(frozen=True)
class Delivery:
    id: str
    topic: str
    seq: int
    mark: tuple

    @property
    def offset(self):
        return int(self.id.rsplit("-", 1)[1])


@dataclasses.dataclass
class Chain:
    """All connections of one reader, each resumed where the one before it broke off; from the very first message on."""

    name: str
    # All topics that it is to get messages of, patterns resolved.
    topics: frozenset
    deliveries: list = dataclasses.field(default_factory=list)
    gaps: list = dataclasses.field(default_factory=list)
    connections: int = 0


def faults(attempts, chains):
    """Everything that is not as promised, in words; empty if all is well."""
    found = []
    known = {(attempt.mark, topic): attempt for attempt in attempts for topic in attempt.topics}
    acknowledged = {
        (attempt.mark, topic): place
        for attempt in attempts if attempt.outcome == ACKNOWLEDGED for topic, place in attempt.places.items()}
    for chain in chains:
        found += [f"{chain.name}: {fault}" for fault in _faults_of(chain, known, acknowledged)]
    found += _disagreements(chains)
    found += _halves(attempts, chains)
    found += [
        f"a message with a key was never acknowledged: {attempt.mark}"
        for attempt in attempts if attempt.keyed and attempt.outcome == UNKNOWN]
    return found


def _faults_of(chain, known, acknowledged):
    """What one reader can tell alone."""
    found = [f"a gap: {gap}" for gap in chain.gaps]
    seqs = {}
    numbers = {}
    seen = set()
    last = 0
    for delivery in chain.deliveries:
        this = (delivery.mark, delivery.topic)
        attempt = known.get(this)
        if delivery.topic not in chain.topics:
            found.append(f"never asked for: {delivery}")
        if attempt is None:
            found.append(f"never published: {delivery}")
        elif attempt.outcome == REFUSED:
            found.append(f"refused and yet there: {delivery}")
        if this in seen:
            found.append(f"twice: {delivery}")
        seen.add(this)
        if delivery.offset <= last:
            found.append(f"not in the order of ids: {delivery} after {last}")
        last = max(last, delivery.offset)
        expected = seqs.get(delivery.topic, 0) + 1
        if delivery.seq != expected:
            found.append(f"seq {expected} should have come: {delivery}")
        seqs[delivery.topic] = delivery.seq
        publisher, number = delivery.mark
        if attempt is not None and attempt.outcome != UNKNOWN:
            if number <= numbers.get((publisher, delivery.topic), -1):
                found.append(f"a publisher's order is another: {delivery}")
            numbers[publisher, delivery.topic] = number
        place = acknowledged.get(this)
        if place is not None and place != (delivery.id, delivery.seq):
            found.append(f"acknowledged as {place}: {delivery}")
    for (mark, topic), place in acknowledged.items():
        if topic in chain.topics and (mark, topic) not in seen:
            found.append(f"lost: {mark} of {topic}, acknowledged as {place}")
    return found


def _disagreements(chains):
    """An offset is one message for everybody, and a message has one offset."""
    at = {}
    offsets = collections.defaultdict(set)
    found = []
    for chain in chains:
        for delivery in chain.deliveries:
            if at.setdefault(delivery.offset, delivery) != delivery:
                found.append(f"{chain.name}: {delivery} is for others {at[delivery.offset]}")
            offsets[delivery.mark, delivery.topic].add(delivery.offset)
    found += [f"{what} is in the log at {sorted(where)}" for what, where in offsets.items() if len(where) > 1]
    return found


def _halves(attempts, chains):
    """A message to several topics is in all of them or in none."""
    read_topics = frozenset().union(*(chain.topics for chain in chains))
    there = {(delivery.mark, delivery.topic) for chain in chains for delivery in chain.deliveries}
    found = []
    for attempt in attempts:
        read = [topic for topic in attempt.topics if topic in read_topics]
        present = [topic for topic in read if (attempt.mark, topic) in there]
        if present and len(present) < len(read):
            found.append(f"{attempt.mark} is in {present} and not in all of {read}")
    return found
