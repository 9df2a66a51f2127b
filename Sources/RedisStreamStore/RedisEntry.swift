import RedisClient
import StreamLog
import StreamStores
import WireFormat

/// An entry of the log or of a topic's history.
struct RedisEntry: Sendable {
  /// `<offset>-0` of a message; of a note about what lies below, the offset of the message before it and a number.
  struct ID: Sendable, Comparable {
    var offset: Offset
    var note: UInt64

    init(offset: Offset, note: UInt64 = 0) {
      self.offset = offset
      self.note = note
    }

    init?(_ text: String) {
      let parts = text.split(separator: "-")
      guard parts.count == 2, let offset = Offset(parts[0]), let note = UInt64(parts[1]) else { return nil }
      self.init(offset: offset, note: note)
    }

    static func < (a: ID, b: ID) -> Bool { (a.offset, a.note) < (b.offset, b.note) }

    var text: String { "\(offset)-\(note)" }
  }

  enum Content {
    case message(Body)
    /// A topic's history was erased.
    case erased(TopicName)
  }

  /// A message but for its topic, which a history need not repeat.
  struct Body {
    var predecessor: Offset = 0
    var seq: UInt64 = 0
    var time: Int64 = 0
    var kind: UInt8 = 0
    var event: String?
    var contentType: String?
    var data: [UInt8] = []
    var topic: TopicName?
  }

  var id: ID
  /// The epoch in which it was written, if it is from the log.
  var epoch: String?
  /// The loss clock when it was written.
  var clock: UInt64?
  var content: Content

  /// - Returns: nil if it is no entry of ours.
  init?(_ value: RESPValue) {
    guard let parts = value.array, parts.count == 2, let id = ID(parts[0].string ?? ""), let fields = parts[1].array
    else { return nil }
    self.id = id
    // The scripts write fields in one order, so only values are looked at: of a note e l x, of a message in the log
    // e l t and then what a history has of it.
    func text(_ index: Int) -> String? { fields[index * 2 + 1].string.flatMap { $0.isEmpty ? nil : $0 } }
    func number(_ index: Int) -> UInt64 { UInt64(clamping: fields[index * 2 + 1].integer ?? 0) }
    let isHistory = fields.count == 2 * Self.historyFields
    guard isHistory || fields.count == 2 * Self.noteFields || fields.count == 2 * (Self.historyFields + 3) else {
      return nil
    }
    var topic: TopicName?
    if !isHistory {
      epoch = text(0)
      clock = number(1)
      topic = text(2).flatMap { try? TopicName($0) }
      guard let topic else { return nil }
      if fields.count == 2 * Self.noteFields {
        content = .erased(topic)
        return
      }
    }
    let first = isHistory ? 0 : 3
    content = .message(
      Body(
        predecessor: number(first), seq: number(first + 1), time: Int64(clamping: number(first + 2)),
        kind: UInt8(clamping: number(first + 3)), event: text(first + 4), contentType: text(first + 5),
        data: fields[2 * (first + 7) + 1].bytes ?? [], topic: topic))
  }

  private static let noteFields = 3
  private static let historyFields = 8

  /// - Parameters:
  ///   - topic: whose history it is from; nil: it says so itself.
  ///   - committedAt: nanoseconds of a monotonic clock, when this node heard of it.
  func message(of topic: TopicName? = nil, _ lineage: Lineage, committedAt: UInt64) -> Message? {
    guard case .message(let body) = content, let topic = topic ?? body.topic else { return nil }
    let draft = MessageDraft(
      event: body.event, kind: Message.PayloadKind(rawValue: body.kind) ?? .json, data: body.data,
      contentType: body.contentType)
    return MessageEncoder.encode(
      draft: draft, position: lineage.position(id.offset), predecessor: body.predecessor, seq: body.seq, topic: topic,
      time: body.time, committedAt: committedAt)
  }
}
