package import StreamLog

/// Where readers begin, from what a store knows at one moment (protocol sections 1 and 4).
package struct Beginnings {
  package let lineage: Lineage
  let head: Offset
  let lossClock: UInt64

  package init(lineage: Lineage, head: Offset, lossClock: UInt64) {
    self.lineage = lineage
    self.head = head
    self.lossClock = lossClock
  }

  /// After an id, or where its epoch ended. - Returns: nil if it names no log known here: its reader goes on with the
  /// oldest held.
  package func since(_ text: String, _ patterns: [TopicPattern]) -> StartPoint? {
    guard let position = Position(text) else { return nil }
    switch lineage.judge(position, head: head) {
    case .good(let offset): return startPoint(patterns, offset: offset)
    case .pastEnd(let end):
      var point = startPoint(patterns, offset: end)
      point.gap = Gap(topic: nil, after: position, through: lineage.position(end), seq: nil, reason: .epoch)
      return point
    case .unknownEpoch: return nil
    }
  }

  private func startPoint(_ patterns: [TopicPattern], offset: Offset) -> StartPoint {
    StartPoint(
      offset: offset, subscriptions: patterns.map { Subscription($0, from: offset) },
      memory: ReadMemory(began: lossClock))
  }

  /// Just before the oldest held message of what is subscribed; at the head if nothing is held.
  ///
  /// - Parameters:
  ///   - asGap: whether the reader had read before, in a log nobody knows: it is told that, and of every loss above
  ///     where it begins; a reader that asked for the oldest held is told of neither.
  ///   - oldest: the oldest held message of any topic that matches one of the patterns.
  ///   - lostThrough: for each pattern that is a topic with a record, what can no longer be had of it.
  package func fromOldest(
    _ patterns: [TopicPattern], asGap: Bool, oldest: Offset?, lostThrough: [TopicName: Offset]
  ) -> StartPoint {
    let offset = min(oldest ?? .max, head + 1) - 1
    return StartPoint(
      offset: offset,
      subscriptions: patterns.map { pattern in
        let from = asGap ? 0 : pattern.exact.flatMap { lostThrough[$0] } ?? 0
        return Subscription(pattern, from: from, forgiven: asGap ? 0 : lossClock)
      },
      gap: asGap ? Gap(topic: nil, after: nil, through: lineage.position(offset), seq: nil, reason: .epoch) : nil,
      memory: ReadMemory(began: lossClock))
  }

  /// With the last few of each topic.
  ///
  /// - Parameter starts: for each pattern, after which offset each topic begins that holds anything.
  package func rewound(_ patterns: [TopicPattern], starts: [[TopicName: Offset]]) -> StartPoint {
    var offset = head
    var subscriptions: [Subscription] = []
    for (pattern, starts) in zip(patterns, starts) {
      offset = min(offset, starts.values.min() ?? head)
      subscriptions.append(Subscription(pattern, from: head, starts: starts, forgiven: lossClock))
    }
    return StartPoint(
      offset: offset, subscriptions: subscriptions, memory: ReadMemory(began: lossClock), rewindThrough: head)
  }
}
