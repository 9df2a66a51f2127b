#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Finds the objects in the body of an sse or ndjson stream: a line each, behind `data:` or alone.
package struct LineScanner {
  package enum Kind: Sendable {
    case events, lines
  }

  /// The longest line that is kept while its end has not come.
  package static let longestLine = 16 << 20

  private let kind: Kind
  private var chunks: ChunkReader?
  /// The beginning of a line whose end has not come.
  private var partial: [UInt8] = []

  package init(_ kind: Kind, isChunked: Bool) {
    self.kind = kind
    chunks = isChunked ? ChunkReader() : nil
  }

  /// - Parameter bytes: of the body, split anywhere.
  @inline(__always)
  package mutating func feed(
    _ bytes: UnsafeRawBufferPointer, into taker: inout some ObjectTaker
  ) throws(StreamFault) {
    guard var chunks else { return try scan(bytes, into: &taker) }
    try chunks.feed(bytes) { body throws(StreamFault) in try scan(body, into: &taker) }
    self.chunks = chunks
  }

  /// Whether the gateway has ended the stream.
  package var isAtEnd: Bool { chunks?.isAtEnd ?? false }

  private mutating func scan(
    _ bytes: UnsafeRawBufferPointer, into taker: inout some ObjectTaker
  ) throws(StreamFault) {
    guard var start = bytes.baseAddress else { return }
    let end = start + bytes.count
    while start < end {
      guard let found = memchr(start, 0x0a, end - start) else {
        guard partial.count + (end - start) <= Self.longestLine else {
          throw .malformed("a line has more than \(Self.longestLine) bytes")
        }
        partial.append(contentsOf: UnsafeRawBufferPointer(start: start, count: end - start))
        return
      }
      let line = UnsafeRawBufferPointer(start: start, count: UnsafeRawPointer(found) - start)
      start = UnsafeRawPointer(found) + 1
      if partial.isEmpty {
        take(line, into: &taker)
      } else {
        partial.append(contentsOf: line)
        partial.withUnsafeBytes { take($0, into: &taker) }
        partial.removeAll(keepingCapacity: true)
      }
    }
  }

  @inline(__always)
  private func take(_ line: UnsafeRawBufferPointer, into taker: inout some ObjectTaker) {
    var from = 0
    var end = line.count
    if end > 0, line[end &- 1] == UInt8(ascii: "\r") { end &-= 1 }
    if kind == .events {
      guard end > 5, line.loadUnaligned(as: UInt32.self) == Self.data, line[4] == UInt8(ascii: ":") else { return }
      from = line[5] == UInt8(ascii: " ") ? 6 : 5
    }
    guard end > from else { return }
    taker.take(UnsafeRawBufferPointer(rebasing: line[from..<end]))
  }

  private static let data = UnsafeRawPointer(("data" as StaticString).utf8Start).loadUnaligned(as: UInt32.self)
}
