"""What must be true after the store lost acknowledged messages: gaps told of each, whoever read there.

Where nothing may be lost, `crashes.faults` is the check; this one takes gaps, and takes them at their word.
"""

from support.crashes import ACKNOWLEDGED, REFUSED, Delivery


def faults_with_gaps(load, survivors):
    """Everything that is not as promised, in words. `survivors` are (id, topic) of all that the store has now."""
    known = {(attempt.mark, topic): attempt for attempt in load.attempts for topic in attempt.topics}
    acknowledged = {
        (*place, topic) for attempt in load.attempts if attempt.outcome == ACKNOWLEDGED
        for topic, place in attempt.places.items()}
    found = []
    for subscriber in load.subscribers:
        found += [
            f"{subscriber.chain.name}: {fault}" for fault in _faults_of(subscriber, known, acknowledged, survivors)]
    return found


def _faults_of(subscriber, known, acknowledged, survivors):
    found = []
    seen = set()
    last = 0
    # By topic. A gap leaves open how they go on, and so does an epoch: the numbers of what was lost are given anew, and
    # who had all of that is told of no gap.
    seqs = {}
    epoch = None
    for item in subscriber.history:
        if not isinstance(item, Delivery):
            last = _offset(item["id"])
            seqs = {}
            continue
        if _epoch(item.id) != epoch:
            seqs = {}
            epoch = _epoch(item.id)
        attempt = known.get((item.mark, item.topic))
        if attempt is None or item.topic not in subscriber.chain.topics:
            found.append(f"never published, or never asked for: {item}")
            continue
        if attempt.outcome == REFUSED:
            found.append(f"refused and yet there: {item}")
        place = attempt.places.get(item.topic)
        # One with a key can have been lost, and have been published again as another.
        if place and place != (item.id, item.seq) and not attempt.keyed:
            found.append(f"acknowledged as {place}: {item}")
        if item.id in seen:
            found.append(f"twice: {item}")
        seen.add(item.id)
        if item.offset <= last:
            found.append(f"not in the order of ids: {item} after {last}")
        last = item.offset
        if item.seq != seqs.get(item.topic, item.seq - 1) + 1:
            found.append(f"seq {seqs[item.topic] + 1} should have come: {item}")
        seqs[item.topic] = item.seq
    for id, seq, topic in sorted(acknowledged):
        if topic not in subscriber.chain.topics or id in seen:
            continue
        if not any(_covers(gap, id) for gap in subscriber.chain.gaps):
            found.append(f"lost in silence: {id} of {topic}, seq {seq}; its gaps: {subscriber.chain.gaps}")
    for id, topic in sorted(survivors):
        if topic in subscriber.chain.topics and id not in seen:
            found.append(f"the store has it and it never came: {id} of {topic}")
    return found


def _covers(gap, id):
    """Whether it says that this is missing. One without `after` says so of everything up to its id, and one with an
    epoch behind says of the epoch it leaves that nothing more of it can be had."""
    after = gap.get("after")
    if after is None:
        return _offset(id) <= _offset(gap["id"]) or _epoch(id) != _epoch(gap["id"])
    if _epoch(id) == _epoch(after) and _epoch(after) != _epoch(gap["id"]):
        return _offset(id) > _offset(after)
    return _offset(after) < _offset(id) <= _offset(gap["id"])


def _offset(id):
    return int(id.rsplit("-", 1)[1])


def _epoch(id):
    return id.rsplit("-", 1)[0]
