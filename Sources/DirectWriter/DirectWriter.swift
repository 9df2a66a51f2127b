#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writing straight to a socket, past the event loop's channel: one system call and nothing else. The channel keeps
/// the rest: opening, reading, closing, and every byte that the socket does not take at once.
///
/// The rules, for whoever calls this:
/// 1. **On the connection's own loop only.** The channel owns the descriptor and closes it there, so it cannot be
///    another connection's in the middle of a write. Who keeps a descriptor lets go of it when the channel says that
///    it is inactive, and asks for it anew for the next connection.
/// 2. **Only while the channel holds nothing.** Every outbound byte of such a connection passes `HTTPConnection.send`,
///    which counts what it gave to the channel and what of that is unfinished. With anything unfinished the socket is
///    not to be had: bytes would overtake those that wait.
/// 3. **What the socket did not take goes through the channel**, and nothing is written straight until that is done.
///    Of a burst only the rest of the message that was cut goes there, copied if what it lies in is much larger: the
///    reader is a position and reads on from it, so what a stalled peer keeps is one message.
/// 4. **No error is acted upon here.** A write that failed took nothing; its bytes go to the channel, which meets the
///    error itself, closes, and says so in its own order. Nothing is called back from inside a batch.
/// 5. **The sending side is never closed under a writer**: the channel would still count as active. A connection that
///    ends lets go of its subscriber first.
/// 6. **A peer that takes nothing** is the channel's affair as well: what it holds has a deadline.
///
/// A burst is a batch (`WriteBatch`): filled, submitted, and asked what is unfinished. With this writer it is complete
/// when `submit` returns; one that hands batches to the kernel can take its place behind the same calls.
package enum DirectWriter {
  private static let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)

  /// - Returns: how many bytes the socket took, from the first on; 0 if it takes none now or failed.
  @inline(__always)
  package static func send(_ bytes: UnsafeRawBufferPointer, to socket: Int32) -> Int {
    max(systemSend(socket, bytes.baseAddress, bytes.count, flags), 0)
  }

  /// The same for two pieces, in one call.
  package static func send(
    _ first: UnsafeRawBufferPointer, then second: UnsafeRawBufferPointer, to socket: Int32
  ) -> Int {
    withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { parts in
      for (index, piece) in [first, second].enumerated() {
        // Only read through; the type is what the system call wants.
        let start = UnsafeMutableRawPointer(mutating: piece.baseAddress)
        parts.initializeElement(at: index, to: iovec(iov_base: start, iov_len: piece.count))
      }
      return send(parts, to: socket)
    }
  }

  /// The same for bytes that do not lie together.
  static func send(_ parts: UnsafeMutableBufferPointer<iovec>, to socket: Int32) -> Int {
    var message = msghdr()
    message.msg_iov = parts.baseAddress
    message.msg_iovlen = .init(parts.count)
    return max(sendmsg(socket, &message, flags), 0)
  }
}

/// The system's `send`, which the functions above would hide.
@inline(__always)
private func systemSend(_ socket: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ flags: Int32) -> Int {
  send(socket, bytes, count, flags)
}
