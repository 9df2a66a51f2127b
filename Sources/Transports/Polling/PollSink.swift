import Delivery
import HTTPServer
import NIOCore
import HTTPSyntax
import StreamLog
import StreamStores
import WireFormat

/// One poll: a subscriber that is answered once, with what was missed or, parked, with what comes first.
final class PollSink: SubscriberSink {
  private let context: TransportContext
  private let exchange: any HTTPExchange
  private let headers: HTTPHeaders
  private let request: StreamRequest
  private lazy var session = context.makeSession()
  private var handle: SubscriberHandle?
  private let began = NIODeadline.now()
  private var timer: Scheduled<Void>?
  private var isAnswered = false
  private var isCounted = false
  /// How far it was told; nil until the reading begins, and while a gap that says so is to come.
  private var position: Offset?
  /// How long it may be parked when it has read what there is. One that does not wait is answered then; this is for the
  /// case that it is ahead of this node.
  private var seconds: Int { max(request.waitSeconds, 1) }

  static func open(
    _ exchange: any HTTPExchange, _ request: StreamRequest, headers: HTTPHeaders, context: TransportContext
  ) {
    let sink = PollSink(exchange, request, headers: headers, context: context)
    guard !context.admission.isDraining else { return exchange.refuse(.draining(retryAfter: 1), headers: headers) }
    // Without a place to begin there is nothing to wait for: the answer says where "now" is.
    guard request.start != nil else { return sink.answer(ByteBuffer(), next: context.hub.store.tape.head) }
    context.opened(.poll, sink)
    sink.isCounted = true
    let handle = context.hub.subscribe(
      Hub.Request(
        patterns: request.patterns, start: request.start, encoding: context.encoding(.poll), maxMessages: request.limit,
        heartbeatSeconds: sink.seconds),
      sink: sink)
    sink.subscribed(handle)
  }

  private init(
    _ exchange: any HTTPExchange, _ request: StreamRequest, headers: HTTPHeaders, context: TransportContext
  ) {
    self.exchange = exchange
    self.request = request
    self.headers = headers
    self.context = context
  }

  private func subscribed(_ handle: SubscriberHandle) {
    self.handle = handle
    guard !isAnswered else { return leave() }
    // A closed input is how a client that gave up looks: nothing else would tell.
    exchange.endsWithInput = true
    // Dropped with the answer, so that the two do not hold each other for longer.
    exchange.onClosed = { [self] in
      isAnswered = true
      leave()
    }
  }

  var description: SinkDescription {
    SinkDescription(
      session: session, transport: TransportKind.poll.rawValue, address: exchange.request.remoteAddress)
  }

  // MARK: From the hub

  func opened(at offset: Offset?, isRewinding: Bool) { position = offset }

  func deliver(_ bytes: ByteBuffer, through: Offset) -> Bool {
    answer(bytes, next: through)
    return true
  }

  /// What it is handed becomes the body of an answer.
  var socket: Int32 { -1 }

  func caughtUp(at offset: Offset, refs: [Ref?]) {
    position = offset
    if request.waitSeconds == 0 { answer(ByteBuffer(), next: offset) }
  }

  /// It has waited about as long as it wanted. The hub counts whole seconds, so that a poll which is answered before
  /// costs no timer; the part of a second that may be left gets one.
  func heartbeat(at offset: Offset) {
    guard timer == nil else { return }
    let deadline = began + .seconds(Int64(seconds))
    guard deadline > .now() else { return answer(ByteBuffer(), next: offset) }
    timer = exchange.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
      if let handle { answer(ByteBuffer(), next: context.hub.position(of: handle)) }
    }
  }

  func refused(_ refusal: StoreRefusal) {
    finish { exchange.refuse(refusal.problem(), headers: headers) }
  }

  func dismissed(_ reason: DismissalReason) {
    handle = nil
    // A poll that an operator ends has waited long enough: its client goes on from where it was.
    if reason == .disconnected, let position { return answer(ByteBuffer(), next: position) }
    finish { exchange.refuse(reason.problem, headers: headers) }
  }

  // MARK: Answering

  /// - Parameter items: messages and gaps, each with a comma behind it.
  private func answer(_ items: ByteBuffer, next: Offset) {
    finish {
      exchange.respond(items: items, next: context.hub.position(at: next), headers: headers)
    }
  }

  private func finish(_ body: () -> Void) {
    guard !isAnswered else { return }
    isAnswered = true
    body()
    leave()
  }

  private func leave() {
    timer?.cancel()
    timer = nil
    if isCounted {
      isCounted = false
      context.closed(.poll, self)
    }
    guard let handle else { return }
    self.handle = nil
    context.hub.unsubscribe(handle)
  }
}
