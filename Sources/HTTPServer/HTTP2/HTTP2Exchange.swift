import HTTP2
import NIOCore
import HTTPSyntax

/// An exchange on an HTTP/2 stream.
final class HTTP2Exchange: HTTPExchange, HTTP2StreamUser {
  let stream: Int32
  let request: HTTPRequest
  let eventLoop: any EventLoop
  var onClosed: (() -> Void)?
  /// A reset tells that the peer is gone.
  var endsWithInput = false
  /// The body's end has not come.
  var hasInput = false

  private let session: HTTP2Session
  private var isOver = false
  private var isGone = false
  private var wasAsked = false
  /// Of the body, until somebody asks for it. At most what the stream's window allows.
  private var held = ByteBuffer()
  private var reader: Reader?

  private struct Reader {
    let limit: Int
    var bytes = ByteBuffer()
    let done: (Result<ByteBuffer, HTTPBodyError>) -> Void
  }

  init(_ stream: Int32, _ request: HTTPRequest, _ session: HTTP2Session) {
    self.stream = stream
    self.request = request
    self.session = session
    eventLoop = session.connection.context!.eventLoop
  }

  var localAddress: String { session.connection.localAddress }

  // MARK: - The body

  func readBody(limit: Int, _ done: @escaping (Result<ByteBuffer, HTTPBodyError>) -> Void) {
    eventLoop.preconditionInEventLoop()
    precondition(!wasAsked, "a request's body can be read once")
    wasAsked = true
    guard !isOver else { return done(.failure(.closed)) }
    if let length = request.contentLength, length > limit { return done(.failure(.tooLarge(limit: limit))) }
    reader = Reader(limit: limit, done: done)
    let bytes = held
    held = ByteBuffer()
    if bytes.readableBytes > 0 { take(bytes) }
    guard reader != nil else { return }
    if hasInput {
      session.setDeadline(stream, in: session.shared.settings.bodyTime)
    } else {
      end(.success(reader!.bytes))
    }
  }

  func received(_ bytes: ByteBuffer) {
    if reader != nil {
      take(bytes)
    } else if !isOver {
      held.writeImmutableBuffer(bytes)
    }
  }

  private func take(_ bytes: ByteBuffer) {
    let length = reader!.bytes.readableBytes + bytes.readableBytes
    guard length <= reader!.limit else { return end(.failure(.tooLarge(limit: reader!.limit))) }
    session.consume(stream, bytes.readableBytes)
    if reader!.bytes.readableBytes == 0 {
      reader!.bytes = bytes
    } else {
      reader!.bytes.writeImmutableBuffer(bytes)
    }
  }

  func inputEnded() {
    hasInput = false
    if let reader { end(.success(reader.bytes)) }
  }

  private func end(_ result: Result<ByteBuffer, HTTPBodyError>) {
    guard let reader else { return }
    self.reader = nil
    session.clearDeadline(stream)
    reader.done(result)
  }

  func timedOut() {
    guard reader != nil, !isOver else { return }
    session.connection.count(.payloadTimeout)
    respond(session.shared.problem(.payloadTimeout, request.head), bodyEnds: .timedOut)
  }

  // MARK: - The peer

  func drained() {}

  func closed() {
    isGone = true
    guard !isOver else { return }
    isOver = true
    let closed = onClosed
    onClosed = nil
    held = ByteBuffer()
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
    held = ByteBuffer()
    session.clearDeadline(stream)
    return true
  }

  func respond(_ response: HTTPResponse) { respond(response, bodyEnds: nil) }

  private func respond(_ response: HTTPResponse, bodyEnds error: HTTPBodyError?) {
    let reader = reader
    guard beginAnswer() else { return }
    session.respond(stream, response, isHead: request.method == "HEAD", hasInput: hasInput)
    if let error { reader?.done(.failure(error)) }
  }

  var streamFraming: OutletFraming { .identity }

  func openStream(status: Int, headers: HTTPHeaders) -> any Outlet {
    // RFC 9110 section 9.3.2: HEAD has no content.
    open(.stream, status, headers, endsStream: request.method == "HEAD")
  }

  func acceptWebSocket(headers: HTTPHeaders) -> any Outlet { open(.webSocket, 200, headers, endsStream: false) }

  private func open(_ kind: HTTP2Outlet.Kind, _ status: Int, _ headers: HTTPHeaders, endsStream: Bool) -> any Outlet {
    let outlet = HTTP2Outlet(stream, kind: kind, session: session, eventLoop: eventLoop)
    // What came of a WebSocket before it was accepted.
    let early = held
    guard beginAnswer() else { return outlet.bornClosed() }
    session.respond(stream, status: status, FieldLines(headers), endsStream: endsStream)
    session.hand(stream, to: outlet)
    if endsStream {
      outlet.finishWithoutContent()
    } else if early.readableBytes > 0 {
      outlet.received(early)
    }
    // The peer may have ended its side before this.
    if kind == .webSocket, !hasInput { eventLoop.assumeIsolated().execute { outlet.inputEnded() } }
    return outlet
  }
}
