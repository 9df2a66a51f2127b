import NIOCore
import RedisClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct `Sentinels` {
  /// A master and its replica, and a sentinel that knows them.
  private struct Group {
    let master: RedisServer
    let replica: RedisServer
    let sentinel: RedisServer

    /// - Parameter password: the servers'; the sentinel's own is "watch" if there is one.
    static func start(password: String? = nil) async throws -> Group {
      let secret = password.map { ["--requirepass", $0, "--masterauth", $0] } ?? []
      let master = try await RedisServer.start(secret)
      let replica = try await RedisServer.start(
        secret + ["--replicaof", "127.0.0.1", "\(master.port)", "--repl-diskless-sync-delay", "0"])
      var lines = [
        "sentinel monitor orders 127.0.0.1 \(master.port) 1", "sentinel down-after-milliseconds orders 120000",
      ]
      if let password { lines += ["sentinel auth-pass orders \(password)", "requirepass watch"] }
      let sentinel = try await RedisServer.start(lines, program: "redis-sentinel")
      let group = Group(master: master, replica: replica, sentinel: sentinel)
      let login = password.map { ":\($0)@" } ?? ""
      let connection = try await master.connect(login)
      while try await connection.send(["INFO", "replication"]).string?.contains("state=online") != true {
        try await Task.sleep(for: .milliseconds(10))
      }
      return group
    }

    func settings(_ sentinels: String? = nil, login: String = "", master: String = "orders") throws -> RedisSettings {
      let places = sentinels ?? "127.0.0.1:\(sentinel.port)"
      return .patient(try RedisEndpoint("redis+sentinel://\(login)\(places)/\(master)/2"))
    }

    /// The sentinel has to have seen the replica before it can make it a master.
    func failOver() async throws {
      while true {
        let answer = try sentinel.run(["SENTINEL", "FAILOVER", "orders"])
        if answer.hasPrefix("OK") { return }
        try #require(answer.hasPrefix("NOGOODSLAVE"), "\(answer)")
        try await Task.sleep(for: .milliseconds(50))
      }
    }

    /// Tries until the master is another than before.
    func connect(_ settings: RedisSettings, away port: Int) async throws -> RedisConnection {
      while true {
        do throws(RedisError) {
          let redis = try await RedisConnection.connect(settings)
          if redis.server.address.port != port { return redis }
          redis.close()
        } catch {
          guard case .unreachable = error else { throw error }
        }
        try await Task.sleep(for: .milliseconds(20))
      }
    }
  }

  @Test func `lead to the master, and to the next one after a failover`() async throws {
    let group = try await Group.start()
    let settings = try group.settings()
    let redis = try await RedisConnection.connect(settings)
    #expect(redis.server.address.port == group.master.port)
    #expect(try await redis.send(["SET", "a", "b"]).string == "OK")
    #expect(try await redis.send(["WAIT", 1, 0]).integer == 1)
    try await group.failOver()
    let next = try await group.connect(settings, away: group.master.port)
    #expect(next.server.address.port == group.replica.port)
    #expect(try await next.send(["GET", "a"]).string == "b")
  }

  @Test func `and servers may each have their own passwords`() async throws {
    let group = try await Group.start(password: "secret")
    var settings = try group.settings(login: ":secret@")
    settings.sentinelPassword = "watch"
    #expect(try await RedisConnection.connect(settings).send(["PING"]).string == "PONG")
    settings.sentinelPassword = "wrong"
    await #expect {
      try await RedisConnection.connect(settings)
    } throws: { error in
      guard case .misconfigured(let words) = error as? RedisError else { return false }
      return words.contains("\(group.sentinel.port)") && words.contains("WRONGPASS")
    }
    settings.sentinelPassword = "watch"
    settings.password = "wrong"
    await #expect {
      try await RedisConnection.connect(settings)
    } throws: { error in
      guard case .misconfigured(let words) = error as? RedisError else { return false }
      return words.contains("\(group.master.port)") && words.contains("WRONGPASS")
    }
  }

  @Test func `that are silent or know nothing are passed over, and named if none knows`() async throws {
    let group = try await Group.start()
    let silent = try HeldPort(listens: true)
    let gone = try HeldPort()
    defer { withExtendedLifetime((silent, gone)) {} }
    let ignorant = try await RedisServer.start(program: "redis-sentinel")
    let others = [silent.number, gone.number, ignorant.port, group.master.port].map { "127.0.0.1:\($0)" }
      .joined(separator: ",")
    var settings = try group.settings("\(others),127.0.0.1:\(group.sentinel.port)")
    settings.connectTimeout = .seconds(2)
    let redis = try await RedisConnection.connect(settings)
    #expect(redis.server.address.port == group.master.port)

    settings.endpoint = try group.settings(others).endpoint
    await #expect {
      try await RedisConnection.connect(settings)
    } throws: { error in
      guard case .unreachable(let words) = error as? RedisError else { return false }
      return [
        "127.0.0.1:\(silent.number): no connection to Redis", "127.0.0.1:\(gone.number): cannot reach",
        "Connection refused",
        "127.0.0.1:\(ignorant.port): it knows no master of that name",
        "127.0.0.1:\(group.master.port): it is no sentinel",
      ].allSatisfy(words.contains)
    }
    settings.endpoint = try group.settings(master: "unknown").endpoint
    await #expect {
      try await RedisConnection.connect(settings)
    } throws: { error in
      if case .misconfigured(let words) = error as? RedisError { words.contains("\"unknown\"") } else { false }
    }
  }

  @Test func `that still name what is a replica now are asked again later`() async throws {
    let group = try await Group.start()
    // A sentinel puts it right after a while only.
    let other = try await RedisServer.start()
    let sentinel = try await RedisServer.start(
      ["sentinel monitor stale 127.0.0.1 \(other.port) 1"], program: "redis-sentinel")
    let control = try await other.connect()
    _ = try await control.send(["REPLICAOF", "127.0.0.1", .integer(Int64(group.master.port))])
    await #expect {
      try await RedisConnection.connect(try group.settings("127.0.0.1:\(sentinel.port)", master: "stale"))
    } throws: { error in
      if case .unreachable(let words) = error as? RedisError { words.contains("is a replica now") } else { false }
    }
  }
}
