"""A durable gateway that is killed, and now and then stopped, at random moments; publishers and readers come back."""

import asyncio
import dataclasses

import pytest

from support.crashes import REFUSED, Attempt, Chain, Delivery, faults
from support.soak import cases, count
from support.store_campaign import Campaign

# Of these, most are kills; see `Campaign`.
ENDS = count(gate=8, soak=29)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", cases(gate=[1, 2], soak=range(3, 21)))
def test_what_was_acknowledged_is_delivered_once_whenever_it_is_killed(tmp_path, seed):
    configuration = tmp_path / "sluice.yaml"
    # Readers who come back at once find the newest messages of all topics, however few are kept of each.
    messages = 1_000_000 if seed % 4 > 1 else 20
    configuration.write_text(f"""\
store: sqlite:{tmp_path / "messages.db"}
sqlite: {{ synchronous: {"full" if seed % 2 else "normal"} }}
history: {{ messages: {messages}, age: 1h, bytes: 1GiB }}
heartbeat: {{ sse: 1s, ndjson: 1s, websocket: 1s }}
drain: {{ window: 100ms, timeout: 1s }}
# A machine that stands still for a while is not a client that does.
limits: {{ request_head_time: 1m }}
""")

    async def run():
        return await Campaign(configuration, seed, ENDS).run()

    outcome = asyncio.run(run())
    print(outcome)
    assert not outcome.faults, f"{outcome}: {len(outcome.faults)} faults:\n" + "\n".join(outcome.faults[:20])


class TestTheChecker:
    """It finds what it is there to find: fabricated histories with one fault each."""

    @pytest.fixture
    def history(self):
        """Two publishers, two topics, one message to both; nobody knows what became of one message, which is there."""
        attempts = [Attempt(("p", n), ("a",), keyed=n == 0) for n in range(3)]
        attempts += [Attempt(("q", 0), ("a", "b")), Attempt(("q", 1), ("b",)), Attempt(("q", 2), ("b",))]
        log = [
            Delivery("e-1", "a", 1, ("p", 0)), Delivery("e-2", "a", 2, ("q", 0)), Delivery("e-3", "b", 1, ("q", 0)),
            Delivery("e-4", "a", 3, ("p", 1)), Delivery("f-6", "b", 2, ("q", 1)), Delivery("f-7", "a", 4, ("p", 2))]
        for attempt in attempts:
            places = {entry.topic: (entry.id, entry.seq) for entry in log if entry.mark == attempt.mark}
            if places and attempt.mark != ("p", 1):
                attempt.acknowledge(places)
        both, one = Chain("both", frozenset("ab"), list(log)), Chain("one", frozenset("a"))
        one.deliveries = [entry for entry in log if entry.topic == "a"]
        return attempts, both, one

    def test_a_history_as_promised_has_no_fault(self, history):
        attempts, both, one = history
        assert faults(attempts, [both, one]) == []

    def test_what_nobody_acknowledged_may_be_missing_everywhere(self, history):
        attempts, both, one = history
        for chain in (both, one):
            chain.deliveries = [
                dataclasses.replace(entry, seq=3) if entry.id == "f-7" else entry
                for entry in chain.deliveries if entry.mark != ("p", 1)]
        attempts[2].acknowledge({"a": ("f-7", 3)})
        assert faults(attempts, [both, one]) == []

    def test_another_order_of_a_publishers_messages_is_found_but_where_it_was_told_that_nobody_knows(self, history):
        # Cut off from its store, a gateway says that it does not know. What it sent is read there a moment later, after the
        # publisher's next message, that went by another gateway.
        attempts, both, one = history
        marks = {"e-4": ("p", 2), "f-7": ("p", 1)}
        for chain in (both, one):
            chain.deliveries = [
                dataclasses.replace(entry, mark=marks.get(entry.id, entry.mark)) for entry in chain.deliveries]
        attempts[2].acknowledge({"a": ("e-4", 3)})
        assert faults(attempts, [both, one]) == []
        attempts[1].acknowledge({"a": ("f-7", 4)})
        assert "order is another" in "\n".join(faults(attempts, [both, one]))

    @pytest.mark.parametrize("at", range(6))
    def test_a_loss_is_found_wherever_it_is(self, history, at):
        attempts, both, one = history
        lost = both.deliveries.pop(at)
        found = "\n".join(faults(attempts, [both, one]))
        assert "lost: " in found or lost.mark == ("p", 1)
        # The last message of its topic leaves no hole.
        assert "should have come" in found or lost.id in ("f-6", "f-7")

    def test_a_loss_that_everybody_shares_is_found(self, history):
        attempts, both, one = history
        both.deliveries.pop()
        one.deliveries.pop()
        assert len([fault for fault in faults(attempts, [both, one]) if "lost: " in fault]) == 2

    @pytest.mark.parametrize("at", range(6))
    def test_a_repetition_is_found(self, history, at):
        attempts, both, one = history
        both.deliveries.insert(at, both.deliveries[at])
        found = "\n".join(faults(attempts, [both, one]))
        assert "twice" in found and "not in the order of ids" in found

    @pytest.mark.parametrize("at", range(5))
    def test_another_order_is_found(self, history, at):
        attempts, both, one = history
        deliveries = both.deliveries
        deliveries[at], deliveries[at + 1] = deliveries[at + 1], deliveries[at]
        assert "not in the order of ids" in "\n".join(faults(attempts, [both, one]))

    def test_a_message_committed_twice_is_found(self, history):
        attempts, both, one = history
        # As a key that was forgotten would have it: seqs and ids are all in order.
        both.deliveries.append(Delivery("f-8", "a", 5, ("p", 0)))
        one.deliveries.append(Delivery("f-8", "a", 5, ("p", 0)))
        found = "\n".join(faults(attempts, [both, one]))
        assert "is in the log at [1, 8]" in found and "acknowledged as ('e-1', 1)" in found

    def test_an_offset_that_is_two_messages_is_found(self, history):
        attempts, both, one = history
        one.deliveries[-1] = dataclasses.replace(one.deliveries[-1], mark=("p", 1))
        assert "is for others" in "\n".join(faults(attempts, [both, one]))

    def test_an_id_that_changes_is_found(self, history):
        attempts, both, one = history
        both.deliveries[0] = dataclasses.replace(both.deliveries[0], id="f-1")
        found = "\n".join(faults(attempts, [both, one]))
        assert "acknowledged as ('e-1', 1)" in found and "is for others" in found

    def test_half_a_message_is_found(self, history):
        attempts, both, _ = history
        attempts[3].outcome = "unknown"
        both.deliveries = [entry for entry in both.deliveries if entry.id != "e-3"]
        assert "is in ['a'] and not in all of ['a', 'b']" in "\n".join(faults(attempts, [both]))

    def test_what_was_refused_never_sent_or_not_asked_for_is_found(self, history):
        attempts, both, one = history
        attempts[1].outcome = REFUSED
        one.deliveries.append(both.deliveries[2])
        both.deliveries.append(Delivery("f-8", "b", 3, ("r", 0)))
        found = "\n".join(faults(attempts, [both, one]))
        assert "refused and yet there" in found and "never published" in found and "never asked for" in found

    def test_a_gap_and_a_key_without_an_acknowledgement_are_found(self, history):
        attempts, both, one = history
        one.gaps.append({"type": "gap"})
        attempts[0].outcome = "unknown"
        found = faults(attempts, [both, one])
        assert any("a gap" in fault for fault in found) and any("never acknowledged" in fault for fault in found)
