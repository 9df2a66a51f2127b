import NIOCore
import RedisClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct `The end of a connection` {
  @Test(arguments: 0..<10) func `under load gives each command one outcome, and says which may have left`(
    round: Int
  ) async throws {
    let server = try await RedisServer.start()
    try await Self.kill(server, under: try await server.connect(), afterReplies: 500 * (round + 1))
  }

  @Test(arguments: 0..<5) func `under load over TLS is no different`(round: Int) async throws {
    let files = try TLSFiles(in: TestFolder())
    let server = try await RedisServer.start(files.options(), portOption: "--tls-port", folder: files.folder)
    let redis = try await RedisConnection.connect(try server.settings(trusting: files))
    try await Self.kill(server, under: redis, afterReplies: 500 * (round + 1))
  }

  /// Late enough that some are answered, and early enough that some are not.
  private static func kill(_ server: RedisServer, under redis: RedisConnection, afterReplies replies: Int) async throws
  {
    let outcomes = Outcomes()
    let count = 50_000
    let killing = Task {
      _ = try await outcomes.wait { $0.answered > replies }
      server.kill()
    }
    for number in 0..<count {
      redis.send(["SET", "key", .bytes([UInt8](repeating: 1, count: 500))]) { outcomes.take($0, of: number) }
      if number % 1000 == 0 { await Task.yield() }
    }
    try await killing.value
    try await redis.closed.get()
    redis.send(["PING"]) { outcomes.take($0, of: count) }
    let counts = try await outcomes.wait { $0.all == count + 1 }
    #expect(counts.twice == 0)
    #expect(counts.others == 0)
    #expect(counts.disorder == 0)
    #expect(counts.answered > 0)
    #expect(counts.unreachable > 0)
    await #expect {
      try await redis.send(["PING"])
    } throws: { error in
      if case RedisError.unreachable = error { true } else { false }
    }
  }

  @Test func `by us is no different`() async throws {
    let server = try await RedisServer.start()
    let redis = try await server.connect()
    let outcomes = Outcomes()
    server.pause()
    redis.send(["INCR", "n"], timeout: nil) { outcomes.take($0, of: 0) }
    // Until it is written.
    try await redis.eventLoop.submit {}.get()
    redis.close()
    redis.close()
    try await redis.closed.get()
    redis.send(["INCR", "n"], timeout: nil) { outcomes.take($0, of: 1) }
    #expect(try await outcomes.wait { $0.all == 2 } == Outcomes.Counts(lost: 1, unreachable: 1))
  }

  @Test func `comes when a reply is late, and takes all that is unanswered with it`() async throws {
    let server = try await RedisServer.start()
    let redis = try await server.connect()
    server.pause()
    let outcomes = Outcomes()
    redis.send(["GET", "a"], timeout: nil) { outcomes.take($0, of: 0) }
    redis.send(["GET", "b"], timeout: .seconds(60)) { outcomes.take($0, of: 1) }
    let error = await #expect(throws: RedisError.self) {
      try await redis.send(["GET", "c"], timeout: .milliseconds(50))
    }
    #expect("\(error!)".contains("no reply within 50 ms"))
    try await redis.closed.get()
    #expect(outcomes.counts == Outcomes.Counts(lost: 2))
    server.resume()
  }

  @Test func `does not come from replies in time`() async throws {
    let server = try await RedisServer.start()
    var settings = try server.settings()
    settings.replyTimeout = .seconds(5)
    let redis = try await RedisConnection.connect(settings)
    let begin = ContinuousClock.now
    // The first timer fires while other commands, with time left, are unanswered.
    while ContinuousClock.now - begin < .milliseconds(5500) { _ = try await redis.send(["PING"]) }
  }

  @Test func `leaves what the peer's full buffers did not take as certainly not carried out`() async throws {
    let server = try await RedisServer.start()
    let redis = try await server.connect()
    server.pause()
    let outcomes = Outcomes()
    // Each in a write of its own, and more than the kernel keeps for a peer that reads nothing.
    for number in 0..<64 {
      redis.send(["SET", .text("key\(number)"), .bytes([UInt8](repeating: 1, count: 1 << 20))], timeout: nil) {
        outcomes.take($0, of: number)
      }
      try await redis.eventLoop.submit {}.get()
    }
    redis.close()
    let counts = try await outcomes.wait { $0.all == 64 }
    #expect(counts.lost > 0)
    #expect(counts.unreachable > 0)
    server.resume()
    let other = try await server.connect()
    let kept = try await other.send(["DBSIZE"]).integer
    #expect(try #require(kept) <= Int64(counts.lost))
  }
}
