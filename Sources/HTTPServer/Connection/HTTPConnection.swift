import NIOCore
import TLS

/// One connection: the only handler of its channel. It brings the peer's bytes to the session that is spoken, through
/// TLS where the listener has it, sends what the session has to say, keeps the clock, and closes in good order.
/// Confined to its loop.
final class HTTPConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum Stage {
    /// It is not known yet what is spoken (`HTTPConnection+Opening.swift`).
    case opening
    case speaking(any HTTPSession)
    /// The last bytes are on their way; then our side is closed.
    case leaving
    /// Our side is closed; the peer's bytes are dropped until it closes its own.
    case lingering
    case closed
  }

  /// How the listener's ledger counts it.
  enum Place {
    case admitted(address: String?)
    /// Above a limit: its first request is answered with that, and it closes.
    case refused(HTTPFault)
    case none
  }

  let shared: LoopConnections
  /// The peer's IP address: the socket's or, behind a proxy that says it, the client's.
  var remoteAddress: String
  var place: Place
  /// Its place in `LoopConnections`.
  var index = -1
  var waitsForTurn = false
  var context: ChannelHandlerContext?
  var stage = Stage.opening
  var inputClosed = false
  /// Whether the peer is a proxy that is trusted to say for whom a request is.
  var isFromProxy: Bool
  /// Bytes that came before it was known what is spoken.
  var held = ByteBuffer()
  /// Whether the proxy before us has still to say whom it speaks for.
  var awaitsProxyHeader: Bool
  var tls: TLSSession?

  var clock = ConnectionClock()
  var hasServed = false
  private var input = Input.unasked

  private enum Input {
    case unasked
    /// The channel was asked for bytes and has not brought any.
    case asked
    /// They are being handed in; whether more is wanted is asked when that is done.
    case arriving
  }
  /// The socket, while the channel is active; -1 otherwise.
  var socket: Int32 = -1
  /// Writes that the channel was given and has not finished.
  var unfinishedWrites = 0
  var hasFailed = false
  var isSending = false

  init(shared: LoopConnections, remoteAddress: String, place: Place) {
    self.shared = shared
    self.remoteAddress = remoteAddress
    self.place = place
    awaitsProxyHeader = shared.settings.expectsProxyHeader
    isFromProxy = shared.settings.trustsProxy(at: remoteAddress)
  }

  /// With what every request on it is refused; nil if it may speak.
  var refusal: HTTPFault? { if case .refused(let fault) = place { fault } else { nil } }

  /// Without an exchange and without a part of a request.
  var isIdle: Bool {
    switch stage {
    case .opening: held.readableBytes == 0
    case .speaking(let session): session.isIdle
    case .leaving, .lingering, .closed: false
    }
  }

  var session: (any HTTPSession)? { if case .speaking(let session) = stage { session } else { nil } }

  // MARK: - The channel's events

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func channelActive(context: ChannelHandlerContext) {
    socket =
      (try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }) ?? -1
    beginOpening()
    shared.arrive(self)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    input = .arriving
    let bytes = unwrapInboundIn(data)
    if tls == nil || awaitsProxyHeader { receive(bytes) } else { decrypt(bytes) }
  }

  /// Bytes of the peer in clear.
  func receive(_ bytes: ByteBuffer) {
    switch stage {
    case .opening: open(with: bytes)
    case .speaking(let session): session.receive(bytes)
    case .leaving, .lingering, .closed: break
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    input = .unasked
    readIfWanted()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed { inputEnded() }
  }

  /// The peer has closed its sending side, of the socket or of TLS.
  func inputEnded() {
    guard !inputClosed else { return }
    inputClosed = true
    input = .unasked
    switch stage {
    case .opening: endedWhileOpening()
    case .speaking(let session): session.inputEnded()
    case .lingering: close()
    case .leaving, .closed: break
    }
  }

  /// Everything that was sent has left.
  func becameWritable() {
    switch stage {
    case .speaking(let session): session.becameWritable()
    case .leaving: halfClose()
    case .opening, .lingering, .closed: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func channelInactive(context: ChannelHandlerContext) {
    let last = stage
    stage = .closed
    hasFailed = true
    socket = -1
    clock.stop()
    depart()
    spoken?.connectionClosed()
    spoken = nil
    if case .opening = last { closedWhileOpening() }
    tls?.free()
    tls = nil
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    // A connection that was gone before it became active is never told that it is inactive.
    depart()
    tls?.free()
    tls = nil
    self.context = nil
  }

  /// Kept beside `stage`: a session is told of the end also after `leave`.
  private var spoken: (any HTTPSession)?

  func speak(_ session: any HTTPSession) {
    spoken = session
    stage = .speaking(session)
  }

  func depart() {
    switch place {
    case .admitted(let address):
      shared.remove(self)
      shared.ledger.leave(address)
    case .refused: shared.ledger.leaveRefusal()
    case .none: break
    }
    place = .none
  }

  // MARK: - Going on

  /// The turn of this connection has come (`LoopConnections`).
  func advance() { session?.advance() }

  /// A request that goes to the route now.
  func request(_ head: RequestHead, _ target: RequestTarget) -> HTTPRequest {
    hasServed = true
    shared.counters.count(.requests)
    let scheme = tls == nil ? "http" : "https"
    guard isFromProxy else {
      return HTTPRequest(head: head, target: target, remoteAddress: remoteAddress, scheme: scheme)
    }
    let client = ForwardedFields.client(of: head.headers, trusted: shared.settings.trustedProxies)
    return HTTPRequest(
      head: head, target: target, remoteAddress: client.address ?? remoteAddress, scheme: client.scheme ?? scheme,
      forwardedAuthority: client.authority)
  }

  var eventLoop: (any EventLoop)? { context?.eventLoop }

  /// Where it came in, `address:port`.
  var localAddress: String {
    guard let address = context?.channel.localAddress, let ip = address.ipAddress, let port = address.port else {
      return ""
    }
    return ip.utf8.contains(UInt8(ascii: ":")) ? "[\(ip)]:\(port)" : "\(ip):\(port)"
  }

  func readIfWanted() {
    guard input == .unasked, let context, wantsInput else { return }
    input = .asked
    context.read()
  }

  private var wantsInput: Bool {
    guard !inputClosed else { return false }
    return switch stage {
    case .opening, .leaving, .lingering: true
    case .speaking(let session): session.wantsInput
    case .closed: false
    }
  }

  /// Counts what was refused, by its kind.
  func count(_ fault: HTTPFault) {
    switch fault {
    case .requestTimeout, .payloadTimeout: shared.counters.count(.timeouts)
    case .tooManyConnections, .tooManyConnectionsFromAddress: break
    default: shared.counters.count(.badRequests)
    }
  }

  // MARK: - Closing

  /// Takes no more requests than those that are open.
  func goAway() {
    switch stage {
    case .opening: close()
    case .speaking(let session): session.goAway()
    case .leaving, .lingering, .closed: break
    }
  }

  /// Closes our side once everything has left, and the rest once the peer has closed its own, so that the last answer
  /// is read and not destroyed by a reset.
  func leave() {
    switch stage {
    case .leaving, .lingering, .closed: return
    case .opening, .speaking: break
    }
    stage = .leaving
    if let tls, tls.isEstablished {
      tls.close()
      sendOutput()
    }
    if isWritable { halfClose() } else { watchStall() }
    readIfWanted()
  }

  private func halfClose() {
    guard !inputClosed else { return close() }
    stage = .lingering
    watchLinger()
    context?.close(mode: .output, promise: nil)
  }

  func close() { context?.close(promise: nil) }
}
