import Delivery
import HTTPServer
import NIOCore
import HTTPSyntax
import StreamLog
import StreamStores
import WebSocket
import WireFormat

/// A subscriber on a WebSocket: it may subscribe, unsubscribe and publish while it is connected (protocol section 4).
final class WebSocketSink: SubscriberSink, WebSocketPeerDelegate {
  static let subprotocol = "sluice.v1.json"

  let context: TransportContext
  private let session: String
  private let address: String
  private(set) var peer: WebSocketPeer?
  private(set) var handle: SubscriberHandle?
  private var pongTimer: Scheduled<Void>?
  /// Commands that are not answered yet.
  var unanswered = Unanswered()
  /// Backlogs whose end was not told yet.
  var backlogs = 0
  private var isCounted = false

  static func open(
    _ exchange: any HTTPExchange, _ request: StreamRequest, headers: HTTPHeaders, context: TransportContext
  ) {
    guard !context.admission.isDraining else { return exchange.refuse(.draining(retryAfter: 1), headers: headers) }
    let sink = WebSocketSink(address: exchange.request.remoteAddress, context: context)
    guard
      let peer = WebSocketPeer.accept(
        exchange, headers: headers, subprotocols: [subprotocol], maxMessageBytes: context.settings.messageBytes + 4096,
        context: context, delegate: sink)
    else { return }
    sink.peer = peer
    context.opened(.websocket, sink)
    sink.isCounted = true
    if request.start != nil { sink.backlogs = 1 }
    sink.subscribed(
      context.hub.subscribe(
        Hub.Request(
          patterns: request.patterns, start: request.start,
          encoding: context.encoding(.websocket, isVariant: peer.isCompressed),
          heartbeatSeconds: context.settings.websocketHeartbeatSeconds),
        sink: sink))
    peer.start()
  }

  private init(address: String, context: TransportContext) {
    self.context = context
    self.address = address
    session = context.makeSession()
  }

  private func subscribed(_ handle: SubscriberHandle) {
    self.handle = handle
    if let peer, !peer.isReady { context.hub.blocked(handle) }
  }

  var description: SinkDescription {
    SinkDescription(session: session, transport: TransportKind.websocket.rawValue, address: address)
  }

  // MARK: From the hub

  func opened(at offset: Offset?, isRewinding: Bool) {
    say(
      .hello(
        id: offset.map(context.hub.position), heartbeat: context.settings.websocketHeartbeatSeconds, session: session))
  }

  func deliver(_ bytes: ByteBuffer, through: Offset) -> Bool { peer?.offer(bytes) ?? false }

  var socket: Int32 { peer?.socket ?? -1 }

  func caughtUp(at offset: Offset, refs: [Ref?]) {
    backlogs -= refs.count
    for ref in refs { say(.caughtUp(id: context.hub.position(at: offset), ref: ref)) }
  }

  func heartbeat(at offset: Offset) {
    say(.heartbeat(id: context.hub.position(at: offset)))
    guard pongTimer == nil, let peer else { return }
    peer.ping()
    awaitLife()
  }

  /// A peer is gone if nothing comes from it for the pong time, but only while we read: what it said may wait unread.
  private func awaitLife() {
    pongTimer?.cancel()
    pongTimer = context.hub.eventLoop.assumeIsolated().scheduleTask(
      in: .seconds(Int64(context.settings.pongSeconds))
    ) { [weak self] in
      guard let self, let peer else { return }
      guard peer.isReading else { return awaitLife() }
      pongTimer = nil
      // It may hear this when its network is back, and is to come back then.
      peer.close(CloseCode.noPong, "no pong within \(context.settings.pongSeconds) s")
    }
  }

  func refused(_ refusal: StoreRefusal) {
    handle = nil
    say(.error(refusal.problem()))
    peer?.close(refusal.isTemporary ? CloseCode.tryAgainLater : CloseCode.policyViolation, "cannot subscribe")
  }

  func dismissed(_ reason: DismissalReason) {
    handle = nil
    switch reason {
    case .memory:
      context.cutOff(self)
      peer?.abort()
    case .disconnected:
      peer?.close(CloseCode.disconnectedByOperator, "disconnected by the operator")
    case .draining(let afterMilliseconds):
      say(.reconnect(afterMs: afterMilliseconds))
      peer?.close(CloseCode.serviceRestart, "restarting")
    }
  }

  /// Writes a control; if the peer does not take it at once, `becameBlocked` makes the hub wait.
  func say(_ control: Control) {
    guard let peer else { return }
    if peer.writeText(control.encoded), let handle { context.hub.touched(handle) }
  }

  // MARK: From the peer

  func received(_ kind: MessageKind, _ payload: [UInt8]) {
    guard kind == .text else {
      peer?.close(CloseCode.unsupportedData, "commands are JSON in text messages")
      return
    }
    do throws(CommandError) {
      follow(try ClientCommand(payload, maxTopics: context.settings.requests.topics))
    } catch {
      say(.error(error.problem, ref: error.ref))
    }
  }

  func sawLife() {
    pongTimer?.cancel()
    pongTimer = nil
  }

  func becameBlocked() {
    if let handle { context.hub.blocked(handle) }
  }

  func becameReady() {
    readsAgain()
    if let handle { context.hub.ready(handle) }
  }

  /// The time for a pong begins when it can be read.
  func readsAgain() {
    if pongTimer != nil { awaitLife() }
  }

  func stopped() {
    pongTimer?.cancel()
    pongTimer = nil
    guard let handle else { return }
    self.handle = nil
    context.hub.unsubscribe(handle)
  }

  func closed() {
    stopped()
    peer = nil
    if isCounted {
      isCounted = false
      context.closed(.websocket, self)
    }
  }
}
