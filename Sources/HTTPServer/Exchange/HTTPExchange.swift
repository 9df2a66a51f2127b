package import NIOCore
package import HTTPSyntax

/// Why a request's body did not come.
package enum HTTPBodyError: Error, Equatable, Sendable {
  /// It is longer than the limit in bytes that `readBody` was given. The route answers, usually 413.
  case tooLarge(limit: Int)
  /// It was not complete in time. The server has answered 408.
  case timedOut
  /// Its framing is broken. The server has answered 400.
  case malformed
  /// The peer went away, or closed its side in the middle of the body.
  case closed
}

/// One request and its answer. Confined to `eventLoop`; call its methods there, at once or later.
///
/// Exactly one of `respond`, `openStream` and `acceptWebSocket` ends it. When the peer is gone they do nothing, so a
/// late answer needs no check.
package protocol HTTPExchange: AnyObject {
  var request: HTTPRequest { get }
  var eventLoop: any EventLoop { get }
  /// Where the connection came in, `address:port`.
  var localAddress: String { get }

  /// Reads the body whole. Call at most once. `done` may run before this returns. A client that waits with
  /// `Expect: 100-continue` is told to go on, unless its Content-Length is above `limit` already.
  /// - Parameter limit: in bytes.
  func readBody(limit: Int, _ done: @escaping (Result<ByteBuffer, HTTPBodyError>) -> Void)

  /// Answers. An unread body is skipped if it is small, else the connection (on HTTP/2 the stream) is closed after the
  /// answer.
  func respond(_ response: HTTPResponse)

  /// How a transport must frame the bytes of an answer that `openStream` begins.
  var streamFraming: OutletFraming { get }

  /// Begins an answer without a known end: chunked on HTTP/1.1, ended by closing on 1.0, a stream on HTTP/2. The head
  /// leaves at once.
  func openStream(status: Int, headers: HTTPHeaders) -> any Outlet

  /// Answers 101 with `Upgrade` and `Connection` and the fields given, or 200 on HTTP/2 (RFC 8441). From then on the outlet carries bytes as they
  /// are; what the client sent behind its request reaches the outlet's receiver first.
  func acceptWebSocket(headers: HTTPHeaders) -> any Outlet

  /// Called once if the peer goes away while the exchange is unanswered; dropped after the answer.
  var onClosed: (() -> Void)? { get set }

  /// Whether a peer that closes its sending side counts as gone. False by default: a client may send a publish, half
  /// close, and still read the answer. A parked poll sets it to true, because closing a socket looks the same from
  /// here and nothing else tells. On HTTP/2 a reset tells, and this means nothing.
  var endsWithInput: Bool { get set }
}
