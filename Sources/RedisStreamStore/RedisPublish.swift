import StreamLog
import StreamStores
import WireFormat

/// One item on its way to Redis, as often as it takes.
struct RedisPublish: Sendable {
  let item: PublishItem
  let publisher: String
  /// Until when it waits for a Redis that is away; nanoseconds of a monotonic clock.
  var deadline: UInt64
  /// What it is told if its time is over; where it was lost on its way, that this cannot be known.
  var refusal = StoreRefusal.unavailable("Redis is away")
  let completion: @Sendable (PublishOutcome) -> Void

  /// Whether an equal one that was committed before is found again.
  var isKeyed: Bool { item.key != nil }

  /// Of the script's: the publisher's length keeps it apart from the key.
  var key: String { item.key.map { "\(publisher.utf8.count):\(publisher):\($0)" } ?? "" }

  /// The offset that has to be the first topic's last, as the script has it.
  func condition(_ lineage: Lineage) -> Int64? {
    switch item.ifLast {
    case nil: return nil
    case .neverPublished: return 0
    case .lastIs(let text):
      guard let position = Position(text), position.offset > 0, lineage.position(position.offset) == position,
        position.description == text
      else { return -1 }
      return Int64(clamping: position.offset)
    }
  }
}
