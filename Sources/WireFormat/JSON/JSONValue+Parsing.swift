extension JSONValue {
  /// - Throws: the first rule of RFC 8259 that `text` breaks.
  package init(parsing text: [UInt8], maxDepth: Int = JSON.maxDepth) throws(JSONError) {
    let text = try JSON.minified(text, maxDepth: maxDepth)
    self = text.withUnsafeBufferPointer { JSONValue(valid: text, $0, 0..<text.count, maxDepth: maxDepth) }
  }

  /// - Precondition: `range` of `bytes`, which `buffer` points to, is one valid value without whitespace.
  private init(valid bytes: [UInt8], _ buffer: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, maxDepth: Int) {
    let raw = { JSONValue.raw(Array(bytes[range])) }
    var scanner = JSONScanner(buffer, at: range.lowerBound, maxDepth: maxDepth)
    switch bytes[range.lowerBound] {
    case UInt8(ascii: "n"): self = .null
    case UInt8(ascii: "t"): self = .bool(true)
    case UInt8(ascii: "f"): self = .bool(false)
    case UInt8(ascii: "\""): self = JSONText.string(in: bytes, range).map(JSONValue.string) ?? raw()
    case UInt8(ascii: "["):
      var elements: [Range<Int>] = []
      guard (try? scanner.array(depth: 0) { elements.append($0) }) != nil else { self = raw(); return }
      self = .array(elements.map { JSONValue(valid: bytes, buffer, $0, maxDepth: maxDepth) })
    case UInt8(ascii: "{"):
      var parts: [(Range<Int>, Range<Int>)] = []
      guard (try? scanner.object(depth: 0) { parts.append(($0, $1)) }) != nil else { self = raw(); return }
      var members: [(String, JSONValue)] = []
      for (key, value) in parts {
        guard let name = JSONText.string(in: bytes, key) else { self = raw(); return }
        members.append((name, JSONValue(valid: bytes, buffer, value, maxDepth: maxDepth)))
      }
      self = .object(members)
    default: self = JSONValue(number: String(decoding: bytes[range], as: UTF8.self)) ?? raw()
    }
  }

  /// - Returns: nil for a number that no case can hold without changing it beyond a double's rounding.
  private init?(number text: String) {
    let isWhole = text.utf8.allSatisfy { JSON.isDigit($0) || $0 == UInt8(ascii: "-") }
    if isWhole, text != "-0" {
      if let value = Int(text) {
        self = .int(value)
      } else if let value = UInt64(text) {
        self = .uint(value)
      } else {
        return nil
      }
    } else {
      guard let value = Double(text), value.isFinite else { return nil }
      self = .double(value)
    }
  }
}
