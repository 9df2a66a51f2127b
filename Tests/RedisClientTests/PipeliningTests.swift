import NIOCore
import RedisClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct `Commands in a pipeline` {
  @Test func `are answered in their order, ten thousand at once`() async throws {
    let server = try await RedisServer.start()
    let redis = try await server.connect()
    let outcomes = Outcomes()
    for number in 0..<10_000 {
      redis.send(["INCR", "n"]) { outcome in
        outcomes.take((try? outcome.get())?.integer == Int64(number + 1) ? outcome : .success(.null), of: number)
        if (try? outcome.get())?.integer != Int64(number + 1) { Issue.record("\(number): \(outcome)") }
      }
    }
    let counts = try await outcomes.wait { $0.all == 10_000 }
    #expect(counts == Outcomes.Counts(answered: 10_000))
  }

  @Test func `come from many threads, each in its own order`() async throws {
    let server = try await RedisServer.start()
    let redis = try await server.connect()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          let outcomes = Outcomes()
          for number in 0..<1000 {
            redis.send(["RPUSH", .text("list\(task)"), .integer(Int64(number))]) { outcomes.take($0, of: number) }
          }
          #expect(try await outcomes.wait { $0.all == 1000 } == Outcomes.Counts(answered: 1000))
          let list = try await redis.send(["LRANGE", .text("list\(task)"), 0, -1])
          #expect(list.array?.map(\.integer) == (0..<1000).map { Int64($0) })
        }
      }
      try await group.waitForAll()
    }
  }

  @Test func `carry big values, there and back`() async throws {
    let server = try await RedisServer.start()
    let redis = try await server.connect()
    for size in [65_535, 1 << 20, 20 << 20] {
      let value = [UInt8](repeating: UInt8(size % 251), count: size)
      #expect(try await redis.send(["SET", "big", .bytes(value)]) == .simple("OK"))
      // Not with #expect, which would show them.
      let back = try await redis.send(["GET", "big"])
      let isSame = back == .bulk(value)
      #expect(isSame)
    }
  }

  @Test func `read thousands of entries in one reply`() async throws {
    let server = try await RedisServer.start()
    let redis = try await server.connect()
    let outcomes = Outcomes()
    for number in 1...5000 {
      redis.send(["XADD", "log", .text("\(number)-0"), "m", .bytes([UInt8](repeating: 7, count: 128))]) {
        outcomes.take($0, of: number)
      }
    }
    let reply = try await redis.send(["XREAD", "COUNT", 10_000, "STREAMS", "log", "0"])
    let entries = reply.array?.first?.array?.last?.array
    #expect(entries?.count == 5000)
    #expect(entries?.last?.array?.first?.string == "5000-0")
    #expect(entries?.last?.array?.last?.array?.last?.bytes?.count == 128)
  }

  @Test func `may wait for ever where they are told to`() async throws {
    let server = try await RedisServer.start(["--enable-debug-command", "yes"])
    var settings = try server.settings()
    settings.replyTimeout = .milliseconds(100)
    let reading = try await RedisConnection.connect(settings)
    let writing = try await server.connect()
    let outcomes = Outcomes()
    reading.send(["XREAD", "BLOCK", 0, "STREAMS", "log", "$"], timeout: nil) { outcomes.take($0, of: 0) }
    while try await writing.send(["INFO", "clients"]).string?.contains("blocked_clients:1") != true {}
    // Longer than the reading connection's replies may take.
    _ = try await writing.send(["DEBUG", "SLEEP", "0.2"])
    #expect(outcomes.counts.all == 0)
    _ = try await writing.send(["XADD", "log", "*", "a", "b"])
    #expect(try await outcomes.wait { $0.all == 1 } == Outcomes.Counts(answered: 1))
  }
}
