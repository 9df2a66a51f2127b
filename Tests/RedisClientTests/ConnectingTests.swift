import NIOCore
import RedisClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(10))) struct `Connecting to Redis` {
  private func expect(
    _ settings: RedisSettings, toFailAs isSo: (RedisError) -> Bool, saying words: String...,
    at location: SourceLocation = #_sourceLocation
  ) async {
    do throws(RedisError) {
      let redis = try await RedisConnection.connect(settings)
      Issue.record("it connected", sourceLocation: location)
      redis.close()
    } catch {
      #expect(isSo(error), "\(error)", sourceLocation: location)
      for words in words { #expect(error.description.contains(words), sourceLocation: location) }
    }
  }

  private func isMisconfigured(_ error: RedisError) -> Bool { if case .misconfigured = error { true } else { false } }
  private func isUnreachable(_ error: RedisError) -> Bool { if case .unreachable = error { true } else { false } }

  @Test func `gets in as a user, or with the one password`() async throws {
    let server = try await RedisServer.start([
      "--requirepass", "main secret", "--user", "sluice", "on", ">pass", "allkeys", "+get", "+set", "+acl|whoami",
      "--user", "guest", "on", "nopass", "+ping",
    ])
    #expect(try await server.connect(":main%20secret@").send(["ACL", "WHOAMI"]).string == "default")
    let user = try await server.connect("sluice:pass@")
    #expect(try await user.send(["ACL", "WHOAMI"]).string == "sluice")
    #expect(try await user.send(["SET", "a", "b"]).string == "OK")
    await #expect {
      try await user.send(["DEL", "a"])
    } throws: { ($0 as? RedisError)?.code == "NOPERM" }
    #expect(try await server.connect("guest@").send(["PING"]).string == "PONG")

    var settings = try server.settings("nobody:wrong@")
    (settings.user, settings.password) = ("sluice", "pass")
    #expect(try await RedisConnection.connect(settings).send(["GET", "a"]).string == "b")
  }

  @Test func `says what is wrong with user and password, and never shows it`() async throws {
    let server = try await RedisServer.start(["--requirepass", "main secret"])
    await expect(try server.settings(), toFailAs: isMisconfigured, saying: "NOAUTH", "none is set")
    await expect(try server.settings(":bad@"), toFailAs: isMisconfigured, saying: "WRONGPASS", "\"default\"")
    await expect(try server.settings("sluice:bad@"), toFailAs: isMisconfigured, saying: "\"sluice\"")
  }

  @Test func `chooses the database`() async throws {
    let server = try await RedisServer.start(["--databases", "4"])
    let third = try await server.connect(path: "/3")
    _ = try await third.send(["SET", "a", "b"])
    #expect(try await server.connect().send(["GET", "a"]).isNull)
    #expect(try await server.connect(path: "/3").send(["GET", "a"]).string == "b")
    await expect(
      try server.settings(path: "/4"), toFailAs: isMisconfigured, saying: "database 4", "out of range")
  }

  @Test func `fails with the reason where nobody is`() async throws {
    let held = try HeldPort()
    defer { withExtendedLifetime(held) {} }
    let port = held.number
    await expect(
      RedisSettings(try RedisEndpoint("redis://127.0.0.1:\(port)")), toFailAs: isUnreachable,
      saying: "127.0.0.1:\(port)", "Connection refused")
    // Too long for a name: nobody needs to be asked.
    let name = String(repeating: "x", count: 64)
    await expect(
      RedisSettings(try RedisEndpoint("redis://\(name)")), toFailAs: isUnreachable,
      saying: "the name \"\(name)\" is not known")
  }

  @Test func `gives up on one who says nothing`() async throws {
    let listener = try HeldPort(listens: true)
    var settings = RedisSettings(try RedisEndpoint("redis://127.0.0.1:\(listener.number)"))
    settings.connectTimeout = .milliseconds(50)
    await expect(settings, toFailAs: isUnreachable, saying: "within 50 ms")
  }

  @Test func `fails where something else answers`() async throws {
    let other = try await OneAnswer.start("HTTP/1.1 400 Bad Request\r\n\r\n")
    await expect(
      RedisSettings(try RedisEndpoint("redis://127.0.0.1:\(other.port)")), toFailAs: isMisconfigured,
      saying: "not Redis's protocol")
    let old = try await OneAnswer.start("-ERR unknown command `HELLO`, with args beginning with: `2`\r\n")
    await expect(
      RedisSettings(try RedisEndpoint("redis://127.0.0.1:\(old.port)")), toFailAs: isMisconfigured,
      saying: "Redis 6 or later")
    let full = try await OneAnswer.start("-ERR max number of clients reached\r\n")
    await expect(
      RedisSettings(try RedisEndpoint("redis://127.0.0.1:\(full.port)")), toFailAs: isUnreachable,
      saying: "max number of clients")
  }

  @Test func `refuses a replica, and a sentinel`() async throws {
    let master = try await RedisServer.start()
    let replica = try await RedisServer.start(["--replicaof", "127.0.0.1", "\(master.port)"])
    await expect(try replica.settings(), toFailAs: isMisconfigured, saying: "is a replica")
    let sentinel = try await RedisServer.start(program: "redis-sentinel")
    await expect(try sentinel.settings(), toFailAs: isMisconfigured, saying: "redis+sentinel://")
  }
}
