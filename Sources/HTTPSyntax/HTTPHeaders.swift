/// Header fields (RFC 9110 section 5) in the order in which they were added or received.
///
/// Names are compared without regard to the case of ASCII letters, and keep the case in which they were written. Values
/// are not checked here: whoever writes them to a connection must refuse or replace line breaks.
package struct HTTPHeaders: Sendable, ExpressibleByDictionaryLiteral {
  package typealias Element = (name: String, value: String)

  private var fields: [Element]

  package init() { fields = [] }

  package init(_ fields: [(String, String)]) { self.fields = fields.map { (name: $0.0, value: $0.1) } }

  package init(dictionaryLiteral fields: (String, String)...) { self.init(fields) }

  package mutating func add(name: String, value: String) { fields.append((name: name, value: value)) }

  package mutating func add(contentsOf other: HTTPHeaders) { fields.append(contentsOf: other.fields) }

  /// Removes every field of this name and adds one with `value`.
  package mutating func replaceOrAdd(name: String, value: String) {
    fields.removeAll { equalIgnoringCase($0.name, name) }
    add(name: name, value: value)
  }

  package func contains(name: String) -> Bool { fields.contains { equalIgnoringCase($0.name, name) } }

  /// The value of the first field of this name, or `nil` if there is none.
  package func first(name: String) -> String? { fields.first { equalIgnoringCase($0.name, name) }?.value }

  /// The value of each field of this name; a value with commas is one value.
  package subscript(name: String) -> [String] {
    fields.compactMap { equalIgnoringCase($0.name, name) ? $0.value : nil }
  }

  /// Whether the fields of this name, read as one list with commas (RFC 9110 section 5.6.1), have `token`, without
  /// regard to the case of ASCII letters.
  package func hasToken(_ token: StaticString, in name: String) -> Bool {
    self[name].contains { value in
      Array(value.utf8)[...].split(separator: UInt8(ascii: ",")).contains {
        equalIgnoringCase($0.trimmingBlanks, token)
      }
    }
  }

  /// Whether a message of this version with these fields lets the connection go on (RFC 9112 section 9.3).
  package func keepsAlive(_ version: HTTPVersion) -> Bool {
    !hasToken("close", in: "Connection") && (version.minor >= 1 || hasToken("keep-alive", in: "Connection"))
  }
}

extension HTTPHeaders: RandomAccessCollection {
  package var startIndex: Int { 0 }
  package var endIndex: Int { fields.count }
  package subscript(position: Int) -> Element { fields[position] }
  package var isEmpty: Bool { fields.isEmpty }
  package func makeIterator() -> IndexingIterator<[Element]> { fields.makeIterator() }
}

extension HTTPHeaders: Equatable {
  /// The same fields in the same order.
  package static func == (a: HTTPHeaders, b: HTTPHeaders) -> Bool {
    a.elementsEqual(b) { equalIgnoringCase($0.name, $1.name) && $0.value == $1.value }
  }
}
