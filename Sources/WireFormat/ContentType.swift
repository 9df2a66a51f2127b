/// What a `Content-Type` says about how a body becomes a message's `data` (RFC 9110 section 8.3).
struct ContentType {
  /// `application/json`, or any type whose name ends in `+json`.
  let isJSON: Bool
  /// `text/*`.
  let isText: Bool
  /// The charset parameter in lower case, without quotes.
  let charset: String?

  /// - Returns: nil for what is not `type/subtype` with parameters.
  init?(_ text: String) {
    var text = text
    guard let type = text.withUTF8({ ContentType($0) }) else { return nil }
    self = type
  }

  private init?(_ text: UnsafeBufferPointer<UInt8>) {
    var parts = Parts(text: text)
    guard let essence = parts.next(), let slash = essence.firstIndex(of: UInt8(ascii: "/")),
      ContentType.isToken(essence[..<slash]), ContentType.isToken(essence[(slash + 1)...])
    else { return nil }
    isJSON = essence.isEqual(to: "application/json") || essence.suffix(5).isEqual(to: "+json")
    isText = essence.prefix(5).isEqual(to: "text/")
    var charset: String?
    while let parameter = parts.next() {
      guard !parameter.isEmpty else { continue }
      guard let equals = parameter.firstIndex(of: UInt8(ascii: "=")), ContentType.isToken(parameter[..<equals]) else {
        return nil
      }
      var value = parameter[(equals + 1)...]
      if value.count >= 2, value.first == UInt8(ascii: "\""), value.last == UInt8(ascii: "\"") {
        value = value.dropFirst().dropLast()
      } else {
        guard ContentType.isToken(value) else { return nil }
      }
      if parameter[..<equals].isEqual(to: "charset") { charset = String(decoding: value, as: UTF8.self).lowercased() }
    }
    self.charset = charset
  }

  /// What stands between semicolons outside quotes, without the whitespace around it.
  private struct Parts: IteratorProtocol {
    let text: UnsafeBufferPointer<UInt8>
    var start: Int? = 0

    mutating func next() -> Slice<UnsafeBufferPointer<UInt8>>? {
      guard let start else { return nil }
      var isQuoted = false
      var end = start
      while end < text.count, isQuoted || text[end] != UInt8(ascii: ";") {
        if text[end] == UInt8(ascii: "\"") { isQuoted.toggle() }
        end += 1
      }
      self.start = end < text.count ? end + 1 : nil
      let part = text[start..<end].drop { $0 == 0x20 || $0 == 0x09 }
      let last = part.lastIndex { $0 != 0x20 && $0 != 0x09 }
      return part[..<(last.map { $0 + 1 } ?? part.startIndex)]
    }
  }

  /// RFC 9110 section 5.6.2.
  private static func isToken(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    !text.isEmpty && text.allSatisfy { tokenBytes[Int($0)] }
  }

  private static let tokenBytes: [Bool] = {
    var table = [Bool](repeating: false, count: 256)
    for byte in "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8 {
      table[Int(byte)] = true
    }
    return table
  }()
}

extension Slice<UnsafeBufferPointer<UInt8>> {
  /// Letter case of ASCII aside.
  ///
  /// - Parameter lowercase: in lower case.
  fileprivate func isEqual(to lowercase: StaticString) -> Bool {
    guard count == lowercase.utf8CodeUnitCount else { return false }
    return zip(self, 0..<count).allSatisfy { byte, index in
      ((0x41...0x5A).contains(byte) ? byte | 0x20 : byte) == lowercase.utf8Start[index]
    }
  }
}
