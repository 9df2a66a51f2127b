import HTTPSyntax
import NIOCore

/// HTTP/1.1 on a connection: reads requests one at a time and hands each to the route as an exchange.
///
/// Requests pipelined behind an open one stay undecoded in the parser, and reading stops when there are more than
/// `readAhead` bytes of them; until then it goes on, because only reading tells that the peer is gone.
final class HTTP1Session: HTTPSession {
  enum Phase {
    /// Between requests, or inside a head.
    case ready
    /// A request is with its route.
    case open(HTTP1Exchange)
    /// Answered; this much of the body may still be skipped.
    case skipping(left: Int)
    /// No longer HTTP's: a stream or a websocket.
    case outlet(ConnectionOutlet)
    /// Nothing more is read or answered.
    case over
  }

  let connection: HTTPConnection
  var shared: LoopConnections { connection.shared }
  var parser: RequestParser
  var phase: Phase = .ready
  /// Kept beside `phase`: an outlet is told of the end even after `finish`.
  private var outlet: ConnectionOutlet?
  private var isAdvancing = false

  init(_ connection: HTTPConnection) {
    self.connection = connection
    parser = RequestParser(limits: connection.shared.settings.parser)
  }

  var isIdle: Bool { if case .ready = phase { parser.bufferedBytes == 0 } else { false } }

  // MARK: - From the connection

  func receive(_ bytes: ByteBuffer) {
    switch phase {
    case .over:
      return
    case .outlet(let outlet):
      outlet.received(bytes)
    case .ready, .open, .skipping:
      parser.receive(bytes)
      guard parser.bufferedBytes <= shared.settings.bufferedInput else { return connection.close() }
      advance()
    }
  }

  func inputEnded() {
    switch phase {
    case .ready, .skipping: advance()
    case .open(let exchange): exchange.inputEnded()
    case .outlet(let outlet): outlet.inputEnded()
    case .over: break
    }
  }

  func becameWritable() {
    switch phase {
    case .ready: advance()
    case .outlet(let outlet): outlet.becameWritable()
    case .open, .skipping, .over: break
    }
  }

  var wantsInput: Bool {
    switch phase {
    case .ready: connection.isWritable || parser.bufferedBytes < shared.settings.readAhead
    case .open(let exchange): exchange.isReading || parser.bufferedBytes < shared.settings.readAhead
    case .outlet(let outlet): outlet.wantsInput
    case .skipping: true
    case .over: false
    }
  }

  func timedOut(_ deadline: ConnectionClock.Deadline) {
    switch deadline {
    case .head: refuse(.requestTimeout)
    case .body:
      if case .open(let exchange) = phase { exchange.bodyTimedOut() }
    default: leave()
    }
  }

  /// An answer that is on its way goes first; one that is to come closes the connection (`LoopConnections.isClosing`).
  func goAway() {
    guard isIdle else { return }
    if connection.isWritable { connection.close() } else { leave() }
  }

  func connectionClosed() {
    let last = phase
    phase = .over
    if case .open(let exchange) = last { exchange.peerGone() }
    outlet?.closed()
    outlet = nil
  }

  // MARK: - Going on

  /// Does what the buffered bytes and the phase allow, until more bytes, the route or the peer must act.
  func advance() {
    guard !isAdvancing else { return }
    isAdvancing = true
    defer { isAdvancing = false }
    while takeStep() {}
    if case .ready = phase { connection.watchNextRequest(hasBegun: parser.bufferedBytes > 0) }
    connection.readIfWanted()
  }

  /// - Returns: whether there may be more to do at once.
  private func takeStep() -> Bool {
    switch phase {
    case .ready:
      // An answer that its peer does not read holds back the next request, or answers would pile up here.
      guard connection.isWritable else { return false }
      guard parser.bufferedBytes == 0 || shared.mayBegin(connection) else { return false }
      do throws(HTTPSyntaxError) {
        guard case .head(let head) = try parser.next() else {
          if connection.inputClosed { ended() }
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
      do throws(HTTPSyntaxError) {
        switch try parser.next() {
        case .body(let bytes) where bytes.readableBytes <= left:
          phase = .skipping(left: left - bytes.readableBytes)
        case .end:
          phase = .ready
        case .body, .head:
          leave()
        case nil:
          if connection.inputClosed { leave() }
          return false
        }
        return true
      } catch {
        leave()
        return false
      }
    case .outlet, .over:
      return false
    }
  }

  private func begin(_ head: RequestHead) {
    if let refusal = connection.refusal { return refuse(refusal, head) }
    guard let target = RequestTarget(utf8: head.targetBytes), head.method != "CONNECT" else {
      return refuse(
        head.method == "CONNECT"
          ? .badRequest(detail: "this server is no proxy: CONNECT is not for it")
          : HTTPSyntaxError.malformedTarget.fault)
    }
    let exchange = HTTP1Exchange(request: connection.request(head, target), session: self)
    connection.clearDeadline()
    phase = .open(exchange)
    shared.route(exchange)
  }

  /// The exchange is a stream or a websocket from now on.
  func open(_ outlet: ConnectionOutlet) {
    phase = .outlet(outlet)
    self.outlet = outlet
  }

  // MARK: - Ending

  /// The peer has closed its side between requests.
  private func ended() {
    if let refusal = connection.refusal { refuse(refusal) } else { leave() }
  }

  func refuse(_ fault: HTTPFault) { refuse(connection.refusal ?? fault, nil) }

  /// Answers in the server's own name, and closes.
  private func refuse(_ fault: HTTPFault, _ head: RequestHead?) {
    connection.count(fault)
    var bytes = ByteBuffer()
    let response = shared.problem(fault, head)
    shared.writer.write(response, isHead: false, connection: .close, into: &bytes)
    connection.send(bytes, then: response.body.flatMap { $0.readableBytes > ResponseWriter.copied ? $0 : nil })
    leave()
  }

  func leave() {
    phase = .over
    connection.leave()
  }
}
