/// A strict reader of RFC 8259 texts that checks and finds, but builds nothing.
///
/// It recurses at most `maxDepth` deep, and every method leaves `index` behind what it has read. An escaped
/// surrogate without its partner is grammatical (RFC 8259 section 8.2) and passes here.
struct JSONScanner {
  let bytes: UnsafeBufferPointer<UInt8>
  let maxDepth: Int
  private(set) var index = 0
  /// Whitespace between tokens seen so far, in bytes.
  private(set) var blanks = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int = 0, maxDepth: Int) {
    precondition((1...512).contains(maxDepth), "a nesting limit is 1 to 512: the scanner recurses")
    self.bytes = bytes
    self.index = start
    self.maxDepth = maxDepth
  }

  /// One value and nothing else but whitespace.
  mutating func document() throws(JSONError) {
    skipBlanks()
    guard index < bytes.count else { throw .empty }
    try value(depth: 0)
    skipBlanks()
    guard index == bytes.count else { throw .trailingBytes(at: index) }
  }

  mutating func skipBlanks() {
    let start = index
    while index < bytes.count, JSON.isBlank(bytes[index]) { index += 1 }
    blanks += index - start
  }

  // MARK: - Values

  /// - Parameter depth: how many arrays and objects are open around it.
  mutating func value(depth: Int, expected: JSONError.Expectation = .value) throws(JSONError) {
    switch try peek() {
    case UInt8(ascii: "\""): try string()
    case UInt8(ascii: "{"): try object(depth: depth) { _, _ in }
    case UInt8(ascii: "["): try array(depth: depth) { _ in }
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
    case UInt8(ascii: "t"): try literal("true")
    case UInt8(ascii: "f"): try literal("false")
    case UInt8(ascii: "n"): try literal("null")
    case let byte: throw .unexpectedByte(byte, at: index, expected: expected)
    }
  }

  /// - Parameter member: is told where each member's key (with its quotes) and value stand.
  mutating func object(depth: Int, member: (Range<Int>, Range<Int>) -> Void) throws(JSONError) {
    guard depth < maxDepth else { throw .tooDeep(at: index, limit: maxDepth) }
    index += 1
    skipBlanks()
    if try peek() == UInt8(ascii: "}") {
      index += 1
      return
    }
    var expected = JSONError.Expectation.keyOrEnd
    while true {
      guard try peek() == UInt8(ascii: "\"") else {
        throw .unexpectedByte(bytes[index], at: index, expected: expected)
      }
      let keyStart = index
      try string()
      let key = keyStart..<index
      skipBlanks()
      guard try peek() == UInt8(ascii: ":") else { throw .unexpectedByte(bytes[index], at: index, expected: .colon) }
      index += 1
      skipBlanks()
      let valueStart = index
      try value(depth: depth + 1)
      member(key, valueStart..<index)
      skipBlanks()
      let next = try peek()
      guard next == UInt8(ascii: ",") || next == UInt8(ascii: "}") else {
        throw .unexpectedByte(next, at: index, expected: .commaOrObjectEnd)
      }
      index += 1
      if next == UInt8(ascii: "}") { return }
      skipBlanks()
      expected = .key
    }
  }

  /// - Parameter element: is told where each element stands.
  mutating func array(depth: Int, element: (Range<Int>) -> Void) throws(JSONError) {
    guard depth < maxDepth else { throw .tooDeep(at: index, limit: maxDepth) }
    index += 1
    skipBlanks()
    if try peek() == UInt8(ascii: "]") {
      index += 1
      return
    }
    var expected = JSONError.Expectation.valueOrArrayEnd
    while true {
      let start = index
      try value(depth: depth + 1, expected: expected)
      element(start..<index)
      skipBlanks()
      let next = try peek()
      guard next == UInt8(ascii: ",") || next == UInt8(ascii: "]") else {
        throw .unexpectedByte(next, at: index, expected: .commaOrArrayEnd)
      }
      index += 1
      if next == UInt8(ascii: "]") { return }
      skipBlanks()
      expected = .value
    }
  }

  // MARK: - Tokens

  private mutating func string() throws(JSONError) {
    index += 1
    while true {
      while index + 8 <= bytes.count, isPlain(word(at: index)) { index += 8 }
      let byte = try peek()
      switch byte {
      case UInt8(ascii: "\""):
        index += 1
        return
      case UInt8(ascii: "\\"): try escape()
      case 0..<0x20: throw .controlCharacter(byte, at: index)
      case 0x20..<0x80: index += 1
      default:
        guard let length = UTF8Sequence.length(in: bytes, at: index) else { throw .invalidUTF8(at: index) }
        index += length
      }
    }
  }

  private mutating func escape() throws(JSONError) {
    let start = index
    index += 1
    switch try peek() {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      index += 1
    case UInt8(ascii: "u"):
      index += 1
      for _ in 0..<4 {
        guard JSON.hexDigit(try peek()) != nil else { throw .invalidEscape(at: start) }
        index += 1
      }
    default: throw .invalidEscape(at: start)
    }
  }

  private mutating func number() throws(JSONError) {
    if bytes[index] == UInt8(ascii: "-") { index += 1 }
    if try peek() == UInt8(ascii: "0") { index += 1 } else { try digits() }
    if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
      index += 1
      try digits()
    }
    if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
      index += 1
      let sign = try peek()
      if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { index += 1 }
      try digits()
    }
    // A number ends at a delimiter: "01", "1x" and "1.2.3" are broken numbers, not numbers with something behind.
    guard index < bytes.count else { return }
    switch bytes[index] {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "-"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
      throw .invalidNumber(at: index)
    default: return
    }
  }

  private mutating func digits() throws(JSONError) {
    guard JSON.isDigit(try peek()) else { throw .invalidNumber(at: index) }
    while index < bytes.count, JSON.isDigit(bytes[index]) { index += 1 }
  }

  private mutating func literal(_ name: StaticString) throws(JSONError) {
    for offset in 0..<name.utf8CodeUnitCount {
      guard try peek() == name.utf8Start[offset] else {
        throw .unexpectedByte(bytes[index], at: index, expected: .value)
      }
      index += 1
    }
  }

  private func peek() throws(JSONError) -> UInt8 {
    guard index < bytes.count else { throw .truncated(at: bytes.count) }
    return bytes[index]
  }

  // MARK: - Eight bytes at a time

  private func word(at offset: Int) -> UInt64 {
    UnsafeRawPointer(bytes.baseAddress!).loadUnaligned(fromByteOffset: offset, as: UInt64.self)
  }

  /// Whether none of eight bytes is a quote, a backslash, a control character or not ASCII.
  private func isPlain(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5c)
    let special = (quote &- ones) | (backslash &- ones) | (word &- (ones &* 0x20)) | word
    return special & highs == 0
  }
}
