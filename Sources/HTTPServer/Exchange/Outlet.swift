package import NIOCore

/// How bytes offered to an outlet must be framed by the caller.
package enum OutletFraming: Sendable, Equatable {
  /// As HTTP/1.1 chunks: size in hexadecimal, CR LF, bytes, CR LF.
  case chunked
  /// As they are.
  case identity
}

/// A connection (or one stream of it) as a transport sees it. Confined to `eventLoop`.
///
/// The contract of a slow reader: when `offer` returns false the bytes were taken, but some are still on their way.
/// Offer nothing until `outletBecameReady`. So an outlet holds at most one offer, and a transport is a position.
package protocol Outlet: AnyObject {
  var eventLoop: any EventLoop { get }
  var framing: OutletFraming { get }
  /// Whether everything handed over has been taken by the kernel and more may be offered.
  var isWritable: Bool { get }
  /// Where bytes may be written straight to, framed already, until the next `offer` or `finish` or until the receiver
  /// is told that the outlet closes (`DirectWriter`); -1 if they may not, now or ever.
  var socket: Int32 { get }
  /// Bytes handed over and not yet taken by the kernel.
  var pendingBytes: Int { get }
  /// Strong; told what happens, and let go of when the outlet is closed.
  var receiver: (any OutletReceiver)? { get set }

  /// Takes all of `bytes`, framed already as `framing` says.
  /// - Returns: false if the peer takes no more for the moment, or the outlet is finished or closed. True may be taken
  ///   back before the next offer (`outletBecameBlocked`), where bytes of several outlets leave together.
  func offer(_ bytes: ByteBuffer) -> Bool

  /// After what is pending: `last` (framed as for `offer`), the closing chunk where there are chunks, then the close,
  /// first of our side and, once the peer has closed its own or after the linger time, of all.
  func finish(_ last: ByteBuffer?)

  /// Closes at once; what is pending is lost.
  func abort()

  /// Whether the peer's bytes are read. Off, they wait in the kernel and slow the peer down.
  func setReading(_ on: Bool)
}

/// What an outlet tells its transport, always on the outlet's loop.
package protocol OutletReceiver: AnyObject {
  /// Bytes of the peer; never on a stream, whose input is dropped.
  func outletReceived(_ bytes: ByteBuffer)
  /// Not all of what was offered has left, though `offer` said so: offer nothing until `outletBecameReady`.
  func outletBecameBlocked()
  /// Everything offered has left; `offer` again.
  func outletBecameReady()
  /// The peer closed its sending side. The outlet is closed after this returns, unless `finish` was called by then.
  func outletInputClosed()
  /// The last call, exactly once.
  func outletClosed()
}
