import NIOCore
import HTTPSyntax

/// An exchange on an HTTP/1.1 connection.
final class HTTP1Exchange: HTTPExchange {
  let request: HTTPRequest
  let eventLoop: any EventLoop
  var onClosed: (() -> Void)?
  var endsWithInput = false {
    didSet {
      // The peer may have closed before the exchange was parked; tell it once the caller has set itself up.
      if endsWithInput && connection.inputClosed && !isOver {
        eventLoop.assumeIsolated().execute { self.inputEnded() }
      }
    }
  }

  private let session: HTTP1Session
  private let connection: HTTPConnection
  private var isOver = false
  private var wasAsked = false
  private var saidContinue = false
  private var reader: Reader?

  private struct Reader {
    let limit: Int
    var bytes = ByteBuffer()
    let done: (Result<ByteBuffer, HTTPBodyError>) -> Void
  }

  init(request: HTTPRequest, session: HTTP1Session) {
    self.request = request
    self.session = session
    connection = session.connection
    eventLoop = connection.context!.eventLoop
  }

  var localAddress: String { connection.localAddress }
  private var head: RequestHead { request.head }

  // MARK: - The body

  var isReading: Bool { reader != nil }

  func readBody(limit: Int, _ done: @escaping (Result<ByteBuffer, HTTPBodyError>) -> Void) {
    eventLoop.preconditionInEventLoop()
    precondition(!wasAsked, "a request's body can be read once")
    wasAsked = true
    guard !isOver else { return done(.failure(.closed)) }
    guard session.parser.isInBody else { return done(.success(ByteBuffer())) }
    if let length = session.parser.bodyBytesLeft, length > limit { return done(.failure(.tooLarge(limit: limit))) }
    reader = Reader(limit: limit, done: done)
    if head.expectsContinue && session.parser.bufferedBytes == 0 {
      saidContinue = true
      connection.send(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n"))
    }
    pump()
    // Most bodies come with their head.
    if reader != nil, !isOver { connection.watchBody() }
    connection.readIfWanted()
  }

  /// Takes what has come of a body that is wanted.
  func pump() {
    while reader != nil, !isOver {
      do throws(HTTPSyntaxError) {
        switch try session.parser.next() {
        case .body(let bytes):
          take(bytes)
        case .end:
          end(.success(reader!.bytes))
        case .head:
          preconditionFailure("a head inside a body")
        case nil:
          if connection.inputClosed { giveUp(.closed) }
          return
        }
      } catch {
        isOver = true
        session.refuse(error.fault)
        giveUp(.malformed)
      }
    }
  }

  private func take(_ bytes: ByteBuffer) {
    let length = reader!.bytes.readableBytes + bytes.readableBytes
    guard length <= reader!.limit else { return end(.failure(.tooLarge(limit: reader!.limit))) }
    if reader!.bytes.readableBytes == 0 {
      reader!.bytes = bytes
    } else {
      reader!.bytes.writeImmutableBuffer(bytes)
    }
  }

  private func end(_ result: Result<ByteBuffer, HTTPBodyError>) {
    guard let reader else { return }
    self.reader = nil
    // Of an exchange that is over the connection has set its own clock by now.
    if !isOver { connection.clearDeadline() }
    reader.done(result)
  }

  /// The exchange is over without its route's answer, which learns it from its body.
  private func giveUp(_ error: HTTPBodyError) {
    isOver = true
    if error == .closed { connection.close() }
    onClosed = nil
    end(.failure(error))
  }

  func bodyTimedOut() {
    guard reader != nil, !isOver else { return }
    isOver = true
    session.refuse(.payloadTimeout)
    giveUp(.timedOut)
  }

  // MARK: - The peer

  func inputEnded() {
    guard !isOver else { return }
    if reader != nil { return pump() }
    if endsWithInput { connection.close() }
  }

  /// The connection is closed.
  func peerGone() {
    guard !isOver else { return }
    isOver = true
    let closed = onClosed
    onClosed = nil
    end(.failure(.closed))
    closed?()
  }

  // MARK: - The answer

  /// - Returns: false if there is nobody to answer.
  private func beginAnswer() -> Bool {
    eventLoop.preconditionInEventLoop()
    guard !isOver else { return false }
    isOver = true
    onClosed = nil
    reader = nil
    connection.clearDeadline()
    return true
  }

  func respond(_ response: HTTPResponse) {
    guard beginAnswer() else { return }
    let skips = session.parser.isInBody && canSkipBody
    let stays =
      head.keepsAlive && !head.asksForUpgrade && (!session.parser.isInBody || skips) && !connection.shared.isClosing
    let isHead = head.method == "HEAD"
    let apart = isHead ? nil : response.body.flatMap { $0.readableBytes > ResponseWriter.copied ? $0 : nil }
    connection.shared.withScratch { bytes in
      connection.shared.writer.write(
        response, isHead: isHead, connection: stays ? .keepAlive(sayIt: head.version == .http1_0) : .close,
        into: &bytes)
      connection.send(bytes, then: apart)
    }
    guard case .open = session.phase else { return }
    guard stays else { return session.leave() }
    if skips {
      connection.watchSkip()
      session.phase = .skipping(left: connection.shared.settings.skippedBody)
    } else {
      session.phase = .ready
    }
    session.advance()
  }

  /// A client that waits for `100 Continue` may or may not send its body now, so the connection cannot go on.
  private var canSkipBody: Bool {
    if head.expectsContinue && !saidContinue { return false }
    return session.parser.bodyBytesLeft ?? 0 <= connection.shared.settings.skippedBody
  }

  var streamFraming: OutletFraming { head.version == .http1_0 ? .identity : .chunked }

  func openStream(status: Int, headers: HTTPHeaders) -> any Outlet {
    let outlet = ConnectionOutlet(
      connection: connection, eventLoop: eventLoop, kind: .stream, framing: streamFraming)
    guard beginAnswer() else { return outlet.bornClosed() }
    var bytes = ByteBuffer()
    connection.shared.writer.writeStreamHead(status, headers, chunked: streamFraming == .chunked, into: &bytes)
    open(outlet, head: bytes)
    // RFC 9110 section 9.3.2: HEAD has no content, however it would have been framed.
    if head.method == "HEAD" { outlet.finishWithoutContent() }
    return outlet
  }

  func acceptWebSocket(headers: HTTPHeaders) -> any Outlet {
    let outlet = ConnectionOutlet(connection: connection, eventLoop: eventLoop, kind: .webSocket, framing: .identity)
    guard beginAnswer() else { return outlet.bornClosed() }
    var bytes = ByteBuffer()
    connection.shared.writer.writeSwitch(headers, into: &bytes)
    outlet.received(session.parser.takeRest())
    open(outlet, head: bytes)
    return outlet
  }

  private func open(_ outlet: ConnectionOutlet, head bytes: ByteBuffer) {
    _ = session.parser.takeRest()
    session.open(outlet)
    if !connection.send(bytes) { outlet.beganBlocked() }
    // What the peer did before this, once the transport has set its receiver.
    if connection.inputClosed { eventLoop.assumeIsolated().execute { outlet.inputEnded() } }
    connection.readIfWanted()
  }
}
