/// One publisher, with at most one message under way. On its loop only.
final class PublisherConnection {
  /// Its place among all publishers of the run.
  let number: Int
  /// nil once it is lost.
  var link: Link?
  var reader = AnswerReader()
  /// Whether this connection has answered a message.
  var wasUsed = false
  /// When the message under way was sent; 0 if there is none.
  var sentAt: UInt64 = 0
  /// The topic of the message under way.
  var topic = 0
  /// How many messages it has sent.
  var sent = 0
  /// Messages that were due while another was under way.
  var owed = 0

  init(number: Int, link: Link) {
    self.number = number
    self.link = link
  }

  /// The seq that the answer to a publish ends with: `{"id":"…","topic":"…","seq":17}`.
  static func seq(in answer: UnsafeRawBufferPointer) -> UInt64? {
    guard answer.last == UInt8(ascii: "}") else { return nil }
    let digits = answer.dropLast().reversed().prefix { $0 >= 0x30 && $0 < 0x3A }
    return digits.isEmpty ? nil : digits.reversed().reduce(0) { $0 * 10 + UInt64($1 & 15) }
  }
}
