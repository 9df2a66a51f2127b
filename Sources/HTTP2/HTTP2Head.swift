/// The head of a request or a response: its bytes, and where in them names and values are.
package struct HTTP2Head: Sendable {
  package struct Field: Sendable {
    package var name: Range<Int>
    package var value: Range<Int>
  }

  /// Names and values, one behind the other.
  package private(set) var bytes: [UInt8] = []
  /// In the order they came, without the pseudo-header fields. Ranges are of `bytes`.
  package private(set) var fields: [Field] = []
  /// It was above a limit, and its fields were dropped.
  package private(set) var isTooLarge = false

  private var places = (method: Place(), scheme: Place(), authority: Place(), path: Place(), protocol: Place())
  private var statusCode: UInt16 = 0

  /// Where in `bytes` a pseudo-header field's value is.
  private struct Place {
    var start = UInt32.max
    var end = UInt32.max
  }

  package var method: ArraySlice<UInt8> { slice(places.method) ?? [] }
  package var scheme: ArraySlice<UInt8>? { slice(places.scheme) }
  package var authority: ArraySlice<UInt8>? { slice(places.authority) }
  package var path: ArraySlice<UInt8>? { slice(places.path) }
  /// Of an extended CONNECT (RFC 8441).
  package var `protocol`: ArraySlice<UInt8>? { slice(places.protocol) }
  /// 0 in a request.
  package var status: Int { Int(statusCode) }

  private func slice(_ place: Place) -> ArraySlice<UInt8>? {
    place.start == .max ? nil : bytes[Int(place.start)..<Int(place.end)]
  }

  /// RFC 9113 section 8.3.1: a Host field that names something other than `:authority`.
  var hasForeignHost: Bool {
    guard let authority else { return false }
    for field in fields where bytes[field.name].elementsEqual("host".utf8) {
      guard bytes[field.value].elementsEqual(authority, by: { Self.folded($0) == Self.folded($1) }) else { return true }
    }
    return false
  }

  private static func folded(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
  }

  // MARK: - Built field by field

  mutating func add(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
    guard !isTooLarge else { return }
    if name.first == UInt8(ascii: ":") { return addPseudo(name, value) }
    if bytes.isEmpty || fields.isEmpty { bytes.reserveCapacity(bytes.count + 256) }
    let start = bytes.count
    bytes.append(contentsOf: name)
    let middle = bytes.count
    bytes.append(contentsOf: value)
    fields.append(Field(name: start..<middle, value: middle..<bytes.count))
  }

  private mutating func addPseudo(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
    if name.elementsEqual(":status".utf8) {
      statusCode = value.reduce(0) { $0 &* 10 &+ UInt16($1 &- UInt8(ascii: "0")) }
      return
    }
    let place = Place(start: UInt32(bytes.count), end: UInt32(bytes.count + value.count))
    bytes.append(contentsOf: value)
    if name.elementsEqual(":method".utf8) {
      places.method = place
    } else if name.elementsEqual(":path".utf8) {
      places.path = place
    } else if name.elementsEqual(":authority".utf8) {
      places.authority = place
    } else if name.elementsEqual(":scheme".utf8) {
      places.scheme = place
    } else if name.elementsEqual(":protocol".utf8) {
      places.protocol = place
    }
  }

  /// Keeps what came before, without fields, so that it can be answered.
  mutating func becomeTooLarge() {
    isTooLarge = true
    fields = []
  }
}
