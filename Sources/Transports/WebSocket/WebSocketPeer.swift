import HTTPServer
import NIOCore
import HTTPSyntax
import WebSocket
import WireFormat

/// What happens on a WebSocket, told on its loop.
protocol WebSocketPeerDelegate: AnyObject {
  func received(_ kind: MessageKind, _ payload: [UInt8])
  /// The peer lives: a message, a ping or a pong came.
  func sawLife()
  /// No more is to be written until `becameReady`, whatever was answered to the last writes.
  func becameBlocked()
  /// What was written before has left: more may be written.
  func becameReady()
  /// The WebSocket closes: nothing is to be written any more. Comes before `closed`, at most once.
  func stopped()
  /// Nothing comes any more, and nothing can be said; the last call.
  func closed()
}

/// One WebSocket over an outlet: frames in and out, pings answered, closing done as RFC 6455 section 7 says. Reading
/// pauses while the peer does not take what is written, so what waits here is at most the answers to one read; those
/// leave together.
final class WebSocketPeer: OutletReceiver {
  private let outlet: any Outlet
  private let connection: WebSocketConnection
  private let context: TransportContext
  /// Strong: nobody else may hold it while the closing handshake is under way.
  private var delegate: (any WebSocketPeerDelegate)?
  private var closing = ClosingHandshake()
  private var closeTimer: Scheduled<Void>?
  /// Frames written while the outlet took none, or while a read is being answered.
  private var held = ByteBuffer()
  /// Within `outletReceived`.
  private var isReceiving = false
  /// Somebody was told that it is not ready, so a call of `becameReady` is owed.
  private var owesReady = false
  private var isStopped = false
  private var isClosed = false
  let isCompressed: Bool

  /// How long the peer may take to answer a close frame.
  private static let closeTime = TimeAmount.seconds(5)
  /// How much may gather while a read is answered before those who write are told to wait: one page or so.
  private static let mostHeld = 64 << 10

  /// Checks the opening handshake and answers it.
  ///
  /// - Returns: nil if it was refused; that was answered then.
  static func accept(
    _ exchange: any HTTPExchange, headers: HTTPHeaders, subprotocols: [String], maxMessageBytes: Int,
    context: TransportContext, delegate: any WebSocketPeerDelegate
  ) -> WebSocketPeer? {
    let request = exchange.request.headers
    do throws(HandshakeError) {
      try WebSocketHandshake.checkVersion(request["sec-websocket-version"])
      let key =
        exchange.request.hasWebSocketKey ? try WebSocketHandshake.key(in: request["sec-websocket-key"]) : nil
      let subprotocol = try WebSocketHandshake.chooseSubprotocol(
        offered: request["sec-websocket-protocol"], from: subprotocols)
      let extensions =
        context.settings.compressesWebSockets
        ? try PermessageDeflate.answer(to: request["sec-websocket-extensions"]) : nil
      var headers = headers
      if let key { headers.add(name: "Sec-WebSocket-Accept", value: WebSocketHandshake.acceptKey(for: key)) }
      if let subprotocol { headers.add(name: "Sec-WebSocket-Protocol", value: subprotocol) }
      if let extensions { headers.add(name: "Sec-WebSocket-Extensions", value: extensions) }
      let peer = WebSocketPeer(
        exchange.acceptWebSocket(headers: headers), maxMessageBytes: maxMessageBytes, isCompressed: extensions != nil,
        context: context, delegate: delegate)
      return peer
    } catch {
      var headers = headers
      if let header = error.header { headers.add(name: header.name, value: header.value) }
      let reason = "The WebSocket handshake cannot be accepted: \(error)."
      exchange.refuse(error.status == 426 ? .upgradeRequired(reason) : .badRequest(reason), headers: headers)
      return nil
    }
  }

  private init(
    _ outlet: any Outlet, maxMessageBytes: Int, isCompressed: Bool, context: TransportContext,
    delegate: any WebSocketPeerDelegate
  ) {
    self.outlet = outlet
    self.context = context
    self.delegate = delegate
    self.isCompressed = isCompressed
    connection = WebSocketConnection(
      role: .server, maxMessageBytes: maxMessageBytes, inflater: isCompressed ? context.inflater : nil)
  }

  /// Begins to read; the peer's bytes may come before this returns.
  func start() { outlet.receiver = self }

  // MARK: Reading

  /// Off: its delegate has enough to do. What was read already still comes.
  var isWanted = true {
    didSet { if isWanted != oldValue { updateReading() } }
  }

  /// Whether the peer's frames are read, or wait because of us.
  var isReading: Bool { !closing.maySend || isWanted && !owesReady }

  private func updateReading() { outlet.setReading(isReading) }

  // MARK: Writing

  /// Whether more may be written without piling up.
  var isReady: Bool {
    isReceiving
      ? outlet.isWritable && held.readableBytes < Self.mostHeld : outlet.isWritable && held.readableBytes == 0
  }

  /// Where frames may be written straight to; -1 if they may not now.
  var socket: Int32 { closing.maySend && !isReceiving && held.readableBytes == 0 ? outlet.socket : -1 }

  /// Frames that are encoded already. - Returns: false if no more is to come until `becameReady`.
  func offer(_ frames: ByteBuffer) -> Bool {
    guard closing.maySend else { return false }
    return send(frames)
  }

  /// Any frames, at any time. - Returns: whether it is ready for more.
  @discardableResult
  func write(_ frames: [UInt8]) -> Bool {
    guard !isClosed else { return false }
    return send(ByteBuffer(bytes: frames))
  }

  /// Nothing overtakes what is held.
  private func send(_ frames: ByteBuffer) -> Bool {
    if isReceiving || !isReady {
      if held.readableBytes == 0 { held = frames } else { held.writeImmutableBuffer(frames) }
      return pausing(isReceiving && isReady)
    }
    return pausing(outlet.offer(frames))
  }

  private func pausing(_ isReady: Bool) -> Bool {
    if !isReady {
      owesReady = true
      updateReading()
      delegate?.becameBlocked()
    }
    return isReady
  }

  /// Offers what is held. - Returns: whether the peer took it all.
  private func offerHeld() -> Bool {
    guard held.readableBytes > 0 else { return true }
    let frames = held
    held = ByteBuffer()
    return outlet.offer(frames)
  }

  /// What those who wait to write are owed.
  private func tellReady() {
    owesReady = false
    updateReading()
    delegate?.becameReady()
  }

  @discardableResult
  func writeText(_ payload: [UInt8]) -> Bool {
    guard closing.maySend else { return false }
    var frame: [UInt8] = []
    payload.withUnsafeBytes { WebSocketFrame.text($0, to: &frame) }
    return write(frame)
  }

  /// A message compressed if both sides agreed to and it gets shorter.
  func writeMessage(_ kind: MessageKind, _ payload: [UInt8]) {
    guard closing.maySend else { return }
    var frame: [UInt8] = []
    var compressed: [UInt8] = []
    if isCompressed, payload.count >= context.settings.compressionMinBytes {
      payload.withUnsafeBytes { context.deflater.compress($0, appendTo: &compressed) }
    }
    let isSmaller = !compressed.isEmpty && compressed.count < payload.count
    (isSmaller ? compressed : payload).withUnsafeBytes { bytes in
      switch kind {
      case .text: WebSocketFrame.text(bytes, rsv1: isSmaller, to: &frame)
      case .binary: WebSocketFrame.binary(bytes, rsv1: isSmaller, to: &frame)
      }
    }
    write(frame)
  }

  func ping() {
    guard closing.maySend else { return }
    var frame: [UInt8] = []
    WebSocketFrame.ping(to: &frame)
    write(frame)
  }

  // MARK: Closing

  /// Says goodbye and waits a little for the peer's.
  func close(_ code: UInt16, _ reason: String) {
    guard closing.start() else { return }
    stop()
    var frame: [UInt8] = []
    WebSocketFrame.close(code: code, reason: reason, to: &frame)
    write(frame)
    updateReading()
    closeTimer = outlet.eventLoop.assumeIsolated().scheduleTask(in: Self.closeTime) { [weak self] in self?.end() }
  }

  /// Ends at once; what is on its way is lost.
  func abort() { outlet.abort() }

  private func stop() {
    guard !isStopped else { return }
    isStopped = true
    delegate?.stopped()
  }

  private func end(with last: UInt16?? = .none) {
    guard !isClosed else { return }
    stop()
    closeTimer?.cancel()
    if let code = last {
      var frame: [UInt8] = []
      WebSocketFrame.close(code: code, to: &frame)
      held.writeBytes(frame)
    }
    outlet.finish(held.readableBytes > 0 ? held : nil)
    held.clear()
  }

  // MARK: From the connection

  func outletReceived(_ bytes: ByteBuffer) {
    context.receivedBytes += UInt64(bytes.readableBytes)
    isReceiving = true
    receive(bytes)
    isReceiving = false
    // What is still on its way goes first; the outlet says when.
    guard outlet.isWritable else { return }
    if !offerHeld() {
      _ = pausing(false)
    } else if owesReady {
      tellReady()
    }
  }

  private func receive(_ bytes: ByteBuffer) {
    do throws(WebSocketError) {
      try bytes.withUnsafeReadableBytes { (bytes) throws(WebSocketError) in
        try connection.receive(bytes, emit: handle)
      }
    } catch {
      guard let code = closing.fail(error) else { return end() }
      var frame: [UInt8] = []
      WebSocketFrame.close(code: code, reason: "\(error)", to: &frame)
      held.writeBytes(frame)
      end()
    }
  }

  private func handle(_ event: WebSocketEvent) {
    switch event {
    case .message, .ping, .pong: delegate?.sawLife()
    case .close: break
    }
    switch event {
    case .message(let kind, let payload):
      if closing.maySend { delegate?.received(kind, payload) }
    case .ping(let payload):
      guard closing.maySend else { return }
      var frame: [UInt8] = []
      WebSocketFrame.pong(payload, to: &frame)
      write(frame)
    case .pong:
      break
    case .close(let code, _):
      switch closing.received(code: code) {
      case .echo(let code): end(with: .some(code))
      case .end: end()
      case .ignore: break
      }
    }
  }

  func outletBecameBlocked() { _ = pausing(false) }

  func outletBecameReady() {
    if offerHeld() { tellReady() }
  }

  func outletInputClosed() {}

  func outletClosed() {
    guard !isClosed else { return }
    isClosed = true
    closeTimer?.cancel()
    delegate?.closed()
    delegate = nil
  }
}
