package import HTTP2
import HTTPSyntax
package import NIOCore

/// Every limit of a listener. Each answers one kind of abuse; the comment says which, and with what it is refused.
package struct HTTPListenerSettings: Sendable {
  /// Heads that grow without end: 414, 431, 400.
  package var parser = RequestParser.Limits()
  /// From a head's first byte to its end, and from accepting to the first byte: a slow head is answered 408, a
  /// connection on which nothing was ever sent is closed without a word.
  package var requestHeadTime: TimeAmount = .seconds(10)
  /// From `readBody` to the body's end: 408.
  package var bodyTime: TimeAmount = .seconds(30)
  /// Between requests: closed without a word.
  package var idleTime: TimeAmount = .seconds(75)
  /// A peer that takes none of the bytes we have for it: closed.
  package var stallTime: TimeAmount = .seconds(60)
  /// Between closing our side and closing all, for a peer that does not close its own.
  package var lingerTime: TimeAmount = .seconds(2)
  /// How long a refused connection may take for its request's head, and again to read why.
  package var refusalTime: TimeAmount = .seconds(1)
  /// Connections at once: 503.
  package var connections = 100_000
  /// Connections at once of one IP address: 429.
  package var connectionsPerAddress = 100_000
  /// Refused connections that may be waiting for their client to read why; the next one is closed without a word.
  package var refusalsAtOnce = 256
  /// Retry-After of a refused connection, in seconds.
  package var retryAfter = 5
  /// Bytes read ahead while an exchange is open: so much of the next requests, or of a body nobody asked for yet.
  package var readAhead = 16 * 1024
  /// The most that is buffered when the kernel hands over more than was asked for, as it does at a closed input:
  /// closed. Above the longest body a route reads.
  package var bufferedInput = 8 * 1024 * 1024
  /// An unread body up to this many bytes is skipped after the answer, so that the connection can stay.
  package var skippedBody = 64 * 1024
  /// How long requests may begin one after the other before the loop's other work, bursts above all, has its turn.
  package var turnTime: TimeAmount = .milliseconds(2)
  /// The kernel's queue of connections not yet accepted.
  package var backlog: Int32 = 4096
  /// How long accepting rests when the process or the system is out of descriptors or memory.
  package var acceptPause: TimeAmount = .milliseconds(100)
  /// Ends TLS, with these certificates; nil: clear text.
  package var tls: ServedTLS?
  /// From accepting (or from a proxy's header) to the end of TLS's handshake: closed without a word.
  package var handshakeTime: TimeAmount = .seconds(10)
  /// Who may say for whom a request is.
  package var trustedProxies = AddressRanges()
  /// Every connection begins with a PROXY header, and comes from a trusted proxy; others are closed.
  package var expectsProxyHeader = false
  /// What one HTTP/2 connection may do.
  package var http2 = HTTP2Settings()

  package init() {}

  func trustsProxy(at address: String) -> Bool { !trustedProxies.isEmpty && trustedProxies.contains(address) }
}
