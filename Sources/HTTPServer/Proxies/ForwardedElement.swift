import HTTPSyntax

/// What one proxy told: `for=192.0.2.60;proto=https;host=rt.example.com;by=203.0.113.43` (RFC 7239 section 4), or an
/// element of `X-Forwarded-For`.
struct ForwardedElement {
  /// nil: not told (`unknown`, `_hidden`), or not to be understood.
  private(set) var address: IPAddress?
  private(set) var proto: ArraySlice<UInt8>?
  private(set) var host: ArraySlice<UInt8>?

  /// An element of `X-Forwarded-For`.
  init(node: ArraySlice<UInt8>) { address = Self.address(node) }

  /// An element of `Forwarded`; of one that breaks the grammar, nothing is taken.
  init(_ element: ArraySlice<UInt8>) {
    var pairs = Pairs(rest: element)
    var node: ArraySlice<UInt8>?
    var proto: ArraySlice<UInt8>?
    var host: ArraySlice<UInt8>?
    while let (name, value) = pairs.next() {
      if equalIgnoringCase(name, "for") {
        guard node == nil else { return }
        node = value
      } else if equalIgnoringCase(name, "proto") {
        guard proto == nil else { return }
        proto = value
      } else if equalIgnoringCase(name, "host") {
        guard host == nil else { return }
        host = value
      }
    }
    guard !pairs.isBroken else { return }
    address = node.flatMap(Self.address)
    self.proto = proto
    self.host = host
  }

  // MARK: - A node: an address with or without a port (section 6)

  private static func address(_ node: ArraySlice<UInt8>) -> IPAddress? {
    let colon = UInt8(ascii: ":")
    var text = node
    if node.first == UInt8(ascii: "[") {
      guard let close = node.firstIndex(of: UInt8(ascii: "]")) else { return nil }
      guard isPort(node[(close + 1)...]) else { return nil }
      text = node[(node.startIndex + 1)..<close]
      // In brackets stands IPv6 alone.
      guard text.contains(colon) else { return nil }
    } else if let first = node.firstIndex(of: colon), first == node.lastIndex(of: colon) {
      guard isPort(node[first...]) else { return nil }
      text = node[..<first]
    }
    return IPAddress(String(decoding: text, as: UTF8.self))
  }

  /// Nothing, or a colon and a port's number or made-up name.
  private static func isPort(_ text: ArraySlice<UInt8>) -> Bool {
    guard let colon = text.first else { return true }
    let port = text.dropFirst()
    guard colon == UInt8(ascii: ":"), let first = port.first else { return false }
    if first == UInt8(ascii: "_") { return port.count > 1 }
    return port.count <= 5 && port.allSatisfy { (0x30...0x39).contains($0) }
  }
}

/// Names and values with semicolons between.
private struct Pairs {
  var rest: ArraySlice<UInt8>
  private(set) var isBroken = false

  init(rest: ArraySlice<UInt8>) { self.rest = rest }

  /// nil: there is no more, or the grammar is broken.
  mutating func next() -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
    // A pair may be left out.
    rest = rest.drop { ASCII.isBlank($0) || $0 == UInt8(ascii: ";") }
    guard !rest.isEmpty else { return nil }
    let name = rest.prefix { $0 != UInt8(ascii: "=") }
    rest = rest[name.endIndex...]
    guard HTTPGrammar.isToken(name), rest.popFirst() == UInt8(ascii: "="), let value = value() else { return broken() }
    rest = rest.drop(while: ASCII.isBlank)
    guard rest.isEmpty || rest.first == UInt8(ascii: ";") else { return broken() }
    return (name, value)
  }

  private mutating func broken() -> (ArraySlice<UInt8>, ArraySlice<UInt8>)? {
    isBroken = true
    return nil
  }

  private mutating func value() -> ArraySlice<UInt8>? {
    guard rest.first == UInt8(ascii: "\"") else {
      // No token at the strictest: an address is often without the quotes that its colons ask for, and clear all the same.
      let value = rest.prefix { !ASCII.isBlank($0) && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "\"") }
      rest = rest[value.endIndex...]
      return value.isEmpty ? nil : value
    }
    rest = rest.dropFirst()
    var value: [UInt8] = []
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""): return value[...]
      case UInt8(ascii: "\\"):
        guard let escaped = rest.popFirst() else { return nil }
        value.append(escaped)
      default: value.append(byte)
      }
    }
    return nil
  }
}
