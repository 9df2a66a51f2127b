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

  static func isToken(_ bytes: some Collection<UInt8>) -> Bool {
    !bytes.isEmpty && bytes.allSatisfy { tokenBytes[Int($0)] }
  }

  /// - Parameter bytes: a whole head with its final empty line, as `HeadScanner` found it: every CR is followed by
  ///   LF, no LF stands alone, and there is no other control byte but tabs.
  static func parse(_ bytes: UnsafeRawBufferPointer, headerCount: Int) throws(RequestSyntaxError) -> RequestHead {
    var lines = Lines(bytes)
    let first = try requestLine(lines.next()!)
    var headers = HTTPHeaders()
    var count = 0
    while let line = lines.next(), !line.isEmpty {
      count += 1
      guard count <= headerCount else { throw .tooManyHeaders(limit: headerCount) }
      let (name, value) = try field(line)
      headers.add(name: name, value: value)
    }
    return try RequestHead(method: first.method, target: first.target, version: first.version, headers: headers)
  }

  private static func requestLine(
    _ line: Slice<UnsafeRawBufferPointer>
  ) throws(RequestSyntaxError) -> (method: String, target: String, version: HTTPVersion) {
    let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
    guard parts.count == 3 else { throw .malformedRequestLine }
    guard isToken(parts[0]) else { throw .malformedMethod }
    guard !parts[1].isEmpty, parts[1].allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .malformedTarget }
    let version = parts[2]
    guard version.count == 8, version.prefix(5).elementsEqual("HTTP/".utf8),
      let major = digit(version[version.startIndex + 5]), version[version.startIndex + 6] == UInt8(ascii: "."),
      let minor = digit(version[version.startIndex + 7])
    else { throw .malformedVersion }
    guard major == 1 else { throw .unsupportedVersion }
    return (
      String(decoding: parts[0], as: UTF8.self), String(decoding: parts[1], as: UTF8.self),
      // A higher minor version is answered as the highest we know (RFC 9110 section 2.5).
      minor == 0 ? .http1_0 : .http1_1
    )
  }

  /// One header or trailer field, without its line end.
  static func field(
    _ line: Slice<UnsafeRawBufferPointer>
  ) throws(RequestSyntaxError) -> (name: String, value: String) {
    guard let first = line.first, !isBlank(first) else { throw .foldedHeader }
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw .headerWithoutColon }
    let name = line[..<colon]
    guard !name.isEmpty else { throw .emptyHeaderName }
    guard isToken(name) else { throw .malformedHeaderName }
    var value = line[(colon + 1)...].drop(while: isBlank)
    while let last = value.last, isBlank(last) { value = value.dropLast() }
    return (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  private static func digit(_ byte: UInt8) -> Int? {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int(byte - UInt8(ascii: "0")) : nil
  }

  /// Lines without their CR LF.
  private struct Lines: IteratorProtocol {
    private var rest: Slice<UnsafeRawBufferPointer>

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes[...] }

    mutating func next() -> Slice<UnsafeRawBufferPointer>? {
      guard let end = rest.firstIndex(of: 0x0D) else { return nil }
      defer { rest = rest[(end + 2)...] }
      return rest[..<end]
    }
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
}
