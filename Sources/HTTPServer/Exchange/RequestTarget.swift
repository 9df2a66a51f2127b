import HTTPSyntax

/// Where a request goes: path and query of an origin-form or absolute-form target (RFC 9112 section 3.2).
///
/// The path stays as sent, because a topic's name may hold an escaped `/`; its escapes are checked all the same, so
/// that decoding a part of it later cannot fail. Query names and values are decoded; `+` stays `+`.
package struct RequestTarget: Hashable, Sendable {
  package struct Parameter: Hashable, Sendable {
    package let name: String
    package let value: String
  }

  /// Begins with `/`, percent escapes untouched.
  package let rawPath: String
  /// In the order sent; `a` and `a=` both have an empty value.
  package let parameters: [Parameter]
  /// Of an absolute-form target, which wins over the Host field (RFC 9112 section 3.2.2).
  package let authority: String?

  package var query: [(name: String, value: String)] { parameters.map { ($0.name, $0.value) } }

  package init?(_ raw: String) { self.init(utf8: Array(raw.utf8)[...]) }

  /// - Returns: nil for every other form, a bad escape, a byte outside printable ASCII, `#`, or an escape that decodes
  ///   to a control byte or to text that is not UTF-8.
  init?(utf8 raw: ArraySlice<UInt8>) {
    guard raw.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else { return nil }
    var rest = raw
    if rest.first == UInt8(ascii: "/") {
      authority = nil
    } else {
      let scheme: StaticString = "http://"
      let secure: StaticString = "https://"
      if equalIgnoringCase(rest.prefix(scheme.utf8CodeUnitCount), scheme) {
        rest = rest.dropFirst(scheme.utf8CodeUnitCount)
      } else if equalIgnoringCase(rest.prefix(secure.utf8CodeUnitCount), secure) {
        rest = rest.dropFirst(secure.utf8CodeUnitCount)
      } else {
        return nil
      }
      let host = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
      guard Authority.isValid(host) else { return nil }
      authority = String(decoding: host, as: UTF8.self)
      rest = rest[host.endIndex...]
    }
    let path = rest.prefix { $0 != UInt8(ascii: "?") }
    guard !path.contains(UInt8(ascii: "%")) || Self.percentDecode(path) != nil else { return nil }
    rawPath = path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)

    var parameters: [Parameter] = []
    rest = rest[path.endIndex...].dropFirst()
    while !rest.isEmpty {
      let pair = rest.prefix { $0 != UInt8(ascii: "&") }
      rest = rest[pair.endIndex...].dropFirst()
      guard !pair.isEmpty else { continue }
      let name = pair.prefix { $0 != UInt8(ascii: "=") }
      guard let decodedName = Self.percentDecode(name),
        let value = Self.percentDecode(pair[name.endIndex...].dropFirst())
      else { return nil }
      parameters.append(Parameter(name: decodedName, value: value))
    }
    self.parameters = parameters
  }

  /// `%41` to `A`, everything else as it is.
  /// - Returns: nil for an incomplete escape, a decoded control byte, or a result that is not UTF-8.
  package static func percentDecode(_ text: String) -> String? {
    text.utf8.contains(UInt8(ascii: "%")) ? percentDecode(Array(text.utf8)[...]) : text
  }

  private static func percentDecode(_ text: ArraySlice<UInt8>) -> String? {
    guard text.contains(UInt8(ascii: "%")) else { return String(decoding: text, as: UTF8.self) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var iterator = text.makeIterator()
    while let byte = iterator.next() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = iterator.next().flatMap(ASCII.hexDigit), let low = iterator.next().flatMap(ASCII.hexDigit) else {
        return nil
      }
      let decoded = high << 4 | low
      guard decoded >= 0x20, decoded != 0x7F else { return nil }
      bytes.append(decoded)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

/// `host` or `host:port` as a Host field or an absolute target carries it (RFC 3986 section 3.2 without user
/// information, which RFC 9110 section 4.2.4 has servers refuse).
enum Authority {
  private static let nameBytes: [Bool] = {
    var table = [Bool](repeating: false, count: 256)
    for byte in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%!$&'()*+,;=".utf8 {
      table[Int(byte)] = true
    }
    return table
  }()

  static func isValid(_ text: ArraySlice<UInt8>) -> Bool {
    var rest = text
    if rest.first == UInt8(ascii: "[") {
      guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return false }
      let address = rest[rest.startIndex + 1..<end]
      guard address.count >= 2,
        address.allSatisfy({
          ASCII.hexDigit($0) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
        })
      else { return false }
      rest = rest[(end + 1)...]
    } else {
      let name = rest.prefix { $0 != UInt8(ascii: ":") }
      guard !name.isEmpty, name.allSatisfy({ nameBytes[Int($0)] }) else { return false }
      rest = rest[name.endIndex...]
    }
    guard !rest.isEmpty else { return true }
    let port = rest.dropFirst()
    return rest.first == UInt8(ascii: ":") && port.count <= 5
      && port.allSatisfy(ASCII.isDigit) && ASCII.decimal(port) <= 65535
  }
}

extension RequestTarget {
  /// Escapes everything but the unreserved bytes of RFC 3986 section 2.3.
  package static func percentEncode(_ text: String, to bytes: inout [UInt8]) {
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        bytes.append(byte)
      default:
        bytes.append(UInt8(ascii: "%"))
        bytes.append(hexDigits[Int(byte >> 4)])
        bytes.append(hexDigits[Int(byte & 15)])
      }
    }
  }

  private static let hexDigits = Array("0123456789ABCDEF".utf8)
}
