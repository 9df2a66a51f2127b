package import StreamLog

/// Writes a message's wire form (protocol section 3), once, for everyone who will read it.
package enum MessageEncoder {
  /// `{"id":…,"topic":…,"seq":…,"time":…}` with `event`, `data`, `encoding` and `content_type` where they apply, in
  /// this order. Its size is known before it is written, so that it is one allocation.
  ///
  /// - Parameters:
  ///   - predecessor: the offset of the message before it in its topic.
  ///   - time: milliseconds since 1970.
  ///   - committedAt: nanoseconds of a monotonic clock.
  package static func encode(
    draft: MessageDraft, position: Position, predecessor: Offset, seq: UInt64, topic: TopicName, time: Int64,
    committedAt: UInt64
  ) -> Message {
    var id = 0..<0
    var event: Range<Int>?
    var data = 0..<0
    let count = size(draft: draft, position: position, seq: seq, topic: topic, time: time)
    let encoded = [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
      var out = Output(buffer)
      out.put("{\"id\":\"")
      let idStart = out.index
      out.put(position.epoch.string)
      out.put("-")
      out.put(position.offset)
      id = idStart..<out.index
      out.put("\",\"topic\":\"")
      out.put(topic.string)
      out.put("\",\"seq\":")
      out.put(seq)
      out.put(",\"time\":")
      if time < 0 { out.put("-") }
      out.put(time.magnitude)
      if let name = draft.event {
        out.put(",\"event\":\"")
        let start = out.index
        out.putEscaped(name)
        event = start..<out.index
        out.put("\"")
      }
      out.put(",\"data\":")
      let dataStart = out.index
      out.put(draft.data)
      data = dataStart..<out.index
      if draft.kind == .binary {
        out.put(",\"encoding\":\"base64\",\"content_type\":\"")
        out.putEscaped(draft.contentType ?? "application/octet-stream")
        out.put("\"")
      }
      out.put("}")
      written = out.index
    }
    return Message(
      offset: position.offset, predecessor: predecessor, seq: seq, topic: topic, time: time, committedAt: committedAt,
      kind: draft.kind, encoded: encoded, idRange: id, eventRange: event, dataRange: data)
  }

  /// How many bytes `encode` will write, but for the epoch and the digits of offset, seq and time: for a store that gives
  /// those elsewhere.
  package static func size(ofAllButNumbers draft: MessageDraft, topic: TopicName) -> Int {
    var count = "{'id':'-','topic':'','seq':,'time':,'data':}".utf8.count
    count += topic.string.utf8.count + draft.data.count
    if let event = draft.event { count += ",'event':''".utf8.count + Output.escapedCount(event) }
    if draft.kind == .binary {
      count += ",'encoding':'base64','content_type':''".utf8.count
      count += Output.escapedCount(draft.contentType ?? "application/octet-stream")
    }
    return count
  }

  /// How many bytes `encode` will write.
  private static func size(
    draft: MessageDraft, position: Position, seq: UInt64, topic: TopicName, time: Int64
  ) -> Int {
    size(ofAllButNumbers: draft, topic: topic) + position.epoch.string.utf8.count
      + JSONText.digitCount(position.offset) + JSONText.digitCount(seq) + JSONText.digitCount(time.magnitude)
      + (time < 0 ? 1 : 0)
  }

  /// A cursor over memory of a known size.
  private struct Output {
    let buffer: UnsafeMutableBufferPointer<UInt8>
    private(set) var index = 0

    init(_ buffer: UnsafeMutableBufferPointer<UInt8>) { self.buffer = buffer }

    mutating func put(_ text: StaticString) {
      copy(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func put(_ text: String) {
      var text = text
      text.withUTF8 { copy($0) }
    }

    mutating func put(_ bytes: [UInt8]) {
      bytes.withUnsafeBufferPointer { copy($0) }
    }

    mutating func put(_ number: UInt64) {
      let end = index + JSONText.digitCount(number)
      var rest = number
      for place in stride(from: end - 1, through: index, by: -1) {
        buffer[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      }
      index = end
    }

    mutating func putEscaped(_ text: String) {
      var text = text
      index += text.withUTF8 {
        JSONText.writeEscaped($0, to: UnsafeMutableBufferPointer(rebasing: buffer[index...]))
      }
    }

    static func escapedCount(_ text: String) -> Int {
      var text = text
      return text.withUTF8 { JSONText.escapedCount($0) }
    }

    private mutating func copy(_ bytes: UnsafeBufferPointer<UInt8>) {
      _ = UnsafeMutableBufferPointer(rebasing: buffer[index...]).update(fromContentsOf: bytes)
      index += bytes.count
    }
  }
}

extension Message {
  /// The event's name as the publisher gave it: `eventRange` holds it with `"` and `\` escaped.
  package var eventName: String? {
    eventRange.flatMap { JSONText.string(in: encoded, $0.lowerBound - 1..<$0.upperBound + 1) }
  }
}
