import NIOCore

/// What is spoken over a connection once that is known: HTTP/1.1 or HTTP/2. It sees the peer's bytes in clear, whatever
/// lies under them. Confined to the connection's loop.
protocol HTTPSession: AnyObject {
  /// Bytes of the peer.
  func receive(_ bytes: ByteBuffer)
  /// The peer closed its sending side. Called at most once.
  func inputEnded()
  /// Whether the connection is to be read from; asked again after every call here.
  var wantsInput: Bool { get }
  /// Everything that was sent has left.
  func becameWritable()
  /// Goes on with what has come: the loop's turn for this connection has come, too (`LoopConnections.mayBegin`).
  func advance()
  /// A deadline that the session set has passed.
  func timedOut(_ deadline: ConnectionClock.Deadline)
  /// Neither a request open nor a part of one received.
  var isIdle: Bool { get }
  /// Takes no more requests than those that are open, and closes the connection after the last of them.
  func goAway()
  /// The server refuses to go on: says so as far as the protocol can, and leaves.
  func refuse(_ fault: HTTPFault)
  /// The connection is closed; the last call.
  func connectionClosed()
}
