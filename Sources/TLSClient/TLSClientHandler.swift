package import NIOCore
package import TLS

/// TLS at the client's end of a connection: the first handler of its channel. What is written before the handshake is
/// done waits for it. What goes wrong is told as a `TLSError`, then the channel is closed.
final class TLSClientHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let session: TLSSession
  private let output = TLSOutput()
  private var waiting: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
  private var hasFailed = false
  /// Called once, before anything that came over the session is handed on.
  private let onEstablished: ((TLSSession) -> Void)?

  /// - Parameter host: whose certificate it must be.
  init(_ context: TLSContext, host: String, onEstablished: ((TLSSession) -> Void)? = nil) {
    session = TLSSession(context, output: output, serverName: host)
    self.onEstablished = onEstablished
  }

  func channelActive(context: ChannelHandlerContext) {
    do throws(TLSError) { try session.start() } catch { return failed(error, context) }
    send(context)
    context.read()
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !hasFailed else { return }
    let records = unwrapInboundIn(data)
    var clear = ByteBuffer()
    let wasEstablished = session.isEstablished
    do throws(TLSError) {
      try records.withUnsafeReadableBytes { (bytes) throws(TLSError) in
        try session.receive(bytes) { space, write in
          clear.writeWithUnsafeMutableBytes(minimumWritableBytes: space, write)
        }
      }
    } catch {
      return failed(error, context)
    }
    send(context)
    if !wasEstablished, session.isEstablished {
      onEstablished?(session)
      for (bytes, promise) in waiting { encrypt(bytes, promise, context) }
      waiting = []
      context.flush()
    }
    if clear.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(clear)) }
    if session.isInputEnded { context.close(promise: nil) }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    // Nobody else asks for what the handshake needs.
    if !session.isEstablished, !hasFailed { context.read() }
    context.fireChannelReadComplete()
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let bytes = unwrapOutboundIn(data)
    if session.isEstablished { encrypt(bytes, promise, context) } else { waiting.append((bytes, promise)) }
  }

  private func encrypt(_ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
    do throws(TLSError) {
      try bytes.withUnsafeReadableBytes { (bytes) throws(TLSError) in try session.write(bytes) }
    } catch {
      promise?.fail(error)
      return failed(error, context)
    }
    context.write(wrapOutboundOut(takeOutput()), promise: promise)
  }

  private func takeOutput() -> ByteBuffer {
    defer { output.clear() }
    return output.withBytes { ByteBuffer(bytes: $0) }
  }

  private func send(_ context: ChannelHandlerContext) {
    if !output.isEmpty { context.writeAndFlush(wrapOutboundOut(takeOutput()), promise: nil) }
  }

  private func failed(_ error: TLSError, _ context: ChannelHandlerContext) {
    guard !hasFailed else { return }
    hasFailed = true
    send(context)
    context.fireErrorCaught(error)
    context.close(promise: nil)
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    if session.isEstablished {
      session.close()
      send(context)
    }
    context.close(mode: mode, promise: promise)
  }

  func channelInactive(context: ChannelHandlerContext) {
    for (_, promise) in waiting { promise?.fail(ChannelError.ioOnClosedChannel) }
    waiting = []
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { free() }

  func free() { session.free() }
}

extension Channel {
  /// Puts TLS first on a channel that has just been made. On its event loop.
  ///
  /// - Parameters:
  ///   - host: whose certificate it must be: a name or an address.
  ///   - onEstablished: called once, on the event loop, before anything that came over the session is handed on.
  package func secure(
    _ context: TLSContext, host: String, onEstablished: ((TLSSession) -> Void)? = nil
  ) throws {
    let handler = TLSClientHandler(context, host: host, onEstablished: onEstablished)
    do {
      try pipeline.syncOperations.addHandler(handler)
    } catch {
      // The channel is closed already, and will not tell the handler that it is gone.
      handler.free()
      throw error
    }
  }
}
