import GatewayClient
import Locking
import Synchronization
import Testing
import WireFormat

/// Messages 1 to `count` of a topic, each of about 160 bytes, as a gateway serves them in pages.
private struct HeldMessages: Sendable {
  var count: Int
  /// The operator's `limits.poll_messages`.
  var page = 1000

  /// The page that a request asks for; `nil` if its `limit` is out of range.
  func answer(_ target: String) -> String? {
    let query = target.split(separator: "?").last?.split(separator: "&") ?? []
    func parameter(_ name: String) -> String? {
      query.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
    }
    let limit = parameter("limit").flatMap { Int($0) } ?? page
    guard (1...page).contains(limit) else { return nil }
    let since = parameter("since").flatMap { $0 == "earliest" ? 0 : Int($0.dropFirst(2)) } ?? count
    let last = min(since + limit, count)
    let items = since < last ? (since + 1...last).map(Self.message) : []
    return #"{"items":[\#(items.joined(separator: ","))],"next":"e-\#(last)"}"#
  }

  static func message(_ number: Int) -> String {
    let padding = String(repeating: "x", count: 100)
    return #"{"id":"e-\#(number)","topic":"t","seq":\#(number),"time":1,"data":"\#(padding)"}"#
  }

  /// The gateway's refusal of a limit above `page`.
  func refusal() -> String {
    #"{"type":"urn:sluice:error:invalid-parameter","status":400,"detail":"'limit' must be 1 to \#(page).","#
      + #""parameter":"limit"}"#
  }
}

/// One poll as the server saw it.
private struct Poll: Sendable {
  var limit: Int?
  var wasCut = false
  var wasRefused = false
}

@Suite(.timeLimit(.minutes(10))) struct CutAnswerTests {
  private static func options(since: String? = "earliest", topics: [String] = ["t"]) -> SubscriptionOptions {
    var options = SubscriptionOptions(topics: topics, transport: .poll, since: since)
    options.reconnect = ReconnectPolicy(minimum: .milliseconds(2), maximum: .milliseconds(100))
    return options
  }

  /// Reads until `count` messages have come.
  private static func read(
    _ count: Int, of subscription: StreamSubscription
  ) async throws -> (numbers: [UInt64], reasons: [String], delays: [Duration]) {
    var numbers: [UInt64] = []
    var reasons: [String] = []
    var delays: [Duration] = []
    for try await item in subscription {
      switch item {
      case .message(let message): numbers.append(message.seq)
      case .reconnecting(let delay, let reason):
        reasons.append(reason)
        delays.append(delay)
      default: break
      }
      if numbers.count == count { break }
    }
    return (numbers, reasons, delays)
  }

  private static func limit(_ target: String) -> Int? {
    target.firstRange(of: "limit=").flatMap { Int(target[$0.upperBound...].prefix { $0.isNumber }) }
  }

  /// Reads everything that is held through a server that cuts each answer after `bytes` of its body.
  private static func readAll(
    _ held: HeldMessages, cutAfter bytes: Int, options: SubscriptionOptions
  ) async throws -> (polls: [Poll], numbers: [UInt64], reasons: [String], delays: [Duration]) {
    let polls = Guarded<[Poll]>([])
    var read: (numbers: [UInt64], reasons: [String], delays: [Duration]) = ([], [], [])
    try await TestServer.run { exchange in
      var poll = Poll(limit: limit(exchange.request.target))
      if let page = held.answer(exchange.request.target) {
        poll.wasCut = page.utf8.count > bytes
        polls.withLock { $0.append(poll) }
        exchange.answer(page, cutAfter: bytes)
      } else {
        poll.wasRefused = true
        polls.withLock { $0.append(poll) }
        exchange.answer(400, held.refusal())
      }
    } _: { server in
      let client = HTTPClient()
      read = try await Self.read(
        held.count, of: StreamSubscription(server.url, options: options, client: client))
      await client.close()
    }
    return (polls.withLock { $0 }, read.numbers, read.reasons, read.delays)
  }

  @Test func `a poll whose answer is cut asks for half as many messages, and for twice as many after a full page`()
    async throws
  {
    let (polls, numbers, reasons, delays) = try await Self.readAll(
      HeldMessages(count: 300), cutAfter: 12_000, options: Self.options())
    #expect(numbers == Array(1...300))
    #expect(polls.prefix(6).map(\.limit) == [nil, 500, 250, 125, 62, 124])
    #expect(polls.prefix(6).map(\.wasCut) == [true, true, true, true, false, true])
    for (before, after) in zip(polls, polls.dropFirst()) {
      #expect(after.limit == (before.wasCut ? (before.limit ?? 1000) / 2 : (before.limit ?? 1000) * 2))
    }
    #expect(reasons[0].hasPrefix("the gateway's answer was cut after 12000 bytes: "))
    #expect(reasons[0].hasSuffix("; asking for at most 500 messages"))
    #expect(delays.allSatisfy { $0 <= .milliseconds(2) }, "no wait grows: each answer is smaller, or more has come")
  }

  @Test func `a first answer that is cut is a connection that was made`() async throws {
    var options = Self.options()
    options.failsWithoutFirstConnection = true
    let numbers = try await Self.readAll(HeldMessages(count: 30), cutAfter: 1000, options: options).numbers
    #expect(numbers == Array(1...30))
  }

  @Test func `a limit that the caller wants is never exceeded`() async throws {
    var options = Self.options()
    options.pollLimit = 30
    let (polls, numbers, _, _) = try await Self.readAll(HeldMessages(count: 120), cutAfter: 4000, options: options)
    #expect(numbers == Array(1...120))
    #expect(polls.prefix(4).map(\.limit) == [30, 15, 30, 15])
  }

  @Test func `a gateway with smaller pages refuses larger limits, and is asked for less at once`() async throws {
    let (polls, numbers, reasons, _) = try await Self.readAll(
      HeldMessages(count: 200, page: 100), cutAfter: 12_000, options: Self.options())
    #expect(numbers == Array(1...200))
    #expect(polls.prefix(5).map(\.limit) == [nil, 500, 250, 125, 62])
    #expect(polls.prefix(5).map(\.wasRefused) == [false, true, true, true, false])
    #expect(reasons.count == polls.count { $0.wasCut }, "a refused limit is no reason to wait")
  }

  @Test func `a single message that does not get through is tried again at growing intervals, and the reason says so`()
    async throws
  {
    try await TestServer.run { exchange in
      exchange.answer(HeldMessages(count: 1).answer(exchange.request.target) ?? "", cutAfter: 50)
    } _: { server in
      let client = HTTPClient()
      let subscription = StreamSubscription(server.url, options: Self.options(), client: client)
      var waits: [(delay: Duration, reason: String)] = []
      for try await item in subscription {
        if case .reconnecting(let delay, let reason) = item { waits.append((delay, reason)) }
        // The delays are random up to a ceiling, and one above the first ceiling shows that it grows.
        if waits.count > 12, waits.last!.delay > .milliseconds(8) { break }
      }
      #expect(server.requests.prefix(11).map { Self.limit($0.target) } == [nil, 500, 250, 125, 62, 31, 15, 7, 3, 1, 1])
      #expect(server.requests.dropFirst(9).allSatisfy { Self.limit($0.target) == 1 })
      #expect(waits.prefix(9).allSatisfy { $0.delay <= .milliseconds(2) })
      #expect(waits[8].reason.hasSuffix("; asking for at most 1 message"))
      #expect(waits[9].reason.hasSuffix("; no smaller answer than the one with a single message can be asked for"))
      #expect(subscription.position == "earliest")
      await client.close()
    }
  }

  /// Many topics: the limit goes into the body.
  @Test func `a POST that is cut asks for less in its body`() async throws {
    let bodies = Guarded<[String]>([])
    try await TestServer.run { exchange in
      let isSecond = bodies.withLock {
        $0.append(exchange.request.body)
        return $0.count == 2
      }
      let message = HeldMessages.message(1)
      if isSecond { return exchange.answer(200, #"{"items":[\#(message)],"next":"e-1"}"#) }
      exchange.answer(#"{"items":[\#(message)],"next":"e-1"}"#, cutAfter: 20)
    } _: { server in
      let client = HTTPClient()
      let topics = (0..<400).map { "a.topic.with.a.long.name.\($0)" }
      let subscription = StreamSubscription(server.url, options: Self.options(topics: topics), client: client)
      let numbers = try await Self.read(1, of: subscription).numbers
      #expect(numbers == [1])
      #expect(bodies.withLock { $0.map { ReceivedObject(Array($0.utf8))?.integer("limit") } } == [nil, 500])
      await client.close()
    }
  }

  // MARK: - Which answers count as cut

  private static func page(
    timeout: Duration = .seconds(60), _ answer: @escaping @Sendable (TestExchange) -> Void
  ) async throws -> GatewayClientError? {
    var error: GatewayClientError?
    try await TestServer.run(answer) { server in
      let client = HTTPClient()
      error = await #expect(throws: GatewayClientError.self) {
        try await GatewayCalls(client: client, base: server.url).page("/", timeout: timeout)
      }
      await client.close()
    }
    return error
  }

  @Test func `a body shorter than announced is cut`() async throws {
    let error = try await Self.page { $0.answer(#"{"items":[],"next":"e-0"}"#, cutAfter: 7) }
    guard case .answerCut(let how) = error else {
      Issue.record("not answerCut: \(String(describing: error))")
      return
    }
    #expect(how.hasPrefix("after 7 bytes: "))
    #expect(error?.isTemporary == true)
  }

  @Test func `chunks without an end are cut`() async throws {
    let error = try await Self.page { exchange in
      exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"ite\r\n")
      exchange.closeWhenSent()
    }
    guard case .answerCut = error else {
      Issue.record("not answerCut: \(String(describing: error))")
      return
    }
  }

  @Test func `an answer that stops in the middle is cut when its time is over`() async throws {
    // On a busy machine the time may be over before the answer has begun: then give it more.
    for seconds in [1, 4, 16, 64] {
      let error = try await Self.page(timeout: .seconds(seconds)) {
        $0.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"items\":[")
      }
      if case .timedOut = error { continue }
      #expect(error == .answerCut("after 10 bytes: no complete answer within \(seconds) s"))
      return
    }
    Issue.record("no answer began in time")
  }

  /// The end of the connection ends such a body, so HTTP does not tell that it is incomplete.
  @Test func `a body without a length that ends within its JSON is cut`() async throws {
    let error = try await Self.page { exchange in
      exchange.send("HTTP/1.0 200 OK\r\n\r\n{\"items\":[{\"id\":\"e-1\",")
      exchange.closeWhenSent()
    }
    #expect(error == .answerCut("after 22 bytes: it ends within its JSON"))
  }

  @Test func `an answer that never began is not cut`() async throws {
    for part in ["", "HTTP/1.1 200 OK\r\nContent-"] {
      let error = try await Self.page { exchange in
        exchange.send(part)
        exchange.closeWhenSent()
      }
      guard case .connectionLost = error else {
        Issue.record("not connectionLost: \(String(describing: error))")
        return
      }
    }
    let error = try await Self.page(timeout: .milliseconds(200)) { _ in }
    #expect(error == .timedOut("no complete answer within 0.2 s"))
  }

  @Test func `a refusal whose body is cut is a lost connection`() async throws {
    let error = try await Self.page { exchange in
      exchange.send("HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\n{\"title\"")
      exchange.closeWhenSent()
    }
    guard case .connectionLost = error else {
      Issue.record("not connectionLost: \(String(describing: error))")
      return
    }
  }

  @Test func `another body than a page is not understood`() async throws {
    for body in ["<html>", "{}", "", #"{"items":3}"#] {
      let error = try await Self.page { $0.answer(200, body) }
      guard case .notUnderstood = error else {
        Issue.record("\(body) is not notUnderstood: \(String(describing: error))")
        return
      }
    }
  }

  // MARK: - Streams

  /// A network that cuts every connection after one message lets a stream through at one message a connection.
  @Test(arguments: [StreamTransport.ndjson, .sse, .websocket])
  func `a stream that delivers something before each break is not slowed down`(
    _ transport: StreamTransport
  ) async throws {
    try await TestServer.run { exchange in
      let message = HeldMessages.message(exchange.number)
      switch transport {
      case .websocket:
        exchange.acceptWebSocket()
        exchange.sendText(message)
      case .ndjson:
        exchange.beginStream(type: "application/x-ndjson")
        exchange.send("\(message)\n")
      default:
        exchange.beginStream(type: "text/event-stream")
        exchange.send("id: e-\(exchange.number)\ndata: \(message)\n\n")
      }
      exchange.closeWhenSent()
    } _: { server in
      let client = HTTPClient()
      var options = Self.options()
      options.transport = transport
      let (numbers, _, delays) = try await Self.read(
        20, of: StreamSubscription(server.url, options: options, client: client))
      #expect(numbers == Array(1...20))
      #expect(delays.allSatisfy { $0 <= .milliseconds(2) })
      await client.close()
    }
  }
}
