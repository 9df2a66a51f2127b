import NIOCore

/// A connection above a limit: it is told so, without waiting for its request, and stays just long enough to read it.
/// What the client sends meanwhile is read and dropped, because closing on unread bytes would reset the connection and
/// destroy the answer.
final class RefusedConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let answer: ByteBuffer
  private let time: TimeAmount
  private let ledger: ConnectionLedger
  private var timer: Scheduled<Void>?

  init(answer: ByteBuffer, time: TimeAmount, ledger: ConnectionLedger) {
    self.answer = answer
    self.time = time
    self.ledger = ledger
  }

  func channelActive(context: ChannelHandlerContext) {
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
    context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
    context.close(mode: .output, promise: nil)
    context.read()
  }

  func channelReadComplete(context: ChannelHandlerContext) { context.read() }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed { context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    ledger.leaveRefusal()
  }
}
