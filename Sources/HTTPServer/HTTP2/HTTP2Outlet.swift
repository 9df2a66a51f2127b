import HTTP2
import NIOCore

/// The outlet that is one stream of an HTTP/2 connection. What it is offered leaves with what the connection's other
/// streams have, when the work under way is done.
final class HTTP2Outlet: Outlet, HTTP2StreamUser {
  enum Kind { case stream, webSocket }
  private enum State { case open, finished, closed }

  let eventLoop: any EventLoop
  let framing = OutletFraming.identity
  private let stream: Int32
  private let kind: Kind
  private let session: HTTP2Session
  private var state = State.open
  /// The receiver was told to wait, so a call of `outletBecameReady` is owed.
  private var owesReady = false
  private var reading = true
  /// Came before the receiver did, or while it did not read; at most what the stream's window allows.
  private var held = ByteBuffer()
  private var handler: (any OutletReceiver)?

  init(_ stream: Int32, kind: Kind, session: HTTP2Session, eventLoop: any EventLoop) {
    self.stream = stream
    self.kind = kind
    self.session = session
    self.eventLoop = eventLoop
  }

  /// For a request whose peer has gone already.
  func bornClosed() -> HTTP2Outlet {
    state = .closed
    return self
  }

  var receiver: (any OutletReceiver)? {
    get { handler }
    set {
      eventLoop.preconditionInEventLoop()
      handler = newValue
      guard newValue != nil else { return }
      if state == .closed {
        eventLoop.assumeIsolated().execute { self.tellClosed() }
      } else if held.readableBytes > 0 {
        eventLoop.assumeIsolated().execute { self.deliverHeld() }
      }
    }
  }

  // MARK: - Out

  var isWritable: Bool { state == .open && !owesReady }

  /// Its bytes go into frames first.
  var socket: Int32 { -1 }

  var pendingBytes: Int { state == .closed ? 0 : session.frames.pendingBytes(stream) }

  func offer(_ bytes: ByteBuffer) -> Bool {
    eventLoop.assertInEventLoop()
    guard state == .open else { return false }
    if session.offer(stream, bytes), !owesReady { return true }
    owesReady = true
    return false
  }

  /// What was offered has not left after all.
  func becameBlocked() {
    guard state == .open, !owesReady else { return }
    owesReady = true
    handler?.outletBecameBlocked()
  }

  func drained() {
    guard state == .open, owesReady else { return }
    owesReady = false
    handler?.outletBecameReady()
  }

  func finish(_ last: ByteBuffer?) {
    eventLoop.preconditionInEventLoop()
    guard state == .open else { return }
    state = .finished
    held = ByteBuffer()
    if let last, last.readableBytes > 0 { _ = session.offer(stream, last) }
    session.finish(stream)
    // The stream is there until the peer has ended its side, too.
    if kind == .webSocket { session.setDeadline(stream, in: session.shared.settings.lingerTime) }
  }

  /// The head was all there is to send.
  func finishWithoutContent() { state = .finished }

  func abort() {
    eventLoop.preconditionInEventLoop()
    guard state != .closed else { return }
    state = .finished
    session.reset(stream, .cancel)
  }

  // MARK: - In

  func setReading(_ on: Bool) {
    eventLoop.preconditionInEventLoop()
    guard reading != on else { return }
    reading = on
    if on, state == .open, held.readableBytes > 0 { eventLoop.assumeIsolated().execute { self.deliverHeld() } }
  }

  func received(_ bytes: ByteBuffer) {
    guard kind == .webSocket, state == .open else { return session.consume(stream, bytes.readableBytes) }
    if let handler, reading, held.readableBytes == 0 {
      session.consume(stream, bytes.readableBytes)
      return handler.outletReceived(bytes)
    }
    held.writeImmutableBuffer(bytes)
  }

  private func deliverHeld() {
    guard let handler, reading, state == .open, held.readableBytes > 0 else { return }
    let bytes = held
    held = ByteBuffer()
    session.consume(stream, bytes.readableBytes)
    handler.outletReceived(bytes)
  }

  func inputEnded() {
    guard kind == .webSocket, state == .open else { return }
    deliverHeld()
    guard state == .open else { return }
    handler?.outletInputClosed()
    if state == .open { abort() }
  }

  /// The peer has not ended its side in time, after we ended ours.
  func timedOut() {
    if state == .finished { session.reset(stream, .noError) }
  }

  func closed() {
    guard state != .closed else { return }
    state = .closed
    held = ByteBuffer()
    tellClosed()
  }

  private func tellClosed() {
    let last = handler
    handler = nil
    last?.outletClosed()
  }
}
