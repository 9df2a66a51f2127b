package import Synchronization

/// One published payload with its metadata; immutable, and shared by everyone who reads it.
///
/// It keeps its wire form (protocol section 3), which is byte-identical on every transport, and where in it the
/// parts lie that some transports need by themselves.
package final class Message: Sendable {
  /// How the publisher's body became `data`.
  package enum PayloadKind: UInt8, Sendable {
    /// The publisher's JSON value.
    case json
    /// A `text/*` body, now a JSON string.
    case text
    /// Any other body, now base64 in a JSON string.
    case binary
  }

  package let offset: Offset
  /// The offset of the message before it in its topic; what a forgotten topic may have had, if this is the first
  /// since; 0 if there was none. A reader at or beyond it has missed nothing before this message.
  package let predecessor: Offset
  package let seq: UInt64
  package let topic: TopicName
  /// Milliseconds since 1970 at commit.
  package let time: Int64
  /// Nanoseconds of a monotonic clock at commit, for latency; meaningless outside this process.
  package let committedAt: UInt64
  package let kind: PayloadKind
  /// The encoded object, `{"id":…}`.
  package let encoded: [UInt8]
  /// Where in `encoded` the id stands, without its quotes.
  package let idRange: Range<Int>
  /// Where the event's name stands, JSON-escaped and without its quotes, if it has one.
  package let eventRange: Range<Int>?
  /// Where `data`'s value stands, with its quotes if it is a string.
  package let dataRange: Range<Int>

  /// The encoded object compressed for permessage-deflate, once somebody needed it: compressed once, shared by all.
  /// Empty if it does not get shorter.
  package let deflated = AtomicLazyReference<CachedBytes>()

  package init(
    offset: Offset, predecessor: Offset, seq: UInt64, topic: TopicName, time: Int64, committedAt: UInt64,
    kind: PayloadKind, encoded: [UInt8], idRange: Range<Int>, eventRange: Range<Int>?, dataRange: Range<Int>
  ) {
    self.offset = offset
    self.predecessor = predecessor
    self.seq = seq
    self.topic = topic
    self.time = time
    self.committedAt = committedAt
    self.kind = kind
    self.encoded = encoded
    self.idRange = idRange
    self.eventRange = eventRange
    self.dataRange = dataRange
  }

  /// What holding it costs in bytes: its encoding, the object, and its entry in a history.
  package var cost: Int { encoded.count + Message.overhead }
  package static let overhead = 224
}

/// A message as its publisher gave it, checked and ready to be committed.
package struct MessageDraft: Sendable {
  /// 1 to 64 printable ASCII bytes, not a reserved name; nil if the publisher gave none.
  package var event: String?
  package var kind: Message.PayloadKind
  /// One JSON value without whitespace between tokens: the value of `data`.
  package var data: [UInt8]
  /// The body's content type, for `binary` only.
  package var contentType: String?

  package init(event: String? = nil, kind: Message.PayloadKind, data: [UInt8], contentType: String? = nil) {
    self.event = event
    self.kind = kind
    self.data = data
    self.contentType = contentType
  }
}
