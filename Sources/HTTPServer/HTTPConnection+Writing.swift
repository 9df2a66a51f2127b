import DirectWriter
import NIOCore

/// The connection's only way out: straight to the socket, and what that does not take through the channel.
extension HTTPConnection {
  /// Whether the kernel has taken everything.
  var isWritable: Bool { context != nil && unfinishedWrites == 0 }

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
    let rest = sendStraight(bytes)
    if rest.readableBytes == 0 { return more.map { send($0) } ?? true }
    guard let context else { return false }
    // Inside here the caller looks at the outcome itself.
    let wasSending = isSending
    isSending = true
    defer { isSending = wasSending }
    write(rest, context)
    if let more { write(more, context) }
    context.flush()
    return isWritable
  }

  private func sendStraight(_ bytes: ByteBuffer) -> ByteBuffer {
    let socket = writableSocket
    guard socket >= 0, bytes.readableBytes > 0 else { return bytes }
    var rest = bytes
    rest.moveReaderIndex(forwardBy: bytes.withUnsafeReadableBytes { DirectWriter.send($0, to: socket) })
    return rest
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
        self.socket = -1
      }
    }
    context.write(wrapOutboundOut(bytes), promise: promise)
  }
}
