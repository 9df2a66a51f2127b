import HTTPServer
import NIOCore

/// Tells a test's thread what an outlet says.
final class Recorder: OutletReceiver {
  let events: Events
  var onReady: (() -> Void)?
  var onReceived: ((ByteBuffer) -> Void)?
  var onInputClosed: (() -> Void)?

  init(_ events: Events) { self.events = events }

  func outletReceived(_ bytes: ByteBuffer) {
    events.add("received \(String(buffer: bytes))")
    onReceived?(bytes)
  }

  func outletBecameBlocked() { events.add("blocked") }

  func outletBecameReady() {
    events.add("ready")
    onReady?()
  }

  func outletInputClosed() {
    events.add("input closed")
    onInputClosed?()
  }

  func outletClosed() {
    events.add("closed")
    onReady = nil
    onReceived = nil
    onInputClosed = nil
  }
}

/// A piece of a stream as an HTTP/1.1 chunk.
func chunk(_ text: String) -> ByteBuffer {
  ByteBuffer(string: "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n")
}

/// An outlet that a test reaches from its own thread.
final class ParkedOutlet {
  let outlet: any Outlet
  init(_ outlet: any Outlet) { self.outlet = outlet }
}

extension NIOLoopBound<ParkedOutlet> {
  func onLoop(_ body: @escaping @Sendable (any Outlet) -> Void) {
    try? eventLoop.submit { body(self.value.outlet) }.wait()
  }
}
