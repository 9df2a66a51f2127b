import StreamLog
import WireFormat

/// What a store is while it commits: the rules of protocol section 6 are the same, whatever keeps the result.
protocol CommittingStore {
  associatedtype Failure: Error
  var lineage: Lineage { get }
  var keyLimit: Int { get }
  var keyCount: Int { get }

  /// What an equal key committed before.
  func published(_ key: IdempotencyTable.Key) -> Published?
  mutating func remember(_ key: IdempotencyTable.Key, _ published: Published, now: Instant) throws(Failure)
  /// The topic's last accepted message, held or not; 0 if it has none.
  func lastOffset(of topic: TopicName) -> Offset
  /// Numbers a message and keeps it.
  mutating func commit(_ draft: MessageDraft, to topic: TopicName, now: Instant) throws(Failure) -> Message
}

extension CommittingStore {
  /// Commits one item or refuses it whole, and adds what it committed to `committed`.
  mutating func publish(
    _ item: PublishItem, publisher: String, now: Instant, into committed: inout [Message]
  ) throws(Failure) -> PublishOutcome {
    if let key = item.key {
      let known = item.topics.map { self.published(.init(publisher: publisher, topic: $0, key: key)) }
      let repeated = known.compactMap { $0 }
      if repeated.count == item.topics.count { return .repeated(repeated) }
      if let index = known.firstIndex(where: { $0 != nil }) { return .refused(.keyReused(topic: item.topics[index])) }
      guard keyCount + item.topics.count <= keyLimit else { return .refused(.keyTableFull(limit: keyLimit)) }
    }
    if let precondition = item.ifLast, let topic = item.topics.first, !holds(precondition, for: topic) {
      return .refused(.preconditionFailed(topic: topic, current: lastID(of: topic)))
    }
    var published: [Published] = []
    for topic in item.topics {
      let message = try commit(item.draft, to: topic, now: now)
      committed.append(message)
      let entry = Published(topic: topic, id: lineage.position(message.offset), seq: message.seq)
      published.append(entry)
      if let key = item.key {
        try remember(.init(publisher: publisher, topic: topic, key: key), entry, now: now)
      }
    }
    return .committed(published)
  }

  private func lastID(of topic: TopicName) -> Position? {
    let offset = lastOffset(of: topic)
    return offset > 0 ? lineage.position(offset) : nil
  }

  private func holds(_ precondition: Precondition, for topic: TopicName) -> Bool {
    switch precondition {
    case .neverPublished: lastID(of: topic) == nil
    case .lastIs(let id): lastID(of: topic)?.description == id
    }
  }
}
