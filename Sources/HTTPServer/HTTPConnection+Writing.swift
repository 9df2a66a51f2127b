import DirectWriter
import NIOCore

/// The connection's only way out: straight to the socket, and what that does not take through the channel.
extension HTTPConnection {
  /// Whether the kernel has taken everything.
  var isWritable: Bool { context != nil && unfinishedWrites == 0 && !hasFailed }

  /// The socket, if bytes may be written straight to it now (`DirectWriter`, rule 2); else -1.
  var writableSocket: Int32 { unfinishedWrites == 0 ? socket : -1 }

  /// Bytes that the channel was given and the kernel has not taken.
  var pendingBytes: Int {
    guard unfinishedWrites > 0, let options = context?.channel.syncOptions else { return 0 }
    return (try? options.getOption(.bufferedWritableBytes)) ?? 0
  }

  /// Sends bytes after all that was sent before. The connection may be closed when this returns.
  ///
  /// - Returns: whether the kernel took all; if not, `becameWritable` follows, or the connection closes.
  @discardableResult
  func send(_ bytes: ByteBuffer, then more: ByteBuffer? = nil) -> Bool {
    var (rest, more) = sendStraight(bytes, more)
    guard rest.readableBytes > 0 || more != nil else { return isWritable }
    guard let context else { return false }
    // Inside here the caller looks at the outcome itself.
    let wasSending = isSending
    isSending = true
    defer { isSending = wasSending }
    if rest.readableBytes == 0, let last = more { (rest, more) = (last, nil) }
    write(rest, context)
    if let more { write(more, context) }
    context.flush()
    return isWritable
  }

  /// - Returns: what the socket did not take; nil of the second if it took all of that.
  private func sendStraight(_ bytes: ByteBuffer, _ more: ByteBuffer?) -> (ByteBuffer, ByteBuffer?) {
    let socket = writableSocket
    guard socket >= 0 else { return (bytes, more) }
    var rest = bytes
    guard var last = more, last.readableBytes > 0 else {
      if bytes.readableBytes > 0 {
        rest.moveReaderIndex(forwardBy: bytes.withUnsafeReadableBytes { DirectWriter.send($0, to: socket) })
      }
      return (rest, nil)
    }
    let taken = bytes.withUnsafeReadableBytes { first in
      last.withUnsafeReadableBytes { second in DirectWriter.send(first, then: second, to: socket) }
    }
    rest.moveReaderIndex(forwardBy: min(taken, rest.readableBytes))
    last.moveReaderIndex(forwardBy: max(0, taken - bytes.readableBytes))
    return (rest, last.readableBytes > 0 ? last : nil)
  }

  private func write(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
    unfinishedWrites += 1
    let promise = context.eventLoop.makePromise(of: Void.self)
    promise.futureResult.assumeIsolated().whenComplete { result in
      self.unfinishedWrites -= 1
      switch result {
      case .success:
        if self.unfinishedWrites == 0, !self.isSending { self.becameWritable() }
      case .failure:
        // The channel has closed the socket, and says so next.
        self.hasFailed = true
        self.socket = -1
      }
    }
    context.write(wrapOutboundOut(bytes), promise: promise)
  }
}
