import StreamLog
import Synchronization
import Testing

@Suite struct TapeTests {
  private func message(_ offset: Offset, _ topic: String = "a", predecessor: Offset = 0, bytes: Int = 10) -> Message {
    Message(
      offset: offset, predecessor: predecessor, seq: offset, topic: try! TopicName(topic), time: 0, committedAt: 0,
      kind: .json, encoded: [UInt8](repeating: 0x61, count: bytes), idRange: 0..<0, eventRange: nil, dataRange: 0..<0)
  }

  private func tape(entries: Int = 100, bytes: Int = 1 << 20, head: Offset = 0) -> Tape {
    Tape(lineage: Lineage(Epoch("e1")!), head: head, capacity: .init(entries: entries, bytes: bytes))
  }

  private func append(_ tape: Tape, _ messages: [Message]) {
    for wake in tape.append(messages) { wake() }
  }

  /// Offsets after a position; nil below the floor.
  private func offsets(_ tape: Tape, after: Offset, limit: Int = .max) -> [Offset]? {
    guard case .entries(let entries, _) = tape.run(after: after, limit: min(limit, 1 << 40)) else { return nil }
    return entries.map(\.offset)
  }

  @Test func `a run is what was committed after a position, at most as much as asked for`() {
    let tape = tape()
    #expect(offsets(tape, after: 0) == [])
    append(tape, (1...5).map { message($0) })
    append(tape, [message(6)])
    append(tape, [])
    #expect(tape.head == 6)
    #expect(offsets(tape, after: 0) == [1, 2, 3, 4, 5, 6])
    #expect(offsets(tape, after: 4) == [5, 6])
    #expect(offsets(tape, after: 2, limit: 2) == [3, 4])
    #expect(offsets(tape, after: 6) == [] && offsets(tape, after: 99) == [])
  }

  @Test func `offsets may have holes`() {
    let tape = tape(head: 10)
    append(tape, [12, 13, 20, 21, 40].map { message($0) })
    for (after, expected) in [
      (10, [12, 13, 20, 21, 40]), (11, [12, 13, 20, 21, 40]), (12, [13, 20, 21, 40]), (15, [20, 21, 40]),
      (20, [21, 40]), (39, [40]),
    ] as [(Offset, [Offset])] {
      #expect(offsets(tape, after: after) == expected, "after \(after)")
    }
    #expect(offsets(tape, after: 9) == nil)
  }

  @Test func `the oldest entries leave when there are too many`() {
    let tape = tape(entries: 3)
    append(tape, (1...5).map { message($0) })
    #expect(offsets(tape, after: 1) == nil)
    #expect(offsets(tape, after: 2) == [3, 4, 5])
    guard case .below(let floor, let head) = tape.run(after: 0, limit: 1) else {
      Issue.record("not below the floor")
      return
    }
    #expect(floor == 2 && head == 5)
  }

  @Test func `the oldest entries leave when they take too many bytes, even all of them`() {
    let cost = message(1).cost
    let tape = tape(bytes: 2 * cost)
    append(tape, (1...3).map { message($0) })
    #expect(offsets(tape, after: 1) == [2, 3])
    #expect(tape.heldBytes.load(ordering: .relaxed) == 2 * cost)
    append(tape, [message(4, bytes: 10_000)])
    #expect(offsets(tape, after: 3) == nil && offsets(tape, after: 4) == [])
    #expect(tape.heldBytes.load(ordering: .relaxed) == 0)
  }

  @Test func `a follower is woken once, however much is committed before it rests`() {
    let tape = tape()
    let (counter, idle) = (Counter(), Counter())
    _ = tape.addFollower { idle.add() }
    let second = tape.addFollower { counter.add() }
    append(tape, [message(1)])
    #expect(counter.count == 0)
    #expect(tape.setFollowing(second, true) == 1)
    #expect(tape.watch(second, for: nil) == 1)
    append(tape, [message(2)])
    append(tape, [message(3)])
    #expect(counter.count == 1)
    // There is more than it has read: it may not rest, and is not woken again.
    #expect(!tape.rest(second, at: 2))
    append(tape, [message(4)])
    #expect(counter.count == 1)
    #expect(tape.rest(second, at: 4))
    append(tape, [message(5)])
    #expect(counter.count == 2)
    #expect(tape.rest(second, at: 5))
    #expect(tape.setFollowing(second, false) == 5)
    append(tape, [message(6)])
    #expect(counter.count == 2 && idle.count == 0)
  }

  @Test func `a follower is woken for what it watches alone`() {
    let tape = tape()
    let counter = Counter()
    let follower = tape.addFollower { counter.add() }
    _ = tape.setFollowing(follower, true)
    func publish(_ offset: Offset, _ topic: String) -> Bool {
      let before = counter.count
      append(tape, [message(offset, topic)])
      defer { _ = tape.rest(follower, at: offset) }
      return counter.count > before
    }
    #expect(tape.watch(follower, for: try! TopicName("a")) == 0)
    _ = tape.watch(follower, for: try! TopicName("b"))
    #expect(publish(1, "a"))
    // Another topic may share a's place by chance, but not all of them.
    #expect((2...20).contains { !publish($0, "c.\($0)") })
    #expect(publish(21, "b"))
    tape.unwatch(follower, for: try! TopicName("b"))
    #expect(publish(22, "a"))
    _ = tape.watch(follower, for: nil)
    #expect((23...30).allSatisfy { publish($0, "c.\($0)") })
    tape.unwatch(follower, for: nil)
    #expect((31...40).contains { !publish($0, "c.\($0)") })
  }

  /// A loop whose topics are silent rests at its position while others' messages fill the tape. Once they had passed
  /// it, all its subscribers would have to prove from the histories that they missed nothing.
  @Test func `a follower that rests is woken before the tape passes it`() {
    let tape = tape(entries: 100)
    let counter = Counter()
    let follower = tape.addFollower { counter.add() }
    _ = tape.setFollowing(follower, true)
    var cursor: Offset = 0
    for offset in Offset(1)...1000 {
      append(tape, [message(offset, "others")])
      #expect(offsets(tape, after: cursor) != nil)
      if counter.count > 0 {
        cursor = offset
        counter.reset()
        #expect(tape.rest(follower, at: cursor))
      }
    }
    #expect(cursor > 800)
  }

  @Test func `an erased topic leaves marks, and erasing again marks what came since`() throws {
    let tape = tape()
    append(tape, [message(1, "a"), message(2, "b"), message(3, "a", predecessor: 1)])
    let full = tape.heldBytes.load(ordering: .relaxed)
    tape.erase(try TopicName("a"), at: 7)
    #expect(tape.heldBytes.load(ordering: .relaxed) < full)
    append(tape, [message(4, "a", predecessor: 3)])
    tape.erase(try TopicName("a"), at: 9)
    tape.erase(try TopicName("x"), at: 10)
    guard case .entries(let entries, _) = tape.run(after: 0, limit: 10) else {
      Issue.record("below the floor")
      return
    }
    let marks = entries.map { entry -> UInt64? in if case .erased(let erased) = entry { erased.lostAt } else { nil } }
    #expect(marks == [7, nil, 7, 9])
    #expect(entries.map(\.predecessor) == [0, 0, 1, 3] && entries.map(\.seq) == [1, 2, 3, 4])
    #expect(entries.map(\.topic.string) == ["a", "b", "a", "a"])
  }

  @Test func `the first entry of a topic says what came before it`() throws {
    let tape = tape(entries: 3)
    append(tape, [message(1, "a"), message(2, "b"), message(3, "a", predecessor: 1), message(4, "a", predecessor: 3)])
    let first = tape.firstEntries(of: Set(try ["a", "b", "c"].map { try TopicName($0) }))
    #expect(first.mapValues(\.offset) == [try TopicName("a"): 3, try TopicName("b"): 2])
    #expect(first[try TopicName("a")]?.predecessor == 1)
  }
}

private final class Counter: Sendable {
  private let value = Atomic<Int>(0)
  var count: Int { value.load(ordering: .relaxed) }
  func add() { value.add(1, ordering: .relaxed) }
  func reset() { value.store(0, ordering: .relaxed) }
}
