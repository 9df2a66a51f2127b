package import HTTPSyntax

/// Header fields as the lines they leave in, so that an answer given a million times costs no `String` for each of its
/// fields.
package struct FieldLines: Sendable, ExpressibleByDictionaryLiteral {
  private(set) var bytes: [UInt8] = []

  package init(dictionaryLiteral fields: (String, String)...) {
    for (name, value) in fields { Self.append(name, value, to: &bytes) }
  }

  package init(_ headers: HTTPHeaders) {
    for (name, value) in headers { Self.append(name, value, to: &bytes) }
  }

  /// - Parameter write: appends the value.
  package mutating func add(_ name: StaticString, _ write: (inout [UInt8]) -> Void) {
    assert(!Self.isOurs(name.description), "the server itself writes \(name)")
    bytes.reserveCapacity(bytes.count + 160)
    bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    bytes.append(contentsOf: ": ".utf8)
    let start = bytes.count
    write(&bytes)
    Self.blank(&bytes, from: start)
    bytes.append(contentsOf: "\r\n".utf8)
  }

  /// Calls `body` with each field's name, in the case it was written in, and its value.
  func forEach(_ body: (ArraySlice<UInt8>, ArraySlice<UInt8>) -> Void) {
    var rest = bytes[...]
    while let colon = rest.firstIndex(of: UInt8(ascii: ":")), let end = rest.firstIndex(of: 0x0D) {
      body(rest[..<colon], rest[(colon + 2)..<end])
      rest = rest[(end + 2)...]
    }
  }

  private static func append(_ name: String, _ value: String, to bytes: inout [UInt8]) {
    guard !isOurs(name) else { return }
    bytes.append(contentsOf: name.utf8)
    bytes.append(contentsOf: ": ".utf8)
    let start = bytes.count
    bytes.append(contentsOf: value.utf8)
    blank(&bytes, from: start)
    bytes.append(contentsOf: "\r\n".utf8)
  }

  /// A line end in a value would let its author write fields, or a response, of their own.
  private static func blank(_ bytes: inout [UInt8], from start: Int) {
    for index in start..<bytes.count where bytes[index] < 0x20 && bytes[index] != 0x09 { bytes[index] = 0x20 }
  }

  /// The fields that describe the framing and the connection are decided by the server alone.
  private static func isOurs(_ name: String) -> Bool {
    let name = name.lowercased()
    return ["connection", "content-length", "date", "transfer-encoding", "upgrade", "keep-alive"].contains(name)
  }
}
