import NIOCore

/// The outlet that is a whole HTTP/1.1 connection, once it carries a stream or a websocket.
final class ConnectionOutlet: Outlet {
  enum Kind { case stream, webSocket }
  private enum State { case open, finished, closed }

  let eventLoop: any EventLoop
  let framing: OutletFraming

  private let connection: HTTPConnection
  private let kind: Kind
  private var state: State = .open
  /// `offer` said no, so a call of `outletBecameReady` is owed.
  private var owesReady = false
  private var reading = true
  /// Came before the receiver did, or while it did not read.
  private var held = ByteBuffer()
  private var handler: (any OutletReceiver)?

  init(connection: HTTPConnection, eventLoop: any EventLoop, kind: Kind, framing: OutletFraming) {
    self.connection = connection
    self.eventLoop = eventLoop
    self.kind = kind
    self.framing = framing
  }

  /// For a request whose peer has gone already.
  func bornClosed() -> ConnectionOutlet {
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

  var isWritable: Bool { state == .open && connection.isWritable }

  var socket: Int32 { state == .open ? connection.writableSocket : -1 }

  var pendingBytes: Int { state == .closed ? 0 : connection.pendingBytes }

  func offer(_ bytes: ByteBuffer) -> Bool {
    eventLoop.assertInEventLoop()
    guard state == .open else { return false }
    if connection.send(bytes) { return true }
    beganBlocked()
    return false
  }

  /// Something is still on its way: watch that it moves.
  func beganBlocked() {
    guard state == .open else { return }
    if !owesReady { connection.watchStall() }
    owesReady = true
  }

  func becameWritable() {
    guard state == .open, owesReady else { return }
    owesReady = false
    connection.clearDeadline()
    handler?.outletBecameReady()
  }

  func finish(_ last: ByteBuffer?) {
    eventLoop.preconditionInEventLoop()
    guard state == .open else { return }
    state = .finished
    held = ByteBuffer()
    var bytes = last ?? ByteBuffer()
    if framing == .chunked { bytes.writeStaticString("0\r\n\r\n") }
    if bytes.readableBytes > 0 { connection.send(bytes) }
    connection.leave()
  }

  /// The head was all there is to send.
  func finishWithoutContent() {
    guard state == .open else { return }
    state = .finished
    connection.leave()
  }

  func abort() {
    eventLoop.preconditionInEventLoop()
    guard state != .closed else { return }
    state = .finished
    connection.close()
  }

  // MARK: - In

  /// A stream's input is read only to learn of its end.
  var wantsInput: Bool { kind == .stream || reading && held.readableBytes < connection.shared.settings.readAhead }

  func setReading(_ on: Bool) {
    eventLoop.preconditionInEventLoop()
    guard reading != on else { return }
    reading = on
    guard on, state == .open else { return }
    if held.readableBytes > 0 { eventLoop.assumeIsolated().execute { self.deliverHeld() } }
    connection.readIfWanted()
  }

  func received(_ bytes: ByteBuffer) {
    guard kind == .webSocket, state == .open, bytes.readableBytes > 0 else { return }
    if let handler, reading, held.readableBytes == 0 { return handler.outletReceived(bytes) }
    held.writeImmutableBuffer(bytes)
    if held.readableBytes > connection.shared.settings.bufferedInput { abort() }
  }

  private func deliverHeld() {
    guard let handler, reading, state == .open, held.readableBytes > 0 else { return }
    let bytes = held
    held = ByteBuffer()
    handler.outletReceived(bytes)
    connection.readIfWanted()
  }

  func inputEnded() {
    guard state == .open else { return }
    deliverHeld()
    guard state == .open else { return }
    handler?.outletInputClosed()
    if state == .open { abort() }
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
