#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The writes of one burst: parts of the same bytes to many sockets, one write each. Kept from burst to burst, so that
/// filling it allocates nothing.
package struct WriteBatch {
  /// A write that the socket did not take whole.
  package struct Unfinished {
    /// What the caller knows the socket's owner by.
    package let owner: Int32
    /// How many bytes it took, from the write's first on.
    package let taken: Int
  }

  private struct Write {
    let socket: Int32
    let owner: Int32
    let length: Int
    /// Where in `parts`; writes of the same parts may share them.
    let firstPart: Int32
    let partCount: Int32
  }

  /// Most parts that the system takes in one call (Linux: IOV_MAX); what lies in others is not taken, then.
  private static let mostParts = 1024
  /// More space than this is given back after a batch that needed it.
  private static let keptParts = 1 << 16

  private var writes: ContiguousArray<Write> = []
  private var parts: ContiguousArray<Range<Int>> = []
  /// Where in `parts` the write under way begins.
  private var begin = 0
  private var vectors: ContiguousArray<iovec> = []
  /// What the last `submit` left.
  package private(set) var unfinished: ContiguousArray<Unfinished> = []

  package init() {}

  /// Adds to the write under way; parts come in the order in which they are written, and adjacent ones are one.
  package mutating func append(_ part: Range<Int>) {
    if parts.count > begin, parts[parts.count - 1].upperBound == part.lowerBound {
      parts[parts.count - 1] = parts[parts.count - 1].lowerBound..<part.upperBound
    } else {
      parts.append(part)
    }
  }

  /// Ends the write under way. - Returns: how many bytes it has.
  @discardableResult
  package mutating func end(to socket: Int32, owner: Int32) -> Int {
    var length = 0
    for index in begin..<parts.count { length += parts[index].count }
    writes.append(
      Write(
        socket: socket, owner: owner, length: length, firstPart: Int32(begin), partCount: Int32(parts.count - begin)))
    begin = parts.count
    return length
  }

  /// Adds a write of the same parts as the last one's.
  package mutating func repeatLast(to socket: Int32, owner: Int32) {
    guard let last = writes.last else { preconditionFailure("there is no write to repeat") }
    writes.append(
      Write(socket: socket, owner: owner, length: last.length, firstPart: last.firstPart, partCount: last.partCount))
  }

  /// Writes everything and forgets it; `unfinished` says what was not taken whole.
  ///
  /// - Parameter bytes: what the parts are parts of.
  package mutating func submit(_ bytes: UnsafeRawBufferPointer) {
    unfinished.removeAll(keepingCapacity: true)
    for write in writes {
      let taken =
        write.partCount == 1
        ? DirectWriter.send(UnsafeRawBufferPointer(rebasing: bytes[parts[Int(write.firstPart)]]), to: write.socket)
        : send(write, of: bytes)
      if taken < write.length { unfinished.append(Unfinished(owner: write.owner, taken: taken)) }
    }
    writes.removeAll(keepingCapacity: true)
    parts.removeAll(keepingCapacity: parts.capacity <= Self.keptParts)
    begin = 0
  }

  private mutating func send(_ write: Write, of bytes: UnsafeRawBufferPointer) -> Int {
    vectors.removeAll(keepingCapacity: true)
    for index in 0..<min(Int(write.partCount), Self.mostParts) {
      let part = parts[Int(write.firstPart) + index]
      // Only read through; the type is what the system call wants.
      let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress! + part.lowerBound)
      vectors.append(iovec(iov_base: start, iov_len: part.count))
    }
    return vectors.withUnsafeMutableBufferPointer { DirectWriter.send($0, to: write.socket) }
  }
}
