#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Reads RESP2: bytes in, values out, in whatever pieces the bytes come. No I/O.
///
/// A value that is under way is kept as what it is, never as bytes to be read again, so that time is linear in the
/// bytes however they are cut. Memory is that of what has come, not of what a length has announced.
package struct RESPParser: ~Copyable {
  /// What one value may be. Beyond it is an error, and the parser is done.
  package struct Limits: Sendable {
    /// Arrays in arrays.
    package var depth = 32
    /// Bytes of one bulk; Redis itself has this limit (`proto-max-bulk-len`).
    package var bulk = 512 << 20
    /// Elements of one array.
    package var array = 16 << 20
    /// Bytes of one line: a simple string, an error, a number.
    package var line = 64 << 10

    package init() {}
  }

  private struct OpenArray {
    var missing: Int
    var elements: [RESPValue]
  }

  private enum State {
    /// At the beginning of a value or in its first line, of which `line` holds what came.
    case line
    /// In a bulk, of which `bulk` holds what came.
    case bulk(missing: Int)
    /// Behind a bulk's bytes.
    case bulkReturn
    case bulkLineFeed
  }

  private let limits: Limits
  private var state = State.line
  private var failure: RESPError?
  private var line: [UInt8] = []
  private var bulk: [UInt8] = []
  /// Arrays under way, the innermost last.
  private var open: [OpenArray] = []

  package init(_ limits: Limits = Limits()) { self.limits = limits }

  /// Takes all of `bytes`; hands over each value that they complete, in order.
  ///
  /// - Throws: the same error again for whatever comes after what was wrong.
  package mutating func receive(
    _ bytes: UnsafeRawBufferPointer, onValue: (RESPValue) -> Void
  ) throws(RESPError) {
    if let failure { throw failure }
    do throws(RESPError) {
      var rest = bytes
      while !rest.isEmpty {
        switch state {
        case .line: try takeLine(&rest, onValue)
        case .bulk(let missing): takeBulk(missing, &rest)
        case .bulkReturn:
          guard rest[rest.startIndex] == UInt8(ascii: "\r") else { throw RESPError.bulkUnended }
          rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
          state = .bulkLineFeed
        case .bulkLineFeed:
          guard rest[rest.startIndex] == UInt8(ascii: "\n") else { throw RESPError.bulkUnended }
          rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
          state = .line
          let value = RESPValue.bulk(bulk)
          bulk = []
          complete(value, onValue)
        }
      }
    } catch {
      failure = error
      (line, bulk, open) = ([], [], [])
      throw error
    }
  }

  // MARK: - Lines

  private mutating func takeLine(
    _ rest: inout UnsafeRawBufferPointer, _ onValue: (RESPValue) -> Void
  ) throws(RESPError) {
    guard let start = rest.baseAddress, let found = memchr(start, CInt(UInt8(ascii: "\n")), rest.count) else {
      guard line.count + rest.count <= limits.line else { throw RESPError.lineTooLong(limit: limits.line) }
      line += rest
      // What can never become a value is told now, not when its line ends.
      if let first = line.first, !Self.isType(first) { throw RESPError.unknownType(first) }
      rest = UnsafeRawBufferPointer(rebasing: rest[rest.endIndex...])
      return
    }
    let count = UnsafeRawPointer(found) - start + 1
    guard line.count + count <= limits.line else { throw RESPError.lineTooLong(limit: limits.line) }
    let piece = UnsafeRawBufferPointer(rebasing: rest[..<count])
    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    if line.isEmpty { return try read(piece, &rest, onValue) }
    line += piece
    let whole = line
    line = []
    try whole.withUnsafeBufferPointer { (whole) throws(RESPError) in
      try read(UnsafeRawBufferPointer(whole), &rest, onValue)
    }
  }

  private static func isType(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "$"), UInt8(ascii: "*"): true
    default: false
    }
  }

  /// - Parameter line: with its end.
  private mutating func read(
    _ line: UnsafeRawBufferPointer, _ rest: inout UnsafeRawBufferPointer, _ onValue: (RESPValue) -> Void
  ) throws(RESPError) {
    let type = line[0]
    guard Self.isType(type) else { throw RESPError.unknownType(type) }
    guard line.count > 2, line[line.count - 2] == UInt8(ascii: "\r") else { throw RESPError.lineUnended }
    let text = UnsafeRawBufferPointer(rebasing: line[1..<line.count - 2])
    switch type {
    case UInt8(ascii: "+"): complete(.simple(try words(text)), onValue)
    case UInt8(ascii: "-"): complete(.error(try words(text)), onValue)
    case UInt8(ascii: ":"): complete(.integer(try number(text)), onValue)
    case UInt8(ascii: "$"): try beginBulk(number(text), &rest, onValue)
    default: try beginArray(number(text), onValue)
    }
  }

  private func words(_ text: UnsafeRawBufferPointer) throws(RESPError) -> String {
    guard !text.contains(UInt8(ascii: "\r")) else { throw RESPError.lineUnended }
    return String(decoding: text, as: UTF8.self)
  }

  private func number(_ text: UnsafeRawBufferPointer) throws(RESPError) -> Int64 {
    guard let number = RESPNumber.parse(text) else {
      throw RESPError.notANumber(String(decoding: text.prefix(32), as: UTF8.self))
    }
    return number
  }

  // MARK: - Bulks

  private mutating func beginBulk(
    _ count: Int64, _ rest: inout UnsafeRawBufferPointer, _ onValue: (RESPValue) -> Void
  ) throws(RESPError) {
    if count == -1 { return complete(.null, onValue) }
    guard count >= 0 else { throw RESPError.negativeLength(count) }
    guard count <= limits.bulk else { throw RESPError.bulkTooLong(count, limit: limits.bulk) }
    let count = Int(count)
    // Most are here with their end: nothing to be kept.
    if rest.count >= count + 2, rest[count] == UInt8(ascii: "\r"), rest[count + 1] == UInt8(ascii: "\n") {
      let value = RESPValue.bulk(Array(UnsafeRawBufferPointer(rebasing: rest[..<count])))
      rest = UnsafeRawBufferPointer(rebasing: rest[(count + 2)...])
      return complete(value, onValue)
    }
    bulk.reserveCapacity(min(count, Self.trustedBulk))
    state = count == 0 ? .bulkReturn : .bulk(missing: count)
  }

  /// So many bytes are set aside on an announcement alone.
  private static let trustedBulk = 1 << 20

  private mutating func takeBulk(_ missing: Int, _ rest: inout UnsafeRawBufferPointer) {
    let count = min(missing, rest.count)
    bulk.append(contentsOf: UnsafeRawBufferPointer(rebasing: rest[..<count]))
    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    state = count == missing ? .bulkReturn : .bulk(missing: missing - count)
  }

  // MARK: - Arrays

  private mutating func beginArray(_ count: Int64, _ onValue: (RESPValue) -> Void) throws(RESPError) {
    if count == -1 { return complete(.null, onValue) }
    guard count >= 0 else { throw RESPError.negativeLength(count) }
    guard count <= limits.array else { throw RESPError.arrayTooLong(count, limit: limits.array) }
    guard open.count < limits.depth else { throw RESPError.tooDeep(limit: limits.depth) }
    if count == 0 { return complete(.array([]), onValue) }
    var elements: [RESPValue] = []
    elements.reserveCapacity(min(Int(count), Self.trustedElements))
    open.append(OpenArray(missing: Int(count), elements: elements))
  }

  /// Space for so many elements is set aside on an announcement alone.
  private static let trustedElements = 1024

  /// A value is there: it goes into the innermost array, which it may complete, and so on outwards.
  private mutating func complete(_ value: RESPValue, _ onValue: (RESPValue) -> Void) {
    var value = value
    while let last = open.indices.last {
      open[last].elements.append(value)
      open[last].missing -= 1
      if open[last].missing > 0 { return }
      value = .array(open.removeLast().elements)
    }
    onValue(value)
  }
}
