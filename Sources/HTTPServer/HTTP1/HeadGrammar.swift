import NIOHTTP1

/// The lines of a request's head (RFC 9112 sections 2 to 5), strictly.
enum HeadGrammar {
  /// `tchar` of RFC 9110 section 5.6.2.
  private static let tokenBytes: [Bool] = {
    var table = [Bool](repeating: false, count: 256)
    for byte in "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8 {
      table[Int(byte)] = true
    }
    return table
  }()

  static func isToken(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.withUnsafeBytes { isToken($0, 0..<$0.count) }
  }

  private static func isToken(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
    guard !range.isEmpty else { return false }
    return tokenBytes.withUnsafeBufferPointer { table in
      for index in range where !table[Int(bytes[index])] { return false }
      return true
    }
  }

  /// - Parameter bytes: a whole head with its final empty line, as `HeadScanner` found it: every CR is followed by
  ///   LF, no LF stands alone, and there is no other control byte but tabs.
  static func parse(_ bytes: UnsafeRawBufferPointer, headerCount: Int) throws(RequestSyntaxError) -> RequestHead {
    var end = lineEnd(bytes, from: 0)
    let first = try requestLine(bytes, end: end)
    var headers = RequestFields(head: bytes)
    while true {
      let start = end + 2
      end = lineEnd(bytes, from: start)
      guard end > start else { break }
      guard headers.count < headerCount else { throw .tooManyHeaders(limit: headerCount) }
      headers.add(try field(bytes, start..<end))
    }
    return try RequestHead(method: first.method, target: first.target, version: first.version, headers: headers)
  }

  private static func requestLine(
    _ bytes: UnsafeRawBufferPointer, end: Int
  ) throws(RequestSyntaxError) -> (method: String, target: Range<Int>, version: HTTPVersion) {
    let methodEnd = find(0x20, in: bytes, from: 0, to: end)
    let targetEnd = find(0x20, in: bytes, from: min(methodEnd + 1, end), to: end)
    guard targetEnd < end, find(0x20, in: bytes, from: targetEnd + 1, to: end) == end else {
      throw .malformedRequestLine
    }
    guard isToken(bytes, 0..<methodEnd) else { throw .malformedMethod }
    let target = methodEnd + 1..<targetEnd
    guard !target.isEmpty else { throw .malformedTarget }
    for index in target where bytes[index] <= 0x20 || bytes[index] >= 0x7F { throw .malformedTarget }
    let version = UnsafeRawBufferPointer(rebasing: bytes[targetEnd + 1..<end])
    guard version.count == 8, version.starts(with: "HTTP/".utf8), Decimal.isDigit(version[5]),
      version[6] == UInt8(ascii: "."), Decimal.isDigit(version[7])
    else { throw .malformedVersion }
    guard version[5] == UInt8(ascii: "1") else { throw .unsupportedVersion }
    return (
      String(decoding: bytes[..<methodEnd], as: UTF8.self), target,
      // A higher minor version is answered as the highest we know (RFC 9110 section 2.5).
      version[7] == UInt8(ascii: "0") ? .http1_0 : .http1_1
    )
  }

  /// One header or trailer field: `line` without its line end.
  @discardableResult
  static func field(
    _ bytes: UnsafeRawBufferPointer, _ line: Range<Int>
  ) throws(RequestSyntaxError) -> RequestFields.Field {
    guard !line.isEmpty, !isBlank(bytes[line.lowerBound]) else { throw .foldedHeader }
    let colon = find(UInt8(ascii: ":"), in: bytes, from: line.lowerBound, to: line.upperBound)
    guard colon < line.upperBound else { throw .headerWithoutColon }
    guard colon > line.lowerBound else { throw .emptyHeaderName }
    guard isToken(bytes, line.lowerBound..<colon) else { throw .malformedHeaderName }
    var (start, end) = (colon + 1, line.upperBound)
    while start < end, isBlank(bytes[start]) { start += 1 }
    while start < end, isBlank(bytes[end - 1]) { end -= 1 }
    return RequestFields.Field(
      nameStart: Int32(line.lowerBound), nameEnd: Int32(colon), valueStart: Int32(start), valueEnd: Int32(end))
  }

  /// Where the line from `start` on has its CR.
  private static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    find(0x0D, in: bytes, from: start, to: bytes.count)
  }

  /// - Returns: `end` if `byte` is not there.
  private static func find(_ byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int {
    var index = start
    while index < end, bytes[index] != byte { index += 1 }
    return index
  }
}

/// Finds the end of a head without looking at a byte twice, however it is split, and refuses what no head may hold as
/// soon as it is seen.
struct HeadScanner {
  private var position = 0
  private var lineStart = 0
  /// Where the header fields begin; 0 while in the request line.
  private var fieldsStart = 0
  private var sawCarriageReturn = false

  /// - Parameter bytes: everything since the head's first byte; each call sees what the last one saw and more.
  /// - Returns: the head's length in bytes, or nil if more bytes are needed.
  mutating func scan(
    _ bytes: UnsafeRawBufferPointer, limits: RequestParser.Limits
  ) throws(RequestSyntaxError) -> Int? {
    while position < bytes.count {
      skipPlain(bytes, limits)
      guard position < bytes.count else { break }
      let byte = bytes[position]
      if sawCarriageReturn {
        guard byte == 0x0A else { throw .bareLineEnd }
        sawCarriageReturn = false
        let isEmpty = position - 1 == lineStart
        if fieldsStart == 0 {
          guard !isEmpty else { throw .malformedRequestLine }
          fieldsStart = position + 1
        } else if isEmpty {
          return position + 1
        }
        lineStart = position + 1
      } else if byte == 0x0D {
        sawCarriageReturn = true
      } else if byte == 0x0A {
        throw .bareLineEnd
      } else if byte < 0x20 && byte != 0x09 || byte == 0x7F {
        throw .controlByte(byte)
      } else if fieldsStart == 0 {
        guard position < limits.requestLine else { throw .requestLineTooLong(limit: limits.requestLine) }
      } else {
        guard position - fieldsStart < limits.headerBytes else { throw .headersTooLarge(limit: limits.headerBytes) }
      }
      position += 1
    }
    return nil
  }

  /// Goes over bytes that neither end a line nor break a rule: nearly all there are.
  private mutating func skipPlain(_ bytes: UnsafeRawBufferPointer, _ limits: RequestParser.Limits) {
    guard !sawCarriageReturn else { return }
    let end = min(bytes.count, fieldsStart == 0 ? limits.requestLine : fieldsStart + limits.headerBytes)
    var index = position
    while index < end, bytes[index] >= 0x20, bytes[index] != 0x7F { index += 1 }
    position = index
  }
}
