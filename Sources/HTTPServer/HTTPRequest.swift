package import NIOHTTP1

/// A request as routes see it, whatever the HTTP version; its body is read through the exchange.
package struct HTTPRequest: Sendable {
  /// Case matters: `GET`, not `get`.
  package var method: String
  package var target: RequestTarget
  package var headers: HTTPHeaders
  package var version: HTTPVersion
  /// The peer's IP address without its port; an IPv4 address mapped into IPv6 is written as IPv4.
  package var remoteAddress: String
  /// Where the connection came in, `address:port`.
  package var localAddress: String
  /// `http`, or `https` where the listener ends TLS.
  package var scheme: String
  /// Host and port the client meant: an absolute target's, else the Host field's; empty on HTTP/1.0 without Host.
  package var authority: String

  package init(
    method: String, target: RequestTarget, headers: HTTPHeaders = [:], version: HTTPVersion = .http1_1,
    remoteAddress: String = "127.0.0.1", localAddress: String = "127.0.0.1:8080", scheme: String = "http",
    authority: String = ""
  ) {
    self.method = method
    self.target = target
    self.headers = headers
    self.version = version
    self.remoteAddress = remoteAddress
    self.localAddress = localAddress
    self.scheme = scheme
    self.authority = authority
  }

  /// Asks for RFC 6455 on HTTP/1.1: GET with `Connection: upgrade` and `Upgrade: websocket`. The handshake's other
  /// fields are the transport's to check. Not with a body: its bytes would be taken for frames.
  package var wantsWebSocket: Bool {
    method == "GET" && version == .http1_1 && headers.hasToken("websocket", in: "upgrade")
      && headers.hasToken("upgrade", in: "connection") && !headers.contains(name: "transfer-encoding")
      && headers["content-length"].allSatisfy { $0 == "0" }
  }
}

extension HTTPHeaders {
  /// Whether a comma-separated field has `token`, letter case aside (RFC 9110 section 5.6.1).
  package func hasToken(_ token: String, in name: String) -> Bool {
    for value in self[name] {
      for part in value.utf8.split(separator: UInt8(ascii: ",")) {
        let trimmed = part.drop(while: isBlank)
        let last = trimmed.lastIndex { !isBlank($0) }
        guard let last else { continue }
        if equalIgnoringCase(trimmed[...last], token.utf8) { return true }
      }
    }
    return false
  }
}

private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

/// ASCII letters only.
func equalIgnoringCase(_ a: some Sequence<UInt8>, _ b: some Sequence<UInt8>) -> Bool {
  func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
  return a.elementsEqual(b) { lower($0) == lower($1) }
}
