/// The position of a field in the bytes of its head.
package struct FieldRange: Equatable, Sendable {
  package let nameStart: Int32
  package let nameEnd: Int32
  package let valueStart: Int32
  package let valueEnd: Int32

  package init(nameStart: Int32, nameEnd: Int32, valueStart: Int32, valueEnd: Int32) {
    self.nameStart = nameStart
    self.nameEnd = nameEnd
    self.valueStart = valueStart
    self.valueEnd = valueEnd
  }

  package var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
  package var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
}

/// The grammar that requests and responses share (RFC 9112 sections 2 to 6), without the tolerance that it permits.
package enum HTTPGrammar {
  /// `tchar` of RFC 9110 section 5.6.2.
  private static let tokenBytes: [Bool] = {
    var table = [Bool](repeating: false, count: 256)
    for byte in "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8 {
      table[Int(byte)] = true
    }
    return table
  }()

  package static func isToken(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.withUnsafeBytes { isToken($0, 0..<$0.count) }
  }

  package static func isToken(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
    guard !range.isEmpty else { return false }
    return tokenBytes.withUnsafeBufferPointer { table in
      for index in range where !table[Int(bytes[index])] { return false }
      return true
    }
  }

  /// Whether a value may be written to a connection: bytes other than control bytes, and tabs (RFC 9110 section 5.5).
  static func isFieldValue(_ value: String) -> Bool {
    value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
  }

  /// Parses the version in a start line. A higher minor version is read as 1.1, the highest version known (RFC 9110
  /// section 2.5).
  package static func version(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws(HTTPSyntaxError) -> HTTPVersion {
    let version = UnsafeRawBufferPointer(rebasing: bytes[range])
    guard version.count == 8, version.starts(with: "HTTP/".utf8), ASCII.isDigit(version[5]),
      version[6] == UInt8(ascii: "."), ASCII.isDigit(version[7])
    else { throw .malformedVersion }
    guard version[5] == UInt8(ascii: "1") else { throw .unsupportedVersion }
    return version[7] == UInt8(ascii: "0") ? .http1_0 : .http1_1
  }

  /// Calls `add` with each header field of a head.
  ///
  /// - Parameters:
  ///   - bytes: a whole head with its final empty line, as `HeadScanner` found it: every CR is followed by LF, no LF
  ///     stands alone, and tabs are the only other control bytes.
  ///   - lineEnd: the CR of the start line.
  package static func fields(
    _ bytes: UnsafeRawBufferPointer, after lineEnd: Int, limit: Int, _ add: (FieldRange) -> Void
  ) throws(HTTPSyntaxError) {
    var (end, count) = (lineEnd, 0)
    while true {
      let start = end + 2
      end = self.lineEnd(bytes, from: start)
      guard end > start else { return }
      guard count < limit else { throw .tooManyHeaders(limit: limit) }
      add(try field(bytes, start..<end))
      count += 1
    }
  }

  /// Parses one header or trailer field.
  ///
  /// - Parameter line: the field's line without its CR LF.
  @discardableResult
  package static func field(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) throws(HTTPSyntaxError) -> FieldRange {
    guard !line.isEmpty, !ASCII.isBlank(bytes[line.lowerBound]) else { throw .foldedHeader }
    let colon = find(UInt8(ascii: ":"), in: bytes, from: line.lowerBound, to: line.upperBound)
    guard colon < line.upperBound else { throw .headerWithoutColon }
    guard colon > line.lowerBound else { throw .emptyHeaderName }
    guard isToken(bytes, line.lowerBound..<colon) else { throw .malformedHeaderName }
    var (start, end) = (colon + 1, line.upperBound)
    while start < end, ASCII.isBlank(bytes[start]) { start += 1 }
    while start < end, ASCII.isBlank(bytes[end - 1]) { end -= 1 }
    return FieldRange(
      nameStart: Int32(line.lowerBound), nameEnd: Int32(colon), valueStart: Int32(start), valueEnd: Int32(end))
  }

  /// Parses the value of Content-Length, in bytes.
  package static func contentLength(_ digits: ArraySlice<UInt8>) throws(HTTPSyntaxError) -> Int {
    // 18 digits are below Int.max, and no message is longer.
    guard (1...18).contains(digits.count), digits.allSatisfy(ASCII.isDigit) else { throw .contentLengthInvalid }
    return ASCII.decimal(digits)
  }

  /// - Returns: the index of the CR that ends the line from `start` on.
  package static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    find(0x0D, in: bytes, from: start, to: bytes.count)
  }

  /// - Returns: `end` if `byte` is not there.
  package static func find(
    _ byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int, to end: Int
  ) -> Int {
    var index = start
    while index < end, bytes[index] != byte { index += 1 }
    return index
  }
}
