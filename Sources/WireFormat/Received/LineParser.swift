#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Reads lines that end in LF or CR LF: bytes in, lines out, split anywhere. Empty lines are left out.
package struct LineParser: Sendable {
  /// More than this in one line.
  package struct TooLong: Error, Hashable, CustomStringConvertible {
    package var limit: Int
    package var description: String { "a line of the stream is longer than \(limit) bytes" }
  }

  private let limit: Int
  /// The line whose end has not come.
  private var line: [UInt8] = []

  /// - Parameter limit: bytes of one line.
  package init(limit: Int = 32 << 20) {
    self.limit = limit
  }

  /// Takes the next bytes of the stream and calls `emit` for each line that they complete.
  package mutating func receive(_ bytes: UnsafeRawBufferPointer, emit: ([UInt8]) -> Void) throws(TooLong) {
    guard var start = bytes.baseAddress else { return }
    let end = start + bytes.count
    while start < end {
      let lineEnd = memchr(start, 0x0a, end - start).map { UnsafeRawPointer($0) }
      line.append(contentsOf: UnsafeRawBufferPointer(start: start, count: (lineEnd ?? end) - start))
      guard line.count <= limit else { throw TooLong(limit: limit) }
      guard let lineEnd else { return }
      if line.last == 0x0d { line.removeLast() }
      if !line.isEmpty { emit(line) }
      line = []
      start = lineEnd + 1
    }
  }
}
