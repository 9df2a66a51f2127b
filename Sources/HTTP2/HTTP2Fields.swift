import CNGHTTP2

/// The fields of a head to send. They lie in one array, each behind the lengths of its name and value.
package struct HTTP2Fields {
  private(set) var bytes: [UInt8] = []
  private(set) var count = 0
  /// Two bytes for a name's length, four for a value's.
  private static let lengthBytes = 6

  /// An answer's.
  package init(status: Int) {
    bytes.reserveCapacity(320)
    begin(nameBytes: 7)
    bytes.append(contentsOf: ":status".utf8)
    let digits = UInt8(ascii: "0")
    bytes.append(digits + UInt8(status / 100 % 10))
    bytes.append(digits + UInt8(status / 10 % 10))
    bytes.append(digits + UInt8(status % 10))
    end(nameBytes: 7)
  }

  /// A request's.
  ///
  /// - Parameter protocol: of an extended CONNECT (RFC 8441).
  package init(method: String, scheme: String = "https", authority: String, path: String, protocol: String? = nil) {
    add(":method".utf8, method.utf8)
    if let `protocol` { add(":protocol".utf8, `protocol`.utf8) }
    add(":scheme".utf8, scheme.utf8)
    add(":authority".utf8, authority.utf8)
    add(":path".utf8, path.utf8)
  }

  /// Names are sent in lower case, as HTTP/2 has them.
  package mutating func add(_ name: some Collection<UInt8>, _ value: some Collection<UInt8>) {
    begin(nameBytes: name.count)
    for byte in name {
      bytes.append(byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte)
    }
    bytes.append(contentsOf: value)
    end(nameBytes: name.count)
  }

  private var lastStart = 0

  private mutating func begin(nameBytes: Int) {
    precondition(nameBytes <= UInt16.max, "a field's name is longer than 65,535 bytes")
    lastStart = bytes.count
    bytes.append(UInt8(truncatingIfNeeded: nameBytes >> 8))
    bytes.append(UInt8(truncatingIfNeeded: nameBytes))
    for _ in 0..<4 { bytes.append(0) }
  }

  private mutating func end(nameBytes: Int) {
    let length = UInt32(bytes.count - lastStart - Self.lengthBytes - nameBytes)
    for place in 0..<4 { bytes[lastStart + 2 + place] = UInt8(truncatingIfNeeded: length >> (24 - 8 * place)) }
    count += 1
  }

  private static func forEach(
    in bytes: UnsafeBufferPointer<UInt8>,
    _ body: (_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Void
  ) {
    var place = 0
    while place < bytes.count {
      let name = Int(bytes[place]) << 8 | Int(bytes[place + 1])
      let value = bytes[(place + 2)..<(place + 6)].reduce(0) { $0 << 8 | Int($1) }
      place += lengthBytes
      body(
        UnsafeBufferPointer(rebasing: bytes[place..<(place + name)]),
        UnsafeBufferPointer(rebasing: bytes[(place + name)..<(place + name + value)]))
      place += name + value
    }
  }

  /// As nghttp2 takes them, which copies what it needs.
  func withPairs<R>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> R) -> R {
    withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: count) { pairs in
      bytes.withUnsafeBufferPointer { bytes in
        var index = 0
        Self.forEach(in: bytes) { name, value in
          // Only read through; the type is what nghttp2 wants.
          pairs.initializeElement(
            at: index,
            to: nghttp2_nv(
              name: UnsafeMutablePointer(mutating: name.baseAddress),
              value: UnsafeMutablePointer(mutating: value.baseAddress), namelen: name.count, valuelen: value.count,
              flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
          index += 1
        }
        return body(pairs.baseAddress, count)
      }
    }
  }
}
