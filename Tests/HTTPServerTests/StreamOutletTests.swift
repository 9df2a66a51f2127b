import DirectWriter
import Foundation
import HTTPServer
import Locking
import NIOCore
import HTTPSyntax
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10)))
struct StreamOutletTests {
  private static let request = "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"

  @Test func `a stream on HTTP 1.1 is chunked and its head leaves at once`() async throws {
    let events = Events()
    let parked = Guarded<NIOLoopBound<ParkedOutlet>?>(nil)
    try await ListenerHarness.run { exchange in
      let outlet = exchange.openStream(status: 200, headers: ["Content-Type": "text/event-stream"])
      outlet.receiver = Recorder(events)
      let bound = NIOLoopBound(ParkedOutlet(outlet), eventLoop: exchange.eventLoop)
      parked.withLock { $0 = bound }
      events.add("\(outlet.framing)")
    } _: { server throws in
      let client = try server.client()
      client.send(Self.request)
      let head = try client.read(until: "\r\n\r\n")
      #expect(head.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"))
      #expect(head.contains("Transfer-Encoding: chunked\r\n"))
      #expect(head.contains("Connection: close\r\n"))
      #expect(!head.contains("Content-Length"))
      events.wait(for: "chunked")
      let bound = try #require(parked.withLock { $0 })
      bound.onLoop { outlet in
        #expect(outlet.offer(chunk("hello")))
        #expect(outlet.isWritable)
        #expect(outlet.pendingBytes == 0)
      }
      #expect(try client.read(until: "hello\r\n") == "5\r\nhello\r\n")
      bound.onLoop { $0.finish(chunk("bye")) }
      #expect(try client.readToEnd() == "3\r\nbye\r\n0\r\n\r\n")
      client.close()
      events.wait(for: "closed")
      #expect(events.all == ["chunked", "closed"])
      bound.onLoop { #expect(!$0.offer(chunk("late"))) }
      parked.withLock { $0 = nil }
    }
  }

  @Test func `a stream on HTTP 1.0 is bare and ends with the connection`() async throws {
    let events = Events()
    try await ListenerHarness.run { exchange in
      let outlet = exchange.openStream(status: 200, headers: [:])
      outlet.receiver = Recorder(events)
      events.add("\(outlet.framing)")
      _ = outlet.offer(ByteBuffer(string: "one\n"))
      outlet.finish(ByteBuffer(string: "two\n"))
    } _: { server throws in
      let client = try server.client()
      client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      let head = try client.read(until: "\r\n\r\n")
      #expect(!head.contains("Transfer-Encoding"))
      #expect(head.contains("Connection: close"))
      #expect(try client.readToEnd() == "one\ntwo\n")
      #expect(events.all.first == "identity")
    }
  }

  @Test func `HEAD of a stream is a head alone`() async throws {
    let events = Events()
    try await ListenerHarness.run { exchange in
      let outlet = exchange.openStream(status: 200, headers: [:])
      outlet.receiver = Recorder(events)
      events.add("offer \(outlet.offer(chunk("hello")))")
    } _: { server throws in
      let client = try server.client()
      client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
      _ = try client.read(until: "\r\n\r\n")
      #expect(try client.readToEnd() == "")
      client.close()
      events.wait(for: "closed")
      #expect(events.all == ["offer false", "closed"])
    }
  }

  /// The contract everything above rests on: a reader that stalls costs one offer, and is served on when it reads.
  @Test func `a stalled reader is offered nothing until it has read`() async throws {
    let events = Events()
    let piece = String(repeating: "x", count: 65536)
    let rounds = 100
    try await ListenerHarness.run { exchange in
      let outlet = exchange.openStream(status: 200, headers: [:])
      let recorder = Recorder(events)
      var left = rounds
      func go() {
        while left > 0 {
          left -= 1
          guard outlet.offer(chunk(piece)) else {
            events.add("stalled \(outlet.pendingBytes > 0) \(outlet.isWritable)")
            return
          }
        }
        events.add("all offered")
        outlet.finish(nil)
      }
      recorder.onReady = go
      outlet.receiver = recorder
      go()
    } _: { server throws in
      let client = try server.client(receiveBuffer: 8192)
      client.send(Self.request)
      events.wait(for: "stalled true false")
      #expect(!events.all.contains("all offered"))
      _ = try client.read(until: "\r\n\r\n")
      for _ in 0..<rounds { #expect(try client.read(65536 + 9) == "10000\r\n\(piece)\r\n") }
      #expect(try client.readToEnd() == "0\r\n\r\n")
      client.close()
      events.wait(for: "closed")
      let all = events.all
      #expect(all.last == "closed")
      #expect(all.filter { $0 == "closed" }.count == 1)
      // Each stall is followed by exactly one call.
      #expect(all.filter { $0 == "ready" }.count == all.filter { $0.hasPrefix("stalled") }.count)
    }
  }

  /// Rule 2 of `DirectWriter`: nothing is written past what the channel holds.
  @Test func `the socket is to be had exactly while nothing is on its way`() async throws {
    let events = Events()
    try await ListenerHarness.run { exchange in
      let outlet = exchange.openStream(status: 200, headers: [:])
      let recorder = Recorder(events)
      outlet.receiver = recorder
      let socket = outlet.socket
      events.add("socket \(socket >= 0)")
      var pieces = 0
      while outlet.offer(chunk(String(repeating: "x", count: 65536))) { pieces += 1 }
      events.add("stalled \(outlet.socket)")
      recorder.onReady = {
        let direct = chunk("straight").withUnsafeReadableBytes { DirectWriter.send($0, to: outlet.socket) }
        events.add("ready \(outlet.socket == socket), took \(direct)")
        outlet.finish(chunk("\(pieces + 1) pieces"))
        events.add("finished \(outlet.socket)")
      }
    } _: { server throws in
      let client = try server.client(receiveBuffer: 8192)
      client.send(Self.request)
      events.wait(for: "stalled -1")
      let all = try client.readToEnd()
      client.close()
      events.wait(for: "closed")
      #expect(
        events.all == [
          "socket true", "stalled -1", "ready", "ready true, took 13", "finished -1", "closed",
        ])
      let pieces = all.components(separatedBy: "10000\r\n\(String(repeating: "x", count: 65536))\r\n").count - 1
      let end = "\(pieces) pieces"
      #expect(all.hasSuffix("x\r\n8\r\nstraight\r\n\(String(end.utf8.count, radix: 16))\r\n\(end)\r\n0\r\n\r\n"))
    }
  }

  @Test(arguments: [true, false])
  func `a closed outlet has no socket, whoever closed it`(byPeer: Bool) async throws {
    let events = Events()
    let parked = Guarded<NIOLoopBound<ParkedOutlet>?>(nil)
    try await ListenerHarness.run { exchange in
      let outlet = exchange.openStream(status: 200, headers: [:])
      outlet.receiver = Recorder(events)
      let bound = NIOLoopBound(ParkedOutlet(outlet), eventLoop: exchange.eventLoop)
      parked.withLock { $0 = bound }
      events.add("open")
    } _: { server throws in
      let client = try server.client()
      client.send(Self.request)
      events.wait(for: "open")
      let bound = try #require(parked.withLock { $0 })
      bound.onLoop { #expect($0.socket >= 0) }
      if byPeer { client.reset() } else { bound.onLoop { $0.abort() } }
      events.wait(for: "closed")
      bound.onLoop { #expect($0.socket == -1) }
      parked.withLock { $0 = nil }
    }
  }

  @Test func `a reader that never reads again is closed`() async throws {
    var settings = HTTPListenerSettings()
    settings.stallTime = .milliseconds(100)
    let events = Events()
    try await ListenerHarness.run(settings) { exchange in
      let outlet = exchange.openStream(status: 200, headers: [:])
      outlet.receiver = Recorder(events)
      while outlet.offer(ByteBuffer(repeating: 0, count: 65536)) {}
      events.add("stalled")
    } _: { server throws in
      let client = try server.client(receiveBuffer: 8192)
      client.send(Self.request)
      events.wait(for: "closed")
      #expect(events.all == ["stalled", "closed"])
      #expect(server.listener.counters[.stalled] == 1)
    }
  }

  @Test func `what is pending leaves before the end`() async throws {
    let events = Events()
    try await ListenerHarness.run { exchange in
      let outlet = exchange.openStream(status: 200, headers: [:])
      outlet.receiver = Recorder(events)
      while outlet.offer(chunk(String(repeating: "x", count: 65536))) {}
      outlet.finish(chunk("last"))
      events.add("finished")
    } _: { server throws in
      let client = try server.client(receiveBuffer: 8192)
      client.send(Self.request)
      events.wait(for: "finished")
      #expect(try client.readToEnd().hasSuffix("x\r\n4\r\nlast\r\n0\r\n\r\n"))
    }
  }

  @Test func `a finished outlet closes even if its peer does not`() async throws {
    var settings = HTTPListenerSettings()
    settings.lingerTime = .milliseconds(100)
    let events = Events()
    try await ListenerHarness.run(settings) { exchange in
      let outlet = exchange.openStream(status: 200, headers: [:])
      outlet.receiver = Recorder(events)
      outlet.finish(nil)
    } _: { server throws in
      let client = try server.client()
      client.send(Self.request)
      #expect(try client.readToEnd().hasSuffix("0\r\n\r\n"))
      events.wait(for: "closed")
      #expect(waitUntil { server.listener.connections == 0 })
    }
  }

  @Test func `an aborted outlet ends without its last chunk`() async throws {
    let events = Events()
    try await ListenerHarness.run { exchange in
      let outlet = exchange.openStream(status: 200, headers: [:])
      outlet.receiver = Recorder(events)
      _ = outlet.offer(chunk("hello"))
      outlet.abort()
      events.add("aborted")
    } _: { server throws in
      let client = try server.client()
      client.send(Self.request)
      #expect(try client.readToEnd().hasSuffix("5\r\nhello\r\n"))
      events.wait(for: "aborted")
      #expect(events.all == ["closed", "aborted"])
    }
  }

  @Test(arguments: [true, false])
  func `a stream whose peer goes is closed, a reset without an input end`(byReset: Bool) async throws {
    let events = Events()
    try await ListenerHarness.run { exchange in
      exchange.openStream(status: 200, headers: [:]).receiver = Recorder(events)
      events.add("open")
    } _: { server throws in
      let client = try server.client()
      client.send(Self.request)
      events.wait(for: "open")
      _ = try client.read(until: "\r\n\r\n")
      if byReset { client.reset() } else { client.close() }
      events.wait(for: "closed")
      #expect(events.all == (byReset ? ["open", "closed"] : ["open", "input closed", "closed"]))
      #expect(waitUntil { server.listener.connections == 0 })
    }
  }

  @Test func `a peer that goes while it stalls is noticed`() async throws {
    let events = Events()
    try await ListenerHarness.run { exchange in
      let outlet = exchange.openStream(status: 200, headers: [:])
      outlet.receiver = Recorder(events)
      while outlet.offer(ByteBuffer(repeating: 0, count: 65536)) {}
      events.add("stalled")
    } _: { server throws in
      let client = try server.client(receiveBuffer: 8192)
      client.send(Self.request)
      events.wait(for: "stalled")
      client.reset()
      events.wait(for: "closed")
      #expect(events.all.last == "closed")
    }
  }

  @Test func `a stream opened after its peer has gone is closed`() async throws {
    let events = Events()
    try await ListenerHarness.run { exchange in
      exchange.onClosed = {
        let outlet = exchange.openStream(status: 200, headers: [:])
        events.add("offer \(outlet.offer(chunk("x")))")
        outlet.receiver = Recorder(events)
      }
      events.add("parked")
    } _: { server throws in
      let client = try server.client()
      client.send(Self.request)
      events.wait(for: "parked")
      client.reset()
      events.wait(for: "closed")
      #expect(events.all == ["parked", "offer false", "closed"])
    }
  }
}
