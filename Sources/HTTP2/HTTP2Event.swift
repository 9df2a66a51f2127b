package import NIOCore

/// What came from the peer.
package enum HTTP2Event {
  /// A request, in the server's role; a response, in the client's, an interim one too.
  case head(stream: Int32, HTTP2Head, endsStream: Bool)
  /// Part of a body. It counts in the stream's window until it is consumed.
  case body(stream: Int32, ByteBuffer)
  /// The peer ended its side, behind the head.
  case inputEnded(stream: Int32)
  /// The last event of a stream, whoever ended it.
  case closed(stream: Int32, code: UInt32)
  /// The peer takes or opens no more streams (GOAWAY).
  case goingAway(lastStream: Int32, code: UInt32)

  /// Nil if it is about the connection.
  var stream: Int32? {
    switch self {
    case .head(let stream, _, _), .body(let stream, _), .inputEnded(let stream), .closed(let stream, _): stream
    case .goingAway: nil
    }
  }
}
