/// The part of an HTTP/1.1 answer's head that the bench acts upon (RFC 9112), read without an allocation.
package struct AnswerHead: Equatable, Sendable {
  package var status: Int
  package var contentLength: Int?
  package var isChunked = false
  package var saysClose = false
  /// Bytes of the head, with its empty line.
  package var length: Int

  package static let longest = 64 << 10

  /// - Returns: nil if the empty line has not come yet.
  package init?(_ bytes: UnsafeRawBufferPointer) throws(StreamFault) {
    guard let length = Self.length(bytes) else {
      if bytes.count > Self.longest { throw .malformed("an answer's head has more than \(Self.longest) bytes") }
      return nil
    }
    guard length > 12, bytes.starts(with: "HTTP/1.".utf8), let status = Self.number(bytes[9..<12]) else {
      throw .malformed("this is no HTTP/1.1 answer")
    }
    self.status = status
    self.length = length
    var start = 0
    while let end = bytes[start..<length].firstIndex(of: UInt8(ascii: "\n")) {
      read(field: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      start = end + 1
    }
  }

  /// Where the head ends: behind the first empty line.
  private static func length(_ bytes: UnsafeRawBufferPointer) -> Int? {
    bytes.firstRange(ofBytes: "\r\n\r\n".utf8).map { $0 + 4 }
  }

  private mutating func read(field line: UnsafeRawBufferPointer) {
    if let value = Self.value(of: "content-length", in: line) {
      contentLength = Self.number(value)
    } else if let value = Self.value(of: "transfer-encoding", in: line) {
      isChunked = Self.equal(value, "chunked")
    } else if let value = Self.value(of: "connection", in: line) {
      saysClose = Self.equal(value, "close")
    }
  }

  /// The value of the field on this line, without the blanks around it; nil if it is another field.
  private static func value(of name: StaticString, in line: UnsafeRawBufferPointer) -> Slice<UnsafeRawBufferPointer>? {
    let count = name.utf8CodeUnitCount
    guard line.count > count, line[count] == UInt8(ascii: ":"), equal(line[..<count], name) else { return nil }
    var value = line[(count + 1)...]
    while let first = value.first, first <= 0x20 { value = value.dropFirst() }
    while let last = value.last, last <= 0x20 { value = value.dropLast() }
    return value
  }

  /// - Parameter name: in lower case.
  private static func equal(_ bytes: Slice<UnsafeRawBufferPointer>, _ name: StaticString) -> Bool {
    let name = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    return bytes.count == name.count && zip(bytes, name).allSatisfy { $0 | 0x20 == $1 | 0x20 }
  }

  private static func number(_ digits: Slice<UnsafeRawBufferPointer>) -> Int? {
    guard !digits.isEmpty, digits.count < 16 else { return nil }
    var value = 0
    for byte in digits {
      guard byte >= 0x30, byte < 0x3A else { return nil }
      value = value * 10 + Int(byte & 15)
    }
    return value
  }
}
