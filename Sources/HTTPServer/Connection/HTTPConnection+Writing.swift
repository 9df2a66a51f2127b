import DirectWriter
import Logging
import NIOCore
import TLS

/// The connection's only way out: through TLS where there is any, straight to the socket, and what that does not take
/// through the channel.
extension HTTPConnection {
  /// Whether the kernel has taken everything.
  var isWritable: Bool { context != nil && unfinishedWrites == 0 && !hasFailed }

  /// The socket, if bytes of the session may be written straight to it now (`DirectWriter`, rule 2); else -1. Never
  /// under TLS.
  var writableSocket: Int32 { tls == nil ? freeSocket : -1 }

  /// The socket, while the channel has nothing to write before us.
  private var freeSocket: Int32 { unfinishedWrites == 0 ? socket : -1 }

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
    if tls != nil { return encrypt(bytes, more) }
    var (rest, more) = sendStraight(bytes, more)
    guard rest.readableBytes > 0 || more != nil else { return isWritable }
    if rest.readableBytes == 0, let last = more { (rest, more) = (last, nil) }
    return sendThroughChannel(rest, more)
  }

  /// - Returns: what the socket did not take; nil of the second if it took all of that.
  private func sendStraight(_ bytes: ByteBuffer, _ more: ByteBuffer?) -> (ByteBuffer, ByteBuffer?) {
    let socket = freeSocket
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

  private func sendThroughChannel(_ bytes: ByteBuffer, _ more: ByteBuffer?) -> Bool {
    guard let context else { return false }
    // Inside here the caller looks at the outcome itself.
    let wasSending = isSending
    isSending = true
    defer { isSending = wasSending }
    write(bytes, context)
    if let more { write(more, context) }
    context.flush()
    return isWritable
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

  // MARK: - TLS

  private func encrypt(_ bytes: ByteBuffer, _ more: ByteBuffer?) -> Bool {
    guard let tls else { return false }
    do throws(TLSError) {
      try bytes.withUnsafeReadableBytes { (bytes) throws(TLSError) in try tls.write(bytes) }
      try more?.withUnsafeReadableBytes { (bytes) throws(TLSError) in try tls.write(bytes) }
    } catch {
      shared.logger.debug("TLS failed", metadata: ["address": "\(remoteAddress)", "error": "\(error)"])
      close()
      return false
    }
    return sendOutput()
  }

  /// Sends the records that TLS has made, those of the handshake too.
  ///
  /// - Returns: as for `send`.
  @discardableResult
  func sendOutput() -> Bool {
    let output = shared.tlsOutput
    guard !output.isEmpty else { return isWritable }
    let socket = freeSocket
    var rest: ByteBuffer?
    output.withBytes { bytes in
      let taken = socket >= 0 ? DirectWriter.send(bytes, to: socket) : 0
      if taken < bytes.count { rest = ByteBuffer(bytes: bytes[taken...]) }
    }
    output.clear()
    return rest.map { sendThroughChannel($0, nil) } ?? isWritable
  }
}
