/// Where a Redis is and how to get in.
///
/// - `redis://[user[:password]@]host[:port][/db]`, `rediss://…` over TLS
/// - `redis+sentinel://[user[:password]@]h1[:p1],h2[:p2]/master[/db]`, `rediss+sentinel://…`: the sentinels that know
///   where the master is; user and password are the master's.
///
/// What is not a letter, a digit or one of `-._~` in user and password is written as in any URL (`%40` for `@`).
package struct RedisEndpoint: Sendable, Equatable, CustomStringConvertible {
  package struct Host: Sendable, Hashable, CustomStringConvertible {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
      self.host = host
      self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  }

  /// One, or the sentinels in the order in which they are asked.
  package var hosts: [Host]
  /// What the sentinels call the master; nil without sentinels.
  package var masterName: String?
  package var database = 0
  package var user: String?
  package var password: String?
  package var isSecure: Bool

  package static let defaultPort = 6379
  package static let defaultSentinelPort = 26379

  private static let forms = """
    redis://[user[:password]@]host[:port][/db], rediss:// for TLS, \
    or redis+sentinel://[user[:password]@]host[:port],…/master[/db]
    """

  /// - Throws: words that say what is wrong and what is expected; none of them is out of user or password.
  package init(_ url: String) throws(RedisEndpointError) {
    guard let mark = url.firstRange(of: "://") else {
      throw RedisEndpointError("not a Redis URL; it looks like \(Self.forms)")
    }
    let isSentinel: Bool
    switch url[..<mark.lowerBound].lowercased() {
    case "redis": (isSentinel, isSecure) = (false, false)
    case "rediss": (isSentinel, isSecure) = (false, true)
    case "redis+sentinel": (isSentinel, isSecure) = (true, false)
    case "rediss+sentinel": (isSentinel, isSecure) = (true, true)
    default: throw RedisEndpointError("its scheme is not Redis's; it looks like \(Self.forms)")
    }
    let rest = url[mark.upperBound...]
    guard !rest.contains(where: { $0 == "?" || $0 == "#" }) else {
      throw RedisEndpointError("? and # have no meaning in it; in a password they are written %3F and %23")
    }
    let end = rest.firstIndex(of: "/") ?? rest.endIndex
    guard !rest[end...].contains("@") else {
      throw RedisEndpointError("/ and @ in a user or password are written %2F and %40")
    }
    var places = rest[..<end]
    if let at = places.lastIndex(of: "@") {
      let login = places[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      user = try Self.decoded(login[0])
      if login.count > 1 { password = try Self.decoded(login[1]) }
      places = places[places.index(after: at)...]
    }
    let port = isSentinel ? Self.defaultSentinelPort : Self.defaultPort
    hosts = []
    for place in places.split(separator: ",", omittingEmptySubsequences: false) {
      hosts.append(try Self.host(place, defaultPort: port))
    }
    guard isSentinel || hosts.count == 1 else {
      throw RedisEndpointError(
        "several hosts are for sentinels (redis+sentinel://…/master); a Redis by itself has one")
    }
    var path = rest[end...].split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    if isSentinel {
      guard let name = path.popFirst(), !name.isEmpty else {
        throw RedisEndpointError("what the sentinels call the master is missing: redis+sentinel://host:port/master")
      }
      masterName = try Self.decoded(name)
    }
    if let text = path.popFirst(), !text.isEmpty {
      guard let number = Int(text), number >= 0 else {
        throw RedisEndpointError("the database \"\(text)\" is not a number from 0 on")
      }
      database = number
    }
    guard path.allSatisfy(\.isEmpty) else {
      throw RedisEndpointError("there is more behind the database; it looks like \(Self.forms)")
    }
  }

  private static func host(_ text: Substring, defaultPort: Int) throws(RedisEndpointError) -> Host {
    var host = text
    var port: Substring?
    if text.first == "[" {
      guard let end = text.firstIndex(of: "]") else {
        throw RedisEndpointError("an address that begins with [ ends with ], as in [::1]:\(defaultPort)")
      }
      host = text[text.index(after: text.startIndex)..<end]
      let behind = text[text.index(after: end)...]
      guard behind.isEmpty || behind.first == ":" else {
        throw RedisEndpointError("between the address and its port stands a :, as in [::1]:\(defaultPort)")
      }
      port = behind.isEmpty ? nil : behind.dropFirst()
    } else if let colon = text.firstIndex(of: ":") {
      host = text[..<colon]
      port = text[text.index(after: colon)...]
    }
    guard !host.isEmpty else { throw RedisEndpointError("a host is missing; it looks like \(forms)") }
    guard let port else { return Host(host: String(host), port: defaultPort) }
    // The text is not shown: without an @ it may be a password.
    guard let number = Int(port), (1...65535).contains(number) else {
      throw RedisEndpointError("a port is a number from 1 to 65535 (and an IPv6 address stands in [ ])")
    }
    return Host(host: String(host), port: number)
  }

  private static func decoded(_ text: Substring) throws(RedisEndpointError) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      guard digits.count == 2, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
        let value = UInt8(String(Substring(digits)), radix: 16)
      else { throw RedisEndpointError("two hexadecimal digits stand behind a %; the sign itself is written %25") }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw RedisEndpointError("what is written with % is not UTF-8")
    }
    return text
  }

  /// Never shows the password, nor that there is one.
  package var description: String {
    let scheme = (isSecure ? "rediss" : "redis") + (masterName == nil ? "" : "+sentinel")
    let login = user.map { $0.isEmpty ? "" : "\($0)@" } ?? ""
    let path = (masterName.map { "/\($0)" } ?? "") + (database == 0 ? "" : "/\(database)")
    return "\(scheme)://\(login)\(hosts.map(\.description).joined(separator: ","))\(path)"
  }
}

/// What is wrong with a Redis URL, and what is expected.
package struct RedisEndpointError: Error, Sendable, Equatable, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}
