import FoundationEssentials
import NIOCore
import RedisClient
import RedisStreamStore
import StreamLog
import StreamStores
import TestSupport
import Testing

/// What is bounded in a store over Redis, and what becomes of what goes beyond.
@Suite(.timeLimit(.minutes(10))) struct RedisLimitTests {
  // MARK: redis.wait

  @Test func `a publish waits for a Redis that is away, as long as it may`() async throws {
    let node = try await RedisNode.start { $0.wait = .seconds(60) }
    try await node.isolate()
    let publish = Task { try await node.store.publish("a") }
    // Nothing tells that it waits, so another takes its place behind it: both are there in their order.
    let next = Task { try await node.store.publish("b") }
    try await node.heal()
    let outcomes = [try await publish.value, try await next.value]
    #expect(outcomes.allSatisfy { $0.published?.seq == 1 }, "\(outcomes)")
  }

  @Test func `one that may not wait is refused, and is not there later`() async throws {
    let node = try await RedisNode.start()
    _ = try await node.store.publish("a")
    try await node.isolate()
    guard case .unavailable? = try await node.store.publish("a").refusal else {
      Issue.record("it was not refused")
      return
    }
    try await node.heal()
    let after = try await node.store.publish("a")
    #expect(after.published?.seq == 2)
  }

  @Test func `one whose time is over is refused while Redis is away`() async throws {
    let node = try await RedisNode.start { $0.wait = .milliseconds(20) }
    try await node.isolate()
    guard case .unavailable? = try await node.store.publish("a").refusal else {
      Issue.record("it was not refused")
      return
    }
    try await node.heal()
  }

  // MARK: limits.uncommitted_bytes

  @Test func `publishes that wait have a bound in bytes`() async throws {
    let node = try await RedisNode.start {
      $0.wait = .seconds(60)
      $0.waitingBytes = 100_000
    }
    try await node.isolate()
    let text = "\"" + String(repeating: "x", count: 60_000) + "\""
    let waiting = (0..<3).map { _ in Task { try await node.store.publish("a", text: text) } }
    // Whichever came first waits, and the others are told at once.
    var refused = 0
    for await isRefused in refusals(of: waiting) {
      if isRefused { refused += 1 }
      if refused == 2 { break }
    }
    try await node.heal()
    var outcomes: [PublishOutcome] = []
    for publish in waiting { outcomes.append(try await publish.value) }
    #expect(outcomes.compactMap(\.published).count == 1 && outcomes.compactMap(\.refusal).count == 2, "\(outcomes)")
    #expect(try await node.store.publish("a", text: text).published?.seq == 2)
  }

  private func refusals(of publishes: [Task<PublishOutcome, any Error>]) -> AsyncStream<Bool> {
    AsyncStream { continuation in
      for publish in publishes { Task { continuation.yield((try? await publish.value)?.refusal != nil) } }
    }
  }

  // MARK: redis.reply_time

  @Test func `a Redis that says nothing counts as away, and comes back`() async throws {
    let node = try await RedisNode.start { $0.connection.replyTimeout = .milliseconds(200) }
    #expect(try await node.store.publish("a").published?.seq == 1)
    node.server.pause()
    #expect(try await node.store.publish("a").refusal != nil)
    try await node.until { $0.trouble != nil }
    node.server.resume()
    try await node.until { $0.trouble == nil }
    // Whether the one in between was committed nobody was told; its number is given once.
    let seq = try #require(try await node.store.publish("a").published?.seq)
    #expect(seq == 2 || seq == 3)
  }

  // MARK: redis.topics

  @Test func `of too many topics the one longest without a message is forgotten, and told`()
    async throws
  {
    let node = try await RedisNode.start { $0.topics = 3 }
    for topic in ["a", "b", "c"] { _ = try await node.store.publish(topic) }
    let start = node.store.store.tape.head
    var old = try await node.store.reader(.earliest, "a")
    _ = try await node.store.publish("a")
    for topic in ["d", "e"] { _ = try await node.store.publish(topic) }
    #expect(try await node.store.summaries().map(\.topic.string) == ["a", "d", "e"])
    #expect(node.store.store.statistics().forgottenTopics == 2)
    #expect(try await old.all().filter { if case .message = $0 { true } else { false } }.count == 2)
    // Past what this node remembers by itself.
    try await node.store.publish("e", count: 10)
    // Who wants what is forgotten is told that there was something.
    var late = try await node.store.reader(since: start - 2, "b")
    let told = try await late.all()
    guard case .gap("b", _, _, _, _)? = told.first else {
      Issue.record("nothing was told: \(told)")
      return
    }
    // Its numbers begin anew.
    #expect(try await node.store.publish("b").published?.seq == 1)
  }

  // MARK: redis.log_messages

  @Test func `a node that missed more than the log holds reads histories`() async throws {
    let server = try await RedisServer.start()
    let away = try await RedisNode.start(on: server, user: "away") { $0.logEntries = 10 }
    let other = try await RedisNode.start(on: server, user: "other") { $0.logEntries = 10 }
    _ = try await other.store.publish("a")
    var reader = try await away.store.reader(.earliest, "a", "b")
    try await away.isolate()
    try await other.store.publish("a", count: 300)
    _ = try await other.store.publish("b")
    try await away.heal()
    let head = other.store.store.tape.head
    try await away.until { $0.tape.head >= head }
    let told = try await reader.all()
    #expect(told.count == 302 && told.allSatisfy { if case .message = $0 { true } else { false } })
  }

  // MARK: Scripts

  @Test func `a store loads each script byte for byte as it is in the repository`() async throws {
    let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let node = try await RedisNode.start()
    for name in ["publish", "open", "history", "erase"] {
      let file = repository.appending(path: "Sources/RedisStreamStore/Scripts/\(name).lua")
      let source = try String(contentsOf: file, encoding: .utf8)
      let digest = try node.server.run(["EVAL", "return redis.sha1hex(ARGV[1])", "0", source])
      #expect(try node.server.run(["SCRIPT", "EXISTS", digest.filter(\.isHexDigit)]).hasPrefix("1"), "\(name)")
    }
  }

  /// A failover, or an operator's SCRIPT FLUSH: Redis knows the scripts no more (NOSCRIPT).
  @Test func `scripts that Redis has forgotten are sent again`() async throws {
    let node = try await RedisNode.start()
    for seq in 1...3 as ClosedRange<UInt64> {
      _ = try node.server.run(["SCRIPT", "FLUSH"])
      #expect(try await node.store.publish("a").published?.seq == seq)
      _ = try node.server.run(["SCRIPT", "FLUSH"])
      #expect(try await node.store.summary("a")?.lastSeq == seq)
    }
    _ = try node.server.run(["SCRIPT", "FLUSH"])
    try await node.store.erase("a")
    #expect(try await node.store.publish("a").published?.seq == 4)
  }
}
