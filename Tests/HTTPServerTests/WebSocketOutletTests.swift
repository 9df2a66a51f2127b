import HTTPServer
import Locking
import NIOCore
import HTTPSyntax
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10)))
struct WebSocketOutletTests {
  private static let upgrade =
    "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\r\n"

  @Test func `a websocket gets the bytes sent behind its request, then the rest`() async throws {
    let events = Events()
    try await ListenerHarness.run { exchange in
      events.add("wants \(exchange.request.wantsWebSocket)")
      let outlet = exchange.acceptWebSocket(headers: ["Sec-WebSocket-Accept": "abc"])
      let recorder = Recorder(events)
      recorder.onReceived = { bytes in
        var answer = ByteBuffer(string: "<")
        answer.writeImmutableBuffer(bytes)
        _ = outlet.offer(answer)
      }
      outlet.receiver = recorder
    } _: { server throws in
      let client = try server.client()
      client.send(Self.upgrade + "early")
      let head = try client.read(until: "\r\n\r\n")
      #expect(head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: abc\r\n"))
      #expect(head.hasSuffix("Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"))
      #expect(try client.read(6) == "<early")
      // No longer HTTP: a request is bytes like any other.
      client.send("GET / HTTP/1.1\r\n\r\n")
      #expect(try client.read(until: "\r\n\r\n") == "<GET / HTTP/1.1\r\n\r\n")
      client.close()
      events.wait(for: "closed")
      #expect(
        events.all == [
          "wants true", "received early", "received GET / HTTP/1.1\r\n\r\n", "input closed", "closed",
        ])
    }
  }

  @Test func `a websocket may say its last word after the peer's side is closed`() async throws {
    let events = Events()
    try await ListenerHarness.run { exchange in
      let outlet = exchange.acceptWebSocket(headers: [:])
      let recorder = Recorder(events)
      recorder.onInputClosed = { outlet.finish(ByteBuffer(string: "bye")) }
      outlet.receiver = recorder
    } _: { server throws in
      let client = try server.client()
      client.send(Self.upgrade + "x")
      client.halfClose()
      #expect(try client.readToEnd().hasSuffix("\r\n\r\nbye"))
      events.wait(for: "closed")
      #expect(events.all == ["received x", "input closed", "closed"])
    }
  }

  @Test func `a websocket that is not read holds its peer back`() async throws {
    let received = Guarded(0)
    let events = Events()
    let parked = Guarded<NIOLoopBound<ParkedOutlet>?>(nil)
    let total = 16 << 20
    try await ListenerHarness.run { exchange in
      let outlet = exchange.acceptWebSocket(headers: [:])
      let counter = Counter(events) { count in received.withLock { $0 += count } }
      outlet.receiver = counter
      outlet.setReading(false)
      let bound = NIOLoopBound(ParkedOutlet(outlet), eventLoop: exchange.eventLoop)
      parked.withLock { $0 = bound }
      events.add("open")
    } _: { server throws in
      let client = try server.client()
      client.send(Self.upgrade)
      events.wait(for: "open")
      let bound = try #require(parked.withLock { $0 })
      let sent = client.sendWithoutWaiting([UInt8](repeating: 1, count: total))
      #expect(sent < total)
      #expect(received.withLock { $0 } == 0)
      bound.onLoop { $0.setReading(true) }
      client.send([UInt8](repeating: 1, count: total - sent))
      #expect(waitUntil { received.withLock { $0 } == total })
      bound.onLoop { $0.abort() }
      events.wait(for: "closed")
      parked.withLock { $0 = nil }
    }
  }
}

/// Counts what comes instead of keeping it.
private final class Counter: OutletReceiver {
  let events: Events
  let add: (Int) -> Void

  init(_ events: Events, add: @escaping (Int) -> Void) {
    self.events = events
    self.add = add
  }

  func outletReceived(_ bytes: ByteBuffer) { add(bytes.readableBytes) }
  func outletBecameBlocked() {}
  func outletBecameReady() {}
  func outletInputClosed() {}
  func outletClosed() { events.add("closed") }
}
