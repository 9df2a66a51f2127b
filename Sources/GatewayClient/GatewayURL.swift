/// Where a gateway is, and what is asked of it there: an `http://` or `https://` URL taken apart.
package struct GatewayURL: Sendable, Hashable, CustomStringConvertible {
  /// A name or an address, without the brackets of an IPv6 literal.
  package var host: String
  package var port: Int
  /// What goes on the request line: path and query, always beginning with `/`.
  package var target: String

  /// Over TLS.
  package var isSecure = false
  package var trust = GatewayTrust()

  package init(
    host: String, port: Int, target: String = "/", isSecure: Bool = false, trust: GatewayTrust = GatewayTrust()
  ) {
    self.host = host
    self.port = port
    self.target = target
    self.isSecure = isSecure
    self.trust = trust
  }

  /// Takes `http://host[:port][/path][?query]` apart; `[::1]` is how an IPv6 host is written. A fragment is dropped.
  ///
  /// - Throws: `GatewayClientError.badURL` with a sentence that says what is wrong.
  package init(_ text: String) throws(GatewayClientError) {
    guard let separator = text.firstIndex(of: ":"), text[separator...].hasPrefix("://") else {
      throw .badURL("\"\(text)\" is not a URL: write it as http://host:port")
    }
    switch text[..<separator].lowercased() {
    case "http", "ws": isSecure = false
    case "https", "wss": isSecure = true
    case let scheme: throw .badURL("\"\(text)\" begins with \(scheme)://: write http:// or https://")
    }
    let rest = text[text.index(separator, offsetBy: 3)...].prefix { $0 != "#" }
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    let target = rest[authority.endIndex...]
    guard !authority.contains("@") else {
      throw .badURL("\"\(text)\" carries a user name: a gateway takes none in its URL")
    }
    (host, port) = try Self.hostAndPort(authority, standard: isSecure ? 443 : 80, in: text)
    self.target = target.isEmpty ? "/" : target.first == "?" ? "/\(target)" : String(target)
    guard self.target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw .badURL("the path of \"\(text)\" has a character that must be percent-encoded")
    }
  }

  private static func hostAndPort(
    _ authority: Substring, standard: Int, in text: String
  ) throws(GatewayClientError) -> (String, Int) {
    var host = authority
    var port = Substring()
    if authority.first == "[" {
      guard let end = authority.firstIndex(of: "]") else {
        throw .badURL("\"\(text)\" opens an IPv6 address with [ and never closes it")
      }
      host = authority[authority.index(after: authority.startIndex)..<end]
      let after = authority[authority.index(after: end)...]
      guard after.isEmpty || after.first == ":" else { throw .badURL("\"\(text)\" has no : between host and port") }
      port = after.dropFirst()
    } else if let colon = authority.firstIndex(of: ":") {
      host = authority[..<colon]
      port = authority[authority.index(after: colon)...]
    }
    guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw .badURL("\"\(text)\" names no host")
    }
    if port.isEmpty { return (String(host), standard) }
    guard let number = Int(port), (1...65_535).contains(number) else {
      throw .badURL("\"\(port)\" in \"\(text)\" is not a port: ports are 1 to 65535")
    }
    return (String(host), number)
  }

  /// A host as it stands in a URL: an IPv6 address in brackets (RFC 3986 section 3.2.2).
  static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

  /// The value of the `Host` header (RFC 9110 section 7.2).
  package var authority: String {
    let name = Self.bracketed(host)
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  package var description: String { "\(origin)\(target)" }

  /// Without the target.
  package var origin: String { "\(isSecure ? "https" : "http")://\(authority)" }

  /// The URL of `target`, a path with its query, below this one: a base of `http://host/prefix/` keeps its prefix.
  package func appending(_ target: String) -> GatewayURL {
    var prefix = self.target.prefix { $0 != "?" }
    while prefix.last == "/" { prefix.removeLast() }
    var url = self
    url.target = "\(prefix)\(target)"
    return url
  }
}

/// A query string in the making: names and values in order, percent-encoded (RFC 3986 section 3.4).
package struct QueryString: Sendable {
  /// Without the leading `?`; empty if nothing was added.
  package private(set) var text = ""

  package init() {}

  package mutating func add(_ name: String, _ value: String) {
    if !text.isEmpty { text += "&" }
    text += "\(Self.encoded(name))=\(Self.encoded(value))"
  }

  /// `path`, with the query behind it if there is one.
  package func appended(to path: String) -> String { text.isEmpty ? path : "\(path)?\(text)" }

  /// Percent-encodes everything but RFC 3986's unreserved characters: right in a query and in a path segment alike.
  package static func encoded(_ value: String) -> String {
    let digits = Array("0123456789ABCDEF".unicodeScalars)
    var result = ""
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        result.unicodeScalars.append("%")
        result.unicodeScalars.append(digits[Int(byte >> 4)])
        result.unicodeScalars.append(digits[Int(byte & 15)])
      }
    }
    return result
  }
}
