import HTTPSyntax

/// A request's head as it came, and where in it each header field lies: a field becomes a `String` only when somebody
/// asks for it. Names are compared without regard to the case of ASCII letters.
package struct RequestFields: Sendable, Equatable {
  /// The whole head, its request line included; of HTTP/2, all names and values.
  let bytes: [UInt8]
  private var fields: [FieldRange] = []

  init(head: UnsafeRawBufferPointer) {
    bytes = Array(head)
    fields.reserveCapacity(8)
  }

  /// - Parameter bytes: names and values that `add` tells apart.
  init(bytes: [UInt8]) { self.bytes = bytes }

  var count: Int { fields.count }

  mutating func add(_ field: FieldRange) { fields.append(field) }

  // MARK: - Looking one up

  package func contains(name: StaticString) -> Bool { index(of: name) != nil }

  /// Whether there is more than one field of this name.
  package func isRepeated(_ name: StaticString) -> Bool {
    index(of: name).flatMap { index(of: name, from: $0 + 1) } != nil
  }

  package func first(name: StaticString) -> String? { firstValue(name).map { String(decoding: $0, as: UTF8.self) } }

  /// Each value of this name, in the order sent.
  package subscript(_ name: StaticString) -> [String] {
    var values: [String] = []
    forEachValue(name) { values.append(String(decoding: $0, as: UTF8.self)) }
    return values
  }

  /// The elements of a field that is a list with commas, as `forEachElement` has them.
  package subscript(canonicalForm name: StaticString) -> [Substring] {
    var elements: [Substring] = []
    forEachElement(name) { elements.append(Substring(decoding: $0, as: UTF8.self)) }
    return elements
  }

  /// Whether a list with commas has `token`, letter case aside.
  package func hasToken(_ token: StaticString, in name: StaticString) -> Bool {
    var isFound = false
    forEachElement(name) { isFound = isFound || equalIgnoringCase($0, token) }
    return isFound
  }

  func firstValue(_ name: StaticString) -> ArraySlice<UInt8>? { index(of: name).map { bytes[fields[$0].value] } }

  private func forEachValue(_ name: StaticString, _ body: (ArraySlice<UInt8>) -> Void) {
    var next = 0
    while let index = index(of: name, from: next) {
      body(bytes[fields[index].value])
      next = index + 1
    }
  }

  /// Calls `body` with each element of a field that is a list with commas, of all its lines, without the blanks around
  /// it; empty ones are none (RFC 9110 section 5.6.1).
  package func forEachElement(_ name: StaticString, _ body: (ArraySlice<UInt8>) -> Void) {
    forEachValue(name) { value in
      var rest = value
      while !rest.isEmpty {
        let element = rest.prefix { $0 != UInt8(ascii: ",") }
        rest = rest[element.endIndex...].dropFirst()
        let trimmed = element.trimmingBlanks
        if !trimmed.isEmpty { body(trimmed) }
      }
    }
  }

  private func index(of name: StaticString, from start: Int = 0) -> Int? {
    let length = Int32(name.utf8CodeUnitCount)
    for index in start..<max(start, fields.count) {
      let field = fields[index]
      if field.nameEnd - field.nameStart == length,
        equalIgnoringCase(bytes[Int(field.nameStart)..<Int(field.nameEnd)], name)
      {
        return index
      }
    }
    return nil
  }
}
