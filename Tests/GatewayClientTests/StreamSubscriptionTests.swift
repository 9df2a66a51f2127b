import GatewayClient
import Locking
import Synchronization
import TestSupport
import Testing
import WebSocket
import WireFormat

/// What a gateway says on one connection, put into the form of any transport.
private struct Script: Sendable {
  /// Objects in order; a `reconnect` ends it.
  var objects: [String]
  /// Whether the connection breaks behind them, or stays open and silent.
  var breaks = true

  func play(_ exchange: TestExchange, _ transport: StreamTransport) {
    switch transport {
    case .websocket:
      exchange.acceptWebSocket()
      for object in objects { exchange.sendText(object) }
      if breaks { exchange.closeWhenSent() }
    case .ndjson:
      exchange.beginStream(type: "application/x-ndjson")
      for object in objects { exchange.send("\(object)\n") }
      if breaks { exchange.closeWhenSent() }
    case .sse:
      exchange.beginStream(type: "text/event-stream; charset=utf-8")
      exchange.send("retry: 5\n\n")
      for object in objects {
        let parsed = ReceivedObject(Array(object.utf8))
        let id = parsed?.string("id").map { "id: \($0)\n" } ?? ""
        let event = parsed?.string("type").map { "event: \($0)\n" } ?? ""
        exchange.send("\(id)\(event)data: \(object)\n\n")
      }
      if breaks { exchange.closeWhenSent() }
    case .poll: break
    }
  }
}

private func message(_ number: Int) -> String {
  #"{"id":"e-\#(number)","topic":"t","seq":\#(number),"time":1,"data":\#(number)}"#
}

private let hello = #"{"type":"hello","id":"e-0","heartbeat":25,"session":"s"}"#

private let streaming: [StreamTransport] = [.websocket, .sse, .ndjson]

@Suite(.timeLimit(.minutes(10))) struct StreamSubscriptionTests {
  private static func options(
    _ transport: StreamTransport, since: String? = nil, topics: [String] = ["t"]
  ) -> SubscriptionOptions {
    var options = SubscriptionOptions(topics: topics, transport: transport, since: since)
    options.reconnect = ReconnectPolicy(minimum: .milliseconds(5), maximum: .milliseconds(50))
    return options
  }

  /// Reads items until one satisfies `isLast`.
  private static func items(
    of subscription: StreamSubscription, until isLast: (SubscriptionItem) -> Bool
  ) async throws -> [SubscriptionItem] {
    var items: [SubscriptionItem] = []
    for try await item in subscription {
      items.append(item)
      if isLast(item) { break }
    }
    return items
  }

  private static func numbers(_ items: [SubscriptionItem]) -> [UInt64] {
    items.compactMap { if case .message(let message) = $0 { message.seq } else { nil } }
  }

  @Test(arguments: streaming)
  func `a broken connection is resumed after the last message`(_ transport: StreamTransport) async throws {
    try await TestServer.run { exchange in
      switch exchange.number {
      case 1: Script(objects: [hello, message(1), message(2)]).play(exchange, transport)
      case 2: Script(objects: [#"{"type":"hello","id":"e-2"}"#, message(3)], breaks: false).play(exchange, transport)
      default: exchange.close()
      }
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(transport), client: client)
      let items = try await Self.items(of: subscription) { item in
        if case .message(let message) = item { message.seq == 3 } else { false }
      }
      #expect(Self.numbers(items) == [1, 2, 3])
      #expect(items.first == .connected)
      #expect(items.contains { if case .reconnecting = $0 { true } else { false } })
      #expect(subscription.position == "e-3")
      let requests = server.requests
      #expect(requests.count == 2)
      #expect(requests[0].target == "/v1/stream?topic=t")
      #expect(requests[0].header("Last-Event-ID") == nil)
      if transport == .sse {
        #expect(requests[1].target == "/v1/stream?topic=t")
        #expect(requests[1].header("Last-Event-ID") == "e-2")
      } else {
        #expect(requests[1].target == "/v1/stream?topic=t&since=e-2")
      }
      await client.close()
    }
  }

  @Test func `polls go on where the last one ended, and wait only once nothing is left`() async throws {
    try await TestServer.run { exchange in
      switch exchange.number {
      case 1: exchange.answer(200, #"{"items":[\#(message(1)),\#(message(2))],"next":"e-9"}"#)
      case 2: exchange.answer(200, #"{"items":[],"next":"e-10"}"#)
      case 3: exchange.answer(200, #"{"items":[\#(message(11))],"next":"e-11"}"#)
      default: break
      }
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(
        server.url, options: Self.options(.poll, since: "earliest"), client: client)
      let items = try await Self.items(of: subscription) { item in
        if case .message(let message) = item { message.seq == 11 } else { false }
      }
      #expect(Self.numbers(items) == [1, 2, 11])
      #expect(items.contains(.caughtUp(id: "e-10")))
      #expect(
        server.requests.map(\.target) == [
          "/v1/stream?topic=t&since=earliest&wait=0", "/v1/stream?topic=t&since=e-9&wait=0",
          "/v1/stream?topic=t&since=e-10&wait=25",
        ])
      #expect(subscription.position == "e-11")
      await client.close()
    }
  }

  @Test func `a poll's position moves item by item, and beyond the last to what the answer says`() async throws {
    try await TestServer.run {
      $0.answer(200, #"{"items":[\#(message(1)),\#(message(2))],"next":"e-9"}"#)
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(.poll, since: "e-0"), client: client)
      let iterator = subscription.makeAsyncIterator()
      _ = try await iterator.next()
      #expect(subscription.position == "e-0")
      _ = try await iterator.next()
      #expect(subscription.position == "e-1")
      _ = try await iterator.next()
      #expect(subscription.position == "e-9")
      await client.close()
    }
  }

  @Test(arguments: streaming)
  func `every control with an id is a position, and published is none`(_ transport: StreamTransport) async throws {
    let gap = #"{"type":"gap","topic":"t","after":"e-1","id":"e-5","seq":5,"reason":"expired"}"#
    try await TestServer.run { exchange in
      let objects = [
        hello, gap, #"{"type":"caught_up","id":"e-6"}"#, #"{"type":"heartbeat","id":"e-7"}"#,
        #"{"type":"something_new"}"#, #"{"type":"error","code":"x","status":403,"detail":"no"}"#,
      ]
      Script(objects: objects, breaks: false).play(exchange, transport)
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(transport), client: client)
      var positions: [String?] = []
      var items: [SubscriptionItem] = []
      for try await item in subscription {
        items.append(item)
        positions.append(subscription.position)
        if case .fault(let refusal) = item {
          #expect(refusal.description == "no (x)")
          break
        }
      }
      #expect(positions == [nil, "e-0", "e-5", "e-6", "e-7", "e-7"])
      guard items.count == 6, case .hello(let said) = items[1], case .gap(let missing) = items[2] else {
        Issue.record("other items came: \(items)")
        return
      }
      #expect(said == StreamHello(id: "e-0", heartbeat: .seconds(25), session: "s"))
      #expect(missing.reason == "expired" && missing.topic == "t" && missing.after == "e-1" && missing.seq == 5)
      #expect(missing.raw == Array(gap.utf8))
      #expect(items[3] == .caughtUp(id: "e-6"))
      #expect(items[4] == .heartbeat(id: "e-7"))
      await client.close()
    }
  }

  @Test func `published names a message and does not move the position`() async throws {
    try await TestServer.run { exchange in
      let objects = [hello, #"{"type":"published","id":"e-99","seq":1,"ref":3}"#, #"{"type":"caught_up"}"#]
      Script(objects: objects, breaks: false).play(exchange, .websocket)
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(.websocket), client: client)
      _ = try await Self.items(of: subscription) { $0 == .caughtUp(id: nil) }
      #expect(subscription.position == "e-0")
      await client.close()
    }
  }

  /// Messages of a rewind have no id line, so that a break repeats them.
  @Test func `an sse message without an id line does not move the position`() async throws {
    try await TestServer.run { exchange in
      exchange.beginStream(type: "text/event-stream")
      exchange.send("data: \(message(1))\n\ndata: \(message(2))\n\n")
    } _: { server in
      let client = HTTPClient()
      var options = Self.options(.sse)
      options.rewind = 2
      let subscription = StreamSubscription(server.url, options: options, client: client)
      _ = try await Self.items(of: subscription) { item in
        if case .message(let message) = item { message.seq == 2 } else { false }
      }
      #expect(subscription.position == nil)
      #expect(server.requests[0].target == "/v1/stream?topic=t&rewind=2")
      await client.close()
    }
  }

  @Test(arguments: streaming)
  func `the gateway's after_ms is followed exactly`(_ transport: StreamTransport) async throws {
    try await TestServer.run { exchange in
      Script(objects: [hello, #"{"type":"reconnect","after_ms":7}"#], breaks: false).play(exchange, transport)
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(transport), client: client)
      let items = try await Self.items(of: subscription) { if case .reconnecting = $0 { true } else { false } }
      guard case .reconnecting(let delay, _)? = items.last else { return }
      #expect(delay == .milliseconds(7))
      await client.close()
    }
  }

  @Test func `an sse reconnect without a time means its retry`() async throws {
    try await TestServer.run { exchange in
      exchange.beginStream(type: "text/event-stream")
      exchange.send("retry: 31\nevent: reconnect\ndata: {}\n\n")
      exchange.closeWhenSent()
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(.sse), client: client)
      let items = try await Self.items(of: subscription) { if case .reconnecting = $0 { true } else { false } }
      guard case .reconnecting(let delay, _)? = items.last else { return }
      #expect(delay == .milliseconds(31))
      await client.close()
    }
  }

  @Test(arguments: StreamTransport.allCases)
  func `Retry-After is waited for`(_ transport: StreamTransport) async throws {
    try await TestServer.run {
      $0.answer(503, headers: "Retry-After: 3\r\n", "{}")
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(transport), client: client)
      let items = try await Self.items(of: subscription) { _ in true }
      guard case .reconnecting(let delay, _)? = items.first else {
        Issue.record("other items came: \(items)")
        return
      }
      #expect(delay >= .seconds(3) && delay < .seconds(4))
      await client.close()
    }
  }

  @Test(arguments: StreamTransport.allCases, [400, 401, 403, 404, 406, 413])
  func `a refusal that stays one ends the subscription`(_ transport: StreamTransport, _ status: Int) async throws {
    try await TestServer.run { exchange in
      exchange.answer(status, #"{"type":"urn:sluice:error:some-code","status":\#(status),"detail":"because"}"#)
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(transport), client: client)
      let error = await #expect(throws: GatewayClientError.self) {
        try await Self.items(of: subscription) { _ in false }
      }
      #expect(error?.description == "because (some-code)")
      #expect(server.requests.count == 1)
      await client.close()
    }
  }

  @Test(arguments: StreamTransport.allCases, [408, 429, 500, 502, 503])
  func `a refusal for now is tried again`(_ transport: StreamTransport, _ status: Int) async throws {
    try await TestServer.run { exchange in
      if exchange.number < 3 { return exchange.answer(status, "{}") }
      exchange.answer(404, #"{"detail":"enough"}"#)
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(transport), client: client)
      let error = await #expect(throws: GatewayClientError.self) {
        try await Self.items(of: subscription) { _ in false }
      }
      #expect(error?.description == "enough (HTTP 404)")
      #expect(server.requests.count == 3)
      await client.close()
    }
  }

  @Test(arguments: [1008, 4500, 4999] as [UInt16])
  func `close codes that mean never end the subscription`(_ code: UInt16) async throws {
    try await TestServer.run { exchange in
      exchange.acceptWebSocket()
      exchange.sendClose(code, "token expired")
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(.websocket), client: client)
      await #expect(throws: GatewayClientError.closed(code: code, reason: "token expired")) {
        try await Self.items(of: subscription) { _ in false }
      }
      await client.close()
    }
  }

  @Test(arguments: [1000, 1001, 1011, 1012, 1013, 4000, 4499] as [UInt16])
  func `other close codes mean come back`(_ code: UInt16) async throws {
    try await TestServer.run { exchange in
      exchange.acceptWebSocket()
      exchange.sendClose(code)
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(.websocket), client: client)
      let items = try await Self.items(of: subscription) { _ in server.requests.count >= 3 }
      #expect(items.count >= 3)
      await client.close()
    }
  }

  /// A machine that lost its power sends no FIN: only the missing heartbeats tell.
  @Test(arguments: streaming)
  func `a connection without heartbeats counts as dead`(_ transport: StreamTransport) async throws {
    try await TestServer.run { exchange in
      Script(objects: [#"{"type":"hello","id":"e-4"}"#], breaks: false).play(exchange, transport)
    } _: { server in
      let client = HTTPClient()
      var options = Self.options(transport)
      options.heartbeat = .milliseconds(80)
      let subscription = StreamSubscription(server.url, options: options, client: client)
      let items = try await Self.items(of: subscription) { if case .reconnecting = $0 { true } else { false } }
      guard case .reconnecting(_, let reason)? = items.last else { return }
      #expect(reason == "timed out: nothing came for 0.2 s")
      #expect(subscription.position == "e-4")
      await client.close()
    }
  }

  @Test func `a gateway that is not there is tried again, or not, as asked`() async throws {
    let client = HTTPClient()
    let port = try HeldPort()
    defer { withExtendedLifetime(port) {} }
    let url = try GatewayURL("http://127.0.0.1:\(port.number)")
    var options = Self.options(.sse)
    let patient = StreamSubscription(url, options: options, client: client)
    let items = try await Self.items(of: patient) { _ in true }
    guard case .reconnecting? = items.first else {
      Issue.record("other items came: \(items)")
      return
    }
    options.failsWithoutFirstConnection = true
    let strict = StreamSubscription(url, options: options, client: client)
    let error = await #expect(throws: GatewayClientError.self) { try await Self.items(of: strict) { _ in false } }
    guard case .unreachable = error else {
      Issue.record("not unreachable: \(String(describing: error))")
      return
    }
    await client.close()
  }

  @Test(arguments: StreamTransport.allCases)
  func `an answer that is not a stream is not understood`(_ transport: StreamTransport) async throws {
    try await TestServer.run {
      $0.answer(200, type: "text/html", "<html>")
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(transport), client: client)
      let error = await #expect(throws: GatewayClientError.self) {
        try await Self.items(of: subscription) { _ in false }
      }
      guard case .notUnderstood = error else {
        Issue.record("not notUnderstood: \(String(describing: error))")
        return
      }
      await client.close()
    }
  }

  @Test(arguments: StreamTransport.allCases)
  func `a cancelled subscription ends at once and keeps its position`(_ transport: StreamTransport) async throws {
    try await TestServer.run { exchange in
      if transport == .poll, exchange.number == 1 { return exchange.answer(200, #"{"items":[],"next":"e-0"}"#) }
      Script(objects: [hello], breaks: false).play(exchange, transport)
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(transport), client: client)
      let task = Task { try await Self.items(of: subscription) { _ in false } }
      while subscription.position == nil { await Task.yield() }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(subscription.position == "e-0")
      await client.close()
    }
  }

  @Test(arguments: StreamTransport.allCases)
  func `topics that do not fit into a URL go into the body`(_ transport: StreamTransport) async throws {
    let topics = (0..<200).map { "topic.number-\($0).\"\\with-a-long-name" }
    let heard = Guarded<[String]>([])
    try await TestServer.run { exchange in
      switch transport {
      case .websocket:
        exchange.acceptWebSocket { event in
          if case .message(_, let bytes) = event {
            heard.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
          }
        }
        exchange.sendText(hello)
        exchange.sendText(#"{"type":"subscribed","topics":[],"id":"e-3","ref":1}"#)
        exchange.sendText(#"{"type":"caught_up","id":"e-8","ref":1}"#)
      case .poll:
        exchange.answer(200, #"{"items":[],"next":"e-8"}"#)
      default:
        Script(objects: [#"{"type":"caught_up","id":"e-8"}"#], breaks: false).play(exchange, transport)
      }
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(
        server.url, options: Self.options(transport, since: "e-3", topics: topics), client: client)
      var positions: [String?] = []
      for try await item in subscription {
        positions.append(subscription.position)
        if item == .caughtUp(id: "e-8") { break }
      }
      #expect(positions.first == "e-3")
      #expect(!positions.contains("e-0"), "a hello before the subscribe is no position of ours")
      #expect(positions.last == "e-8")
      let request = try #require(server.requests.first)
      #expect(request.target == "/v1/stream")
      if transport == .websocket { while heard.withLock({ $0.isEmpty }) { await Task.yield() } }
      let body = transport == .websocket ? heard.withLock { $0[0] } : request.body
      let object = try #require(ReceivedObject(Array(body.utf8)))
      #expect(object.string("since") == "e-3")
      #expect(object.elements("topics")?.count == 200)
      #expect(object.string("type") == (transport == .websocket ? "subscribe" : nil))
      await client.close()
    }
  }

  @Test func `a refused subscribe command ends the subscription`() async throws {
    try await TestServer.run { exchange in
      exchange.acceptWebSocket()
      exchange.sendText(hello)
      exchange.sendText(#"{"type":"error","code":"too-many-topics","status":400,"detail":"at most 100","ref":1}"#)
    } _: { server in
      let client = HTTPClient()
      let topics = (0..<400).map { "a.topic.with.a.long.name.\($0)" }
      let subscription = StreamSubscription(
        server.url, options: Self.options(.websocket, topics: topics), client: client)
      let error = await #expect(throws: GatewayClientError.self) {
        try await Self.items(of: subscription) { _ in false }
      }
      #expect(error?.description == "at most 100 (too-many-topics)")
      await client.close()
    }
  }
}
