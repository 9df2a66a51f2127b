import NIOCore

/// A connection above a limit: it is told so and stays just long enough to read it. Its request's head decides in which
/// form it is told, because a browser's event stream that gets an error never comes back; a client that sends none in
/// time is told all the same. What it sends besides is read and dropped, because closing on unread bytes would reset
/// the connection and destroy the answer.
final class RefusedConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let answer: (RequestHead?) -> ByteBuffer
  private let time: TimeAmount
  private let ledger: ConnectionLedger
  private var parser: RequestParser
  private var timer: Scheduled<Void>?
  private var isAnswered = false

  /// - Parameters:
  ///   - answer: the whole response, by the request's head if it came.
  ///   - time: for the head, and again for reading the answer.
  init(
    limits: RequestParser.Limits, time: TimeAmount, ledger: ConnectionLedger,
    answer: @escaping (RequestHead?) -> ByteBuffer
  ) {
    self.answer = answer
    self.time = time
    self.ledger = ledger
    parser = RequestParser(limits: limits)
  }

  func channelActive(context: ChannelHandlerContext) {
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) { self.refuse(context, nil) }
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isAnswered else { return }
    parser.receive(unwrapInboundIn(data))
    do throws(RequestSyntaxError) {
      if case .head(let head) = try parser.next() { refuse(context, head) }
    } catch {
      refuse(context, nil)
    }
  }

  private func refuse(_ context: ChannelHandlerContext, _ head: RequestHead?) {
    guard !isAnswered else { return }
    isAnswered = true
    timer?.cancel()
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) { context.close(promise: nil) }
    context.writeAndFlush(wrapOutboundOut(answer(head)), promise: nil)
    context.close(mode: .output, promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) { context.read() }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let event = event as? ChannelEvent, event == .inputClosed else { return }
    if isAnswered { context.close(promise: nil) } else { refuse(context, nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    ledger.leaveRefusal()
  }
}
