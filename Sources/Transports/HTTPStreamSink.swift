import Delivery
import HTTPServer
import NIOCore
import HTTPSyntax
import StreamLog
import StreamStores
import WireFormat

/// A subscriber on a response without an end: sse or ndjson. What differs between the two is their encoding.
final class HTTPStreamSink: SubscriberSink, OutletReceiver {
  private let context: TransportContext
  private let kind: TransportKind
  private let heartbeatSeconds: Int
  private let encoding: any StreamEncoding
  private let session: String
  private let address: String
  /// Until the stream is open.
  private var exchange: (any HTTPExchange)?
  private let headers: HTTPHeaders
  private var outlet: (any Outlet)?
  private var handle: SubscriberHandle?
  private var isRewinding = false
  private var isCounted = false

  static func open(
    _ exchange: any HTTPExchange, _ request: StreamRequest, headers: HTTPHeaders, context: TransportContext
  ) {
    let number = context.encoding(request.transport, framing: exchange.streamFraming, isVariant: request.isRaw)
    let sink = HTTPStreamSink(
      exchange, kind: request.transport, headers: headers, encoding: context.hub.encoding(number), context: context)
    guard !context.admission.isDraining else { return sink.turnAway(.draining(retryAfter: 1)) }
    let handle = context.hub.subscribe(
      Hub.Request(
        patterns: request.patterns, start: request.start, encoding: number,
        heartbeatSeconds: sink.heartbeatSeconds),
      sink: sink)
    sink.subscribed(handle)
  }

  private init(
    _ exchange: any HTTPExchange, kind: TransportKind, headers: HTTPHeaders, encoding: any StreamEncoding,
    context: TransportContext
  ) {
    self.exchange = exchange
    self.kind = kind
    self.encoding = encoding
    self.context = context
    self.headers = headers
    session = context.makeSession()
    address = exchange.request.remoteAddress
    heartbeatSeconds =
      kind == .sse ? context.settings.sseHeartbeatSeconds : context.settings.ndjsonHeartbeatSeconds
  }

  private func subscribed(_ handle: SubscriberHandle) {
    // The peer may have gone while it was being answered.
    guard outlet != nil || exchange != nil else { return context.hub.unsubscribe(handle) }
    self.handle = handle
    if let outlet, !outlet.isWritable { context.hub.blocked(handle) }
    // Where it begins may not be known yet: the peer may leave meanwhile.
    exchange?.onClosed = { [weak self] in self?.outletClosed() }
  }

  var description: SinkDescription {
    SinkDescription(session: session, transport: kind.rawValue, address: address)
  }

  // MARK: From the hub

  func opened(at offset: Offset?, isRewinding: Bool) {
    self.isRewinding = isRewinding
    let hello = Control.hello(id: offset.map(context.hub.position), heartbeat: heartbeatSeconds, session: session)
    openOutlet()
    say(hello)
  }

  private func openOutlet() {
    guard let exchange else { return }
    self.exchange = nil
    exchange.onClosed = nil
    var headers = headers
    headers.addStreamFields(contentType: kind == .sse ? "text/event-stream" : "application/x-ndjson")
    let outlet = exchange.openStream(status: 200, headers: headers)
    outlet.receiver = self
    self.outlet = outlet
    context.opened(kind, self)
    isCounted = true
  }

  func deliver(_ bytes: ByteBuffer, through: Offset) -> Bool { outlet?.offer(bytes) ?? false }

  var socket: Int32 { outlet?.socket ?? -1 }

  func caughtUp(at offset: Offset, refs: [Ref?]) {
    isRewinding = false
    say(.caughtUp(id: context.hub.position(at: offset)))
  }

  func heartbeat(at offset: Offset) { say(.heartbeat(id: context.hub.position(at: offset))) }

  private func say(_ control: Control) {
    guard let outlet, !outlet.offer(bytes(control)), let handle else { return }
    context.hub.blocked(handle)
  }

  private func bytes(_ control: Control) -> ByteBuffer {
    var buffer = ByteBuffer()
    encoding.append(control, isRewinding: isRewinding, to: &buffer)
    return buffer
  }

  func refused(_ refusal: StoreRefusal) { turnAway(refusal.problem(), isTemporary: refusal.isTemporary) }

  /// A browser's EventSource that gets anything but 200 never comes back, so it is told to in a stream of its own.
  private func turnAway(_ problem: Problem, isTemporary: Bool = true) {
    if isTemporary, kind == .sse {
      exchange?.respond(
        HTTPResponse(
          eventStreamRefusal: problem, retryMilliseconds: context.settings.retryMilliseconds, headers))
    } else {
      exchange?.refuse(problem, headers: headers)
    }
    exchange = nil
  }

  func dismissed(_ reason: DismissalReason) {
    handle = nil
    // One that is not open yet is owed an answer.
    guard let outlet else { return turnAway(reason.problem) }
    switch reason {
    case .memory:
      context.cutOff(self)
      outlet.abort()
    case .disconnected:
      outlet.finish(nil)
    case .draining(let afterMilliseconds):
      outlet.finish(bytes(.reconnect(afterMs: afterMilliseconds)))
    }
  }

  // MARK: From the connection

  func outletReceived(_ bytes: ByteBuffer) {}

  func outletBecameBlocked() {
    if let handle, let outlet { context.hub.blocked(handle, unsent: outlet.pendingBytes) }
  }

  func outletBecameReady() {
    if let handle { context.hub.ready(handle) }
  }

  func outletInputClosed() { leave() }

  func outletClosed() {
    leave()
    outlet = nil
    exchange = nil
    if isCounted {
      isCounted = false
      context.closed(kind, self)
    }
  }

  private func leave() {
    guard let handle else { return }
    self.handle = nil
    context.hub.unsubscribe(handle)
  }
}
