import NIOCore
import NIOHTTP1

/// One HTTP/1.1 connection: the only handler of its pipeline. Reads requests one at a time, hands each to the route as
/// an exchange, and keeps the connection's clock. Confined to its loop.
///
/// Requests pipelined behind an open one stay undecoded in the parser, and reading stops when there are more than
/// `readAhead` bytes of them; until then it goes on, because only reading tells that the peer is gone.
final class HTTPConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum Phase {
    /// Between requests, or inside a head.
    case ready
    /// A request is with its route.
    case open(HTTP1Exchange)
    /// Answered; this much of the body may still be skipped.
    case skipping(left: Int)
    /// No longer HTTP's: a stream or a websocket.
    case outlet(ConnectionOutlet)
    /// The last bytes are on their way; then our side is closed.
    case leaving
    /// Our side is closed; the peer's bytes are dropped until it closes its own.
    case lingering
    case closed
  }

  let shared: LoopConnections
  let remoteAddress: String
  /// Its place in `LoopConnections`.
  var index = -1
  var waitsForTurn = false
  var parser: RequestParser
  var context: ChannelHandlerContext?
  var phase: Phase = .ready
  var inputClosed = false
  /// Kept beside `phase`: an outlet is told of the end even after `finish`.
  var outlet: ConnectionOutlet?

  var clock = ConnectionClock()
  private(set) var hasServed = false
  private var isAdvancing = false
  private var input = Input.unasked

  private enum Input {
    case unasked
    /// The channel was asked for bytes and has not brought any.
    case asked
    /// They are being handed in; whether more is wanted is asked when that is done.
    case arriving
  }
  /// The socket, while the channel is active; -1 otherwise, and where bytes must not go past the channel's handlers.
  var socket: Int32 = -1
  /// Writes that the channel was given and has not finished.
  var unfinishedWrites = 0
  var hasFailed = false
  var isSending = false

  init(shared: LoopConnections, remoteAddress: String) {
    self.shared = shared
    self.remoteAddress = remoteAddress
    parser = RequestParser(limits: shared.settings.parser)
  }

  /// Without an exchange and without a part of a request.
  var isIdle: Bool { if case .ready = phase { parser.bufferedBytes == 0 } else { false } }

  // MARK: - The channel's events

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func channelActive(context: ChannelHandlerContext) {
    socket =
      (try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }) ?? -1
    watchFirstByte()
    shared.arrive(self)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes = unwrapInboundIn(data)
    input = .arriving
    switch phase {
    case .leaving, .lingering, .closed:
      return
    case .outlet(let outlet):
      outlet.received(bytes)
    case .ready, .open, .skipping:
      parser.receive(bytes)
      guard parser.bufferedBytes <= shared.settings.bufferedInput else { return close() }
      advance()
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    input = .unasked
    readIfWanted()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let event = event as? ChannelEvent, event == .inputClosed, !inputClosed else { return }
    inputClosed = true
    input = .unasked
    switch phase {
    case .ready, .skipping: advance()
    case .open(let exchange): exchange.inputEnded()
    case .outlet(let outlet): outlet.inputEnded()
    case .lingering: close()
    case .leaving, .closed: break
    }
  }

  /// Everything that was sent has left.
  func becameWritable() {
    switch phase {
    case .ready: advance()
    case .outlet(let outlet): outlet.becameWritable()
    case .leaving: halfClose()
    case .open, .skipping, .lingering, .closed: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func channelInactive(context: ChannelHandlerContext) {
    let last = phase
    phase = .closed
    hasFailed = true
    socket = -1
    clock.stop()
    depart()
    if case .open(let exchange) = last { exchange.peerGone() }
    outlet?.closed()
    outlet = nil
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    // A connection that was gone before it became active is never told that it is inactive.
    depart()
    self.context = nil
  }

  private func depart() {
    guard index >= 0 else { return }
    shared.remove(self)
    shared.ledger.leave(remoteAddress)
  }

  // MARK: - Going on

  /// Does what the buffered bytes and the phase allow, until more bytes, the route or the peer must act.
  func advance() {
    guard !isAdvancing else { return }
    isAdvancing = true
    defer { isAdvancing = false }
    while takeStep() {}
    if case .ready = phase { watchNextRequest() }
    readIfWanted()
  }

  /// - Returns: whether there may be more to do at once.
  private func takeStep() -> Bool {
    switch phase {
    case .ready:
      // An answer that its peer does not read holds back the next request, or answers would pile up here.
      guard isWritable else { return false }
      guard parser.bufferedBytes == 0 || shared.mayBegin(self) else { return false }
      do throws(RequestSyntaxError) {
        guard case .head(let head) = try parser.next() else {
          if inputClosed { leave() }
          return false
        }
        begin(head)
        return true
      } catch {
        refuse(error.fault)
        return false
      }
    case .open(let exchange):
      exchange.pump()
      // A body that is complete leaves the exchange to its route.
      if case .ready = phase { return true }
      if case .skipping = phase { return true }
      return false
    case .skipping(let left):
      do throws(RequestSyntaxError) {
        switch try parser.next() {
        case .body(let bytes) where bytes.readableBytes <= left:
          phase = .skipping(left: left - bytes.readableBytes)
        case .end:
          phase = .ready
        case .body, .head:
          leave()
        case nil:
          if inputClosed { leave() }
          return false
        }
        return true
      } catch {
        leave()
        return false
      }
    case .outlet, .leaving, .lingering, .closed:
      return false
    }
  }

  private func begin(_ head: RequestHead) {
    guard let target = RequestTarget(utf8: head.targetBytes), head.method != "CONNECT" else {
      return refuse(
        head.method == "CONNECT"
          ? .badRequest(detail: "this server is no proxy: CONNECT is not for it")
          : RequestSyntaxError.malformedTarget.fault)
    }
    let request = HTTPRequest(
      head: head, target: target, remoteAddress: remoteAddress, scheme: shared.settings.scheme)
    hasServed = true
    clearDeadline()
    shared.counters.count(.requests)
    let exchange = HTTP1Exchange(request: request, connection: self)
    phase = .open(exchange)
    shared.route(exchange)
  }

  /// Where it came in, `address:port`.
  var localAddress: String {
    guard let address = context?.channel.localAddress, let ip = address.ipAddress, let port = address.port else {
      return ""
    }
    return ip.utf8.contains(UInt8(ascii: ":")) ? "[\(ip)]:\(port)" : "\(ip):\(port)"
  }

  /// Answers in the server's own name, and closes.
  func refuse(_ fault: HTTPFault) {
    switch fault {
    case .requestTimeout, .payloadTimeout: shared.counters.count(.timeouts)
    default: shared.counters.count(.badRequests)
    }
    var bytes = ByteBuffer()
    let response = shared.problem(fault, nil)
    shared.writer.write(response, isHead: false, connection: .close, into: &bytes)
    send(bytes, then: response.body.flatMap { $0.readableBytes > ResponseWriter.copied ? $0 : nil })
    leave()
  }

  // MARK: - Reading

  func readIfWanted() {
    guard input == .unasked, let context, wantsInput else { return }
    input = .asked
    context.read()
  }

  private var wantsInput: Bool {
    guard !inputClosed else { return false }
    return switch phase {
    case .ready: isWritable || parser.bufferedBytes < shared.settings.readAhead
    case .open(let exchange): exchange.isReading || parser.bufferedBytes < shared.settings.readAhead
    case .outlet(let outlet): outlet.wantsInput
    case .skipping, .leaving, .lingering: true
    case .closed: false
    }
  }

  // MARK: - Closing

  /// Closes our side once everything has left, and the rest once the peer has closed its own, so that the last answer
  /// is read and not destroyed by a reset.
  func leave() {
    switch phase {
    case .leaving, .lingering, .closed: return
    case .ready, .open, .skipping, .outlet: break
    }
    phase = .leaving
    if isWritable { halfClose() } else { watchStall() }
    readIfWanted()
  }

  func halfClose() {
    guard !inputClosed else { return close() }
    phase = .lingering
    watchLinger()
    context?.close(mode: .output, promise: nil)
  }

  func close() { context?.close(promise: nil) }
}
