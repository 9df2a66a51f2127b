/// Finds the items in the answers to polls, `{"items":[…],"next":"…"}`, and where the next one begins.
package struct PollScanner {
  private var reader = AnswerReader()
  /// The `since` of the next poll; empty before the first answer.
  package private(set) var next: [UInt8] = []

  package init() {}

  /// - Parameter bytes: of the connection, split anywhere.
  /// - Returns: whether the answer is complete and the next poll is due.
  /// - Throws: `refused` for an answer that is not 200, `malformed`.
  package mutating func feed(
    _ bytes: UnsafeRawBufferPointer, into taker: inout some ObjectTaker
  ) throws(StreamFault) -> Bool {
    var next: [UInt8] = []
    swap(&next, &self.next)
    defer { swap(&next, &self.next) }
    return try reader.feed(bytes) { head, body throws(StreamFault) in
      guard head.status == 200 else { throw .refused(status: head.status, detail: ProblemDetail.of(body)) }
      let end = try Self.items(of: body, into: &taker)
      try Self.readNext(UnsafeRawBufferPointer(rebasing: body[end...]), into: &next)
    }
  }

  /// Hands on every item.
  ///
  /// - Returns: where the array ends.
  private static func items(
    of body: UnsafeRawBufferPointer, into taker: inout some ObjectTaker
  ) throws(StreamFault) -> Int {
    let start = "{\"items\":[".utf8
    guard body.starts(with: start) else { throw .malformed("a poll's answer without items") }
    var index = start.count
    var depth = 0
    var itemStart = 0
    while index < body.count {
      switch body[index] {
      case UInt8(ascii: "\""):
        index = try endOfString(body, from: index)
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        if depth == 0 { itemStart = index }
        depth &+= 1
      case UInt8(ascii: "}"):
        depth &-= 1
        if depth == 0 { taker.take(UnsafeRawBufferPointer(rebasing: body[itemStart...index])) }
      case UInt8(ascii: "]"):
        if depth == 0 { return index }
        depth &-= 1
      default: break
      }
      index &+= 1
    }
    throw .malformed("a poll's answer whose items do not end")
  }

  /// Where the string that begins at `start` has its closing quote.
  @inline(__always)
  private static func endOfString(_ body: UnsafeRawBufferPointer, from start: Int) throws(StreamFault) -> Int {
    var index = start &+ 1
    while index < body.count {
      switch body[index] {
      case UInt8(ascii: "\""): return index
      case UInt8(ascii: "\\"): index &+= 2
      default: index &+= 1
      }
    }
    throw .malformed("a poll's answer with a string that does not end")
  }

  private static func readNext(_ rest: UnsafeRawBufferPointer, into next: inout [UInt8]) throws(StreamFault) {
    let start = "],\"next\":\"".utf8
    guard rest.starts(with: start) else { throw .malformed("a poll's answer without next") }
    next.removeAll(keepingCapacity: true)
    next.append(contentsOf: rest.dropFirst(start.count).prefix { $0 != UInt8(ascii: "\"") })
  }
}
