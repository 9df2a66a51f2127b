import RedisClient
package import StreamLog
import StreamStores

/// What the script `open` says.
struct RedisOpened: Sendable {
  var head: Offset
  var clock: UInt64
  var counters: RedisCounters
  var lineage: Lineage

  init(_ reply: RESPValue) throws(RedisError) {
    guard let fields = reply.array, let format = fields.first?.string else { throw Self.unreadable }
    guard format == "1" else {
      throw .misconfigured(
        "the keys in Redis are of format \(format), which this version does not know: use another prefix, or that version"
      )
    }
    guard fields.count >= 13, (fields.count - 8) % 5 == 0 else { throw Self.unreadable }
    let numbers = fields[1..<8].map { UInt64(clamping: $0.integer ?? 0) }
    head = numbers[0]
    clock = numbers[1]
    counters = RedisCounters(numbers[2...], asOf: head)
    var entries: [Lineage.Entry] = []
    for start in stride(from: 8, to: fields.count, by: 5) {
      let (first, follows) = (fields[start + 1].integer, fields[start + 2].integer)
      guard let epoch = Epoch(fields[start].string ?? ""), let first, let follows, first >= 1 else {
        throw Self.unreadable
      }
      let lost = fields[start + 3].integer.map {
        Lineage.LostTail(after: UInt64(clamping: $0), at: UInt64(clamping: fields[start + 4].integer ?? 1))
      }
      entries.append(
        Lineage.Entry(
          epoch: epoch, first: max(UInt64(clamping: first), entries.last?.first ?? 1),
          follows: UInt64(clamping: follows), lost: lost))
    }
    lineage = Lineage(entries: entries)
  }

  static let unreadable = RedisError.misconfigured(
    "the keys in Redis are not the gateway's: use another prefix or database, or remove them")
}

/// What the store holds, as the server last said.
package struct RedisCounters: Sendable {
  package private(set) var held: UInt64 = 0
  package private(set) var dropped: UInt64 = 0
  package private(set) var forgotten: UInt64 = 0
  package private(set) var keys: UInt64 = 0
  package private(set) var topics: UInt64 = 0
  private var asOf: Offset = 0

  package init() {}

  /// - Parameters:
  ///   - numbers: in the order of the properties.
  ///   - head: the log's, when they were so.
  package init(_ numbers: ArraySlice<UInt64>, asOf head: Offset) {
    asOf = head
    let numbers = Array(numbers)
    guard numbers.count == 5 else { return }
    (held, dropped, forgotten, keys, topics) = (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4])
  }

  /// Publishes and looks at the whole go over two connections: what is said first may be heard last.
  package mutating func hear(_ heard: RedisCounters) {
    if heard.asOf >= asOf { self = heard }
  }
}
