import DequeModule
import Locking
package import Synchronization

/// One commit on the tape.
package enum TapeEntry: Sendable {
  case message(Message)
  /// A message whose topic's history was erased: it is not served again.
  case erased(ErasedMessage)

  package var offset: Offset {
    switch self {
    case .message(let message): message.offset
    case .erased(let erased): erased.offset
    }
  }

  package var topic: TopicName {
    switch self {
    case .message(let message): message.topic
    case .erased(let erased): erased.topic
    }
  }

  package var predecessor: Offset {
    switch self {
    case .message(let message): message.predecessor
    case .erased(let erased): erased.predecessor
    }
  }

  package var seq: UInt64 {
    switch self {
    case .message(let message): message.seq
    case .erased(let erased): erased.seq
    }
  }

  var cost: Int {
    switch self {
    case .message(let message): message.cost
    case .erased: Message.overhead
    }
  }
}

package final class ErasedMessage: Sendable {
  package let offset: Offset
  package let predecessor: Offset
  package let seq: UInt64
  package let topic: TopicName
  /// The store's loss clock at the erasure.
  package let lostAt: UInt64

  package init(_ message: Message, lostAt: UInt64) {
    offset = message.offset
    predecessor = message.predecessor
    seq = message.seq
    topic = message.topic
    self.lostAt = lostAt
  }
}

/// The node's bounded run of recent commits, every topic's, whatever the topics' retention; shared by all event
/// loops.
///
/// Every reader reads the tape first and topic histories only below its floor. A loop that follows the tape is woken by
/// what it watches for, and once, however many commits come before it gets to read: `append` sets its wake bit under
/// the lock and `rest` clears it there.
///
/// Lock order: a store's lock may be held while the tape's is taken, never the other way round.
package final class Tape: Sendable {
  package struct Capacity: Sendable {
    package var entries: Int
    package var bytes: Int

    package init(entries: Int = 8192, bytes: Int = 8 << 20) {
      self.entries = entries
      self.bytes = bytes
    }
  }

  private struct Follower {
    var isFollowing = false
    var isWoken = false
    /// Where it came to rest last.
    var restedAt: Offset = 0
    var watched = WatchedTopics()
    var wake: @Sendable () -> Void
  }

  private struct State {
    var ring: Deque<TapeEntry> = []
    var bytes = 0
    var head: Offset
    /// Everything above it is on the tape.
    var floor: Offset
    var lineage: Lineage
    var followers: [Follower] = []

    mutating func wakeAll() -> [@Sendable () -> Void] {
      var wakes: [@Sendable () -> Void] = []
      for index in followers.indices where followers[index].isFollowing && !followers[index].isWoken {
        followers[index].isWoken = true
        wakes.append(followers[index].wake)
      }
      return wakes
    }
  }

  private let state: Guarded<State>
  private let capacity: Capacity
  /// What the tape holds, for the bound on all memory.
  package let heldBytes = Atomic<Int>(0)

  /// - Parameter entries: every commit from the first of them up to `head`, in order: what a store still has from
  ///   before.
  package init(lineage: Lineage, head: Offset = 0, entries: [TapeEntry] = [], capacity: Capacity = Capacity()) {
    self.capacity = capacity
    let bytes = entries.reduce(0) { $0 + $1.cost }
    state = Guarded(
      State(
        ring: Deque(entries), bytes: bytes, head: head, floor: entries.first.map { $0.offset - 1 } ?? head,
        lineage: lineage))
    heldBytes.store(bytes, ordering: .relaxed)
  }

  package var floor: Offset { state.withLock { $0.floor } }

  /// Commits messages in order. The store calls it, under its own lock.
  ///
  /// - Returns: what wakes the followers that have to be woken; to be run when the store's lock is released.
  package func append(_ messages: [Message]) -> [@Sendable () -> Void] {
    guard let last = messages.last else { return [] }
    // Found before the lock is taken, which every loop takes.
    let first = WatchedTopics.bucket(messages[0].topic)
    let others = messages.dropFirst().map { WatchedTopics.bucket($0.topic) }
    var wakes: [@Sendable () -> Void] = []
    state.withLock { state in
      for message in messages {
        state.ring.append(.message(message))
        state.bytes += message.cost
      }
      state.head = last.offset
      while state.ring.count > capacity.entries || state.bytes > capacity.bytes, let first = state.ring.popFirst() {
        state.bytes -= first.cost
        state.floor = first.offset
      }
      heldBytes.store(state.bytes, ordering: .relaxed)
      // One that rests and takes none of this must not be passed by the tape for it.
      let isHalfFull = state.ring.count > capacity.entries / 2 || state.bytes > capacity.bytes / 2
      let middle = isHalfFull ? state.ring[state.ring.count / 2].offset : 0
      for index in state.followers.indices where state.followers[index].isFollowing && !state.followers[index].isWoken {
        let follower = state.followers[index]
        let isWatching = follower.watched.contains(bucket: first) || others.contains(where: follower.watched.contains)
        guard isWatching || follower.restedAt < middle else { continue }
        state.followers[index].isWoken = true
        wakes.append(follower.wake)
      }
    }
    return wakes
  }

  /// Makes a topic's messages unreadable. The store calls it, under its own lock.
  ///
  /// - Parameter lossClock: the store's.
  package func erase(_ topic: TopicName, at lossClock: UInt64) {
    state.withLock { state in
      for index in state.ring.indices.reversed() where state.ring[index].topic == topic {
        guard case .message(let message) = state.ring[index] else { break }
        state.ring[index] = .erased(ErasedMessage(message, lostAt: lossClock))
        state.bytes -= message.cost - Message.overhead
      }
      heldBytes.store(state.bytes, ordering: .relaxed)
    }
  }

  /// Goes on behind commits that this node cannot have: what the tape holds is dropped, and every reader below goes on
  /// from the topics' histories, where it is told what is missing. The store calls it.
  ///
  /// - Parameter head: where the tape begins anew; it is not below what it was.
  /// - Returns: what wakes the followers, as in `append`.
  package func skip(to head: Offset) -> [@Sendable () -> Void] {
    state.withLock { state in
      state.ring.removeAll()
      state.bytes = 0
      state.head = max(state.head, head)
      state.floor = state.head
      heldBytes.store(0, ordering: .relaxed)
      return state.wakeAll()
    }
  }

  /// Goes on to where the next epoch begins: nothing was committed between. The store calls it.
  ///
  /// - Returns: what wakes the followers, as in `append`.
  package func advance(to head: Offset) -> [@Sendable () -> Void] {
    state.withLock { state in
      state.head = max(state.head, head)
      return state.wakeAll()
    }
  }

  /// The store has opened an epoch, or learnt of one. - Parameter lineage: of every offset up to the head and beyond.
  package func adopt(_ lineage: Lineage) { state.withLock { $0.lineage = lineage } }

  package var head: Offset { state.withLock { $0.head } }
  package var lineage: Lineage { state.withLock { $0.lineage } }

  // MARK: Following

  /// Adds a follower that is not yet following.
  ///
  /// - Parameter wake: called on any thread when there is something to read; must only pass the word on.
  /// - Returns: the follower's number.
  package func addFollower(wake: @escaping @Sendable () -> Void) -> Int {
    state.withLock { state in
      state.followers.append(Follower(wake: wake))
      return state.followers.count - 1
    }
  }

  /// Starts or stops waking a follower. - Returns: the head at that moment.
  package func setFollowing(_ follower: Int, _ isFollowing: Bool) -> Offset {
    state.withLock { state in
      state.followers[follower].isFollowing = isFollowing
      state.followers[follower].restedAt = state.head
      return state.head
    }
  }

  /// From now on commits to a topic wake the follower; nil: to any topic. Each call is taken back by one of `unwatch`.
  ///
  /// - Returns: the head at that moment: what was committed up to there may not have woken it.
  package func watch(_ follower: Int, for topic: TopicName?) -> Offset {
    state.withLock { state in
      state.followers[follower].watched.add(topic)
      return state.head
    }
  }

  package func unwatch(_ follower: Int, for topic: TopicName?) {
    state.withLock { $0.followers[follower].watched.remove(topic) }
  }

  /// The follower has read up to `cursor` and would rest. - Returns: whether it may; if not, there is more to read and
  /// nobody will wake it.
  package func rest(_ follower: Int, at cursor: Offset) -> Bool {
    state.withLock { state in
      guard state.head <= cursor else { return false }
      state.followers[follower].isWoken = false
      state.followers[follower].restedAt = cursor
      return true
    }
  }

  // MARK: Reading

  package enum Run: Sendable {
    /// Commits after the position in order, and the head at that moment.
    case entries([TapeEntry], head: Offset)
    /// The position lies below the floor: the tape cannot prove what came after it.
    case below(floor: Offset, head: Offset)
  }

  /// At most `limit` entries after `position`.
  package func run(after position: Offset, limit: Int) -> Run {
    state.withLock { state in
      guard position >= state.floor else { return .below(floor: state.floor, head: state.head) }
      guard position < state.head else { return .entries([], head: state.head) }
      let start = Tape.index(of: position, in: state.ring)
      let end = min(state.ring.count, start + limit)
      return .entries(Array(state.ring[start..<end]), head: state.head)
    }
  }

  /// For each topic that is on the tape, its first entry there: that entry's predecessor is the topic's last message
  /// at or below the floor.
  package func firstEntries(of topics: Set<TopicName>) -> [TopicName: TapeEntry] {
    state.withLock { state in
      var found: [TopicName: TapeEntry] = [:]
      for entry in state.ring where topics.contains(entry.topic) && found[entry.topic] == nil {
        found[entry.topic] = entry
        if found.count == topics.count { break }
      }
      return found
    }
  }

  /// The index of the first entry above `position`.
  private static func index(of position: Offset, in ring: Deque<TapeEntry>) -> Int {
    // Offsets are nearly always dense, so the guess is nearly always right.
    if let first = ring.first?.offset, position >= first {
      let guess = position - first
      if guess < UInt64(ring.count) {
        let index = Int(guess)
        if ring[index].offset == position { return index + 1 }
      }
    }
    var low = 0
    var high = ring.count
    while low < high {
      let middle = (low + high) / 2
      if ring[middle].offset <= position { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
