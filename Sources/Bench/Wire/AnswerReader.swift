/// Reads whole HTTP answers from a keep-alive connection, one at a time, with their bodies in one piece.
package struct AnswerReader {
  package static let longestAnswer = 64 << 20

  private var partial: [UInt8] = []

  package init() {}

  /// - Parameters:
  ///   - bytes: of the connection, split anywhere.
  ///   - answer: called once the answer is complete; what it is handed is valid during the call only.
  /// - Returns: whether the answer is complete.
  package mutating func feed(
    _ bytes: UnsafeRawBufferPointer,
    _ answer: (AnswerHead, UnsafeRawBufferPointer) throws(StreamFault) -> Void
  ) throws(StreamFault) -> Bool {
    if partial.isEmpty {
      if try Self.read(bytes, answer) { return true }
      partial.append(contentsOf: bytes)
      return false
    }
    guard partial.count + bytes.count <= Self.longestAnswer else {
      throw .malformed("an answer has more than \(Self.longestAnswer) bytes")
    }
    partial.append(contentsOf: bytes)
    let isComplete = try partial.withRawBytes { whole throws(StreamFault) in try Self.read(whole, answer) }
    if isComplete { partial.removeAll(keepingCapacity: true) }
    return isComplete
  }

  /// Whether an answer has begun and is not complete.
  package var isInside: Bool { !partial.isEmpty }

  private static func read(
    _ bytes: UnsafeRawBufferPointer, _ answer: (AnswerHead, UnsafeRawBufferPointer) throws(StreamFault) -> Void
  ) throws(StreamFault) -> Bool {
    guard let head = try AnswerHead(bytes) else { return false }
    let body = UnsafeRawBufferPointer(rebasing: bytes[head.length...])
    if head.isChunked {
      var chunks = ChunkReader()
      var whole: [UInt8] = []
      try chunks.feed(body) { whole.append(contentsOf: $0) }
      guard chunks.isAtEnd, body.suffix(4).elementsEqual("\r\n\r\n".utf8) else { return false }
      try whole.withRawBytes { whole throws(StreamFault) in try answer(head, whole) }
      return true
    }
    guard let length = head.contentLength else { throw .malformed("an answer without a length") }
    guard body.count >= length else { return false }
    guard body.count == length else { throw .malformed("more than one answer to one request") }
    try answer(head, body)
    return true
  }
}
