package import HTTPSyntax

/// A request as routes see it, whatever the HTTP version; its body is read through the exchange.
package final class HTTPRequest: Sendable {
  let head: RequestHead
  package let target: RequestTarget
  /// The peer's IP address without its port; an IPv4 address mapped into IPv6 is written as IPv4.
  package let remoteAddress: String
  /// `http`, or `https` where the listener or a trusted proxy ends TLS.
  package let scheme: String
  /// The host that the client asked, where a trusted proxy tells it.
  private let forwardedAuthority: String?

  package init(
    head: RequestHead, target: RequestTarget, remoteAddress: String, scheme: String, forwardedAuthority: String? = nil
  ) {
    self.head = head
    self.target = target
    self.remoteAddress = remoteAddress
    self.scheme = scheme
    self.forwardedAuthority = forwardedAuthority
  }

  /// Case matters: `GET`, not `get`.
  package var method: String { head.method }
  package var headers: RequestFields { head.headers }
  package var version: HTTPVersion { head.version }

  /// Host and port the client meant: what a trusted proxy tells, else an absolute target's, else the Host field's; empty
  /// on HTTP/1.0 without Host.
  package var authority: String { forwardedAuthority ?? target.authority ?? head.host }

  /// What the request says its body's length is, in bytes.
  var contentLength: Int? { headers.firstValue("content-length").flatMap { Int(String(decoding: $0, as: UTF8.self)) } }

  /// Asks for a WebSocket: RFC 6455 on HTTP/1.1, which is GET with `Connection: upgrade` and `Upgrade: websocket`, or
  /// RFC 8441 on HTTP/2. The handshake's other fields are the transport's to check. Not with a body: its bytes would be
  /// taken for frames.
  package var wantsWebSocket: Bool {
    head.isWebSocketConnect
      || head.asksForUpgrade && method == "GET" && version == .http1_1 && headers.hasToken("websocket", in: "upgrade")
        && headers.hasToken("upgrade", in: "connection") && head.framing == .none
  }

  /// Whether the WebSocket handshake has a key to be answered: there is none on HTTP/2 (RFC 8441 section 5).
  package var hasWebSocketKey: Bool { !head.isWebSocketConnect }
}
