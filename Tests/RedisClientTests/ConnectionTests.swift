import NIOCore
import NIOPosix
import RedisClient
import TestSupport
import Testing

@Suite struct `A Redis connection` {
  @Test func `says who is there, and does what it is told`() async throws {
    let server = try await RedisServer.start()
    let redis = try await server.connect()
    #expect(redis.server.version.split(separator: ".").count == 3)
    #expect(redis.server.role == "master")
    #expect(redis.server.mode == "standalone")
    #expect(try await redis.send(["SET", "greeting", .bytes([0, 255, 13, 10])]) == .simple("OK"))
    #expect(try await redis.send(["GET", "greeting"]) == .bulk([0, 255, 13, 10]))
    #expect(try await redis.send(["GET", "nothing"]).isNull)
    #expect(try await redis.send(["INCRBY", "number", -9_223_372_036_854_775_807]).integer == -.max)
    #expect(try await redis.send(["CLIENT", "GETNAME"]).string == "sluice")
    await #expect(throws: RedisError.server("ERR wrong number of arguments for 'get' command")) {
      try await redis.send(["GET"])
    }
    #expect(try await redis.send(["PING"]).string == "PONG")
  }
}
