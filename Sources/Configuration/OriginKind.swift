extension SettingKind where Value == [String] {
  /// A list of exact origins (RFC 6454 section 6.2, as a browser's `Origin` header has them), or `*` alone.
  static var origins: Self {
    words(
      expected: "a list of origins such as https://app.example.com, or *", one: "an origin",
      fault: OriginSyntax.fault,
      faultOfAll: { origins in
        origins.count > 1 && origins.contains("*")
          ? "\"*\" allows every origin; write it alone or leave it out" : nil
      })
  }
}

enum OriginSyntax {
  private static let defaultPorts = ["http": 80, "https": 443]

  /// What keeps `text` from ever equalling an `Origin` header, and how to write it instead.
  static func fault(of text: String) -> String? {
    if text == "*" { return nil }
    if text == "null" { return "is what a browser sends for no origin at all and cannot be allowed" }
    if text.contains(where: \.isUppercase) { return "has capital letters; browsers send \(text.lowercased())" }
    guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://"), colon > text.startIndex,
      text[..<colon].utf8.allSatisfy({ isLowerAlphanumeric($0) || "+-.".utf8.contains($0) })
    else { return "has no scheme; write https://\(text)" }
    let scheme = String(text[..<colon])
    let authority = text[colon...].dropFirst(3)
    if authority.contains(where: { "/?#".contains($0) }) {
      return
        "has a path; an origin ends after the host and port: \(scheme)://\(authority.prefix { !"/?#".contains($0) })"
    }
    if authority.contains("*") { return "has a wildcard inside; write every origin out, or * alone for all" }
    let address = authority.contains(":") && !authority.hasSuffix("]") ? "\(authority)" : "\(authority):1"
    guard let parsed = try? ListenAddress(address), parsed.port > 0 else {
      return "is no origin; write scheme://host or scheme://host:port"
    }
    if authority.hasSuffix(":\(parsed.port)"), defaultPorts[scheme] == parsed.port {
      return "has the port that browsers leave out; write \(scheme)://\(authority.dropLast("\(parsed.port)".count + 1))"
    }
    return nil
  }

  private static func isLowerAlphanumeric(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
