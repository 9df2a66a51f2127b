import NIOCore
import RedisClient
import TestSupport
import TLS
import Testing

@Suite(.timeLimit(.minutes(10))) struct `Redis over TLS` {
  private func expectMisconfigured(
    _ settings: RedisSettings, saying words: String..., at location: SourceLocation = #_sourceLocation
  ) async {
    await #expect(sourceLocation: location) {
      try await RedisConnection.connect(settings)
    } throws: { error in
      guard case .misconfigured(let text) = error as? RedisError else { return false }
      return words.allSatisfy(text.contains)
    }
  }

  @Test(arguments: ["127.0.0.1", "localhost"]) func `carries commands and replies of any size`(
    host: String
  ) async throws {
    let files = try TLSFiles(in: TestFolder())
    let server = try await RedisServer.start(files.options(), portOption: "--tls-port", folder: files.folder)
    let redis = try await RedisConnection.connect(try server.settings(trusting: files, host: host))
    let outcomes = Outcomes()
    for number in 0..<10_000 { redis.send(["INCR", "n"]) { outcomes.take($0, of: number) } }
    #expect(try await outcomes.wait { $0.all == 10_000 } == Outcomes.Counts(answered: 10_000))
    let value = [UInt8](repeating: 3, count: 3 << 20)
    _ = try await redis.send(["SET", "big", .bytes(value)])
    let isSame = try await redis.send(["GET", "big"]) == .bulk(value)
    #expect(isSame)
    server.kill()
    try await redis.closed.get()
  }

  @Test func `is refused with the reason where the certificate is not good`() async throws {
    let files = try TLSFiles(in: TestFolder())
    let server = try await RedisServer.start(files.options(), portOption: "--tls-port", folder: files.folder)
    var settings = try server.settings(trusting: files)
    settings.caFile = files.path("stranger.pem")
    await expectMisconfigured(settings, saying: "not trusted", "127.0.0.1:\(server.port)")
    settings.caFile = files.path("nowhere.pem")
    await expectMisconfigured(settings, saying: "nowhere.pem", "No such file")
    let other = try await RedisServer.start(
      files.options(certificate: "elsewhere"), portOption: "--tls-port", folder: files.folder)
    await expectMisconfigured(try other.settings(trusting: files), saying: "not trusted", "mismatch")
  }

  @Test func `is told from Redis in clear, both ways`() async throws {
    let files = try TLSFiles(in: TestFolder())
    let clear = try await RedisServer.start()
    let secure = try await RedisServer.start(files.options(), portOption: "--tls-port", folder: files.folder)
    // Either may wait for more of what it does not understand.
    for (var settings, word) in [(try clear.settings(trusting: files), "redis:"), (try secure.settings(), "rediss:")] {
      settings.connectTimeout = .seconds(1)
      await #expect {
        try await RedisConnection.connect(settings)
      } throws: { "\($0)".contains(" \(word)") }
    }
  }

  @Test func `shows a certificate of ours, and says so where the server wants one`() async throws {
    let files = try TLSFiles(in: TestFolder())
    let server = try await RedisServer.start(
      files.options(clients: "yes"), portOption: "--tls-port", folder: files.folder)
    var settings = try server.settings(trusting: files)
    await expectMisconfigured(settings, saying: "wants one")
    settings.certificate = TLSSettings.Pair(certificate: files.path("client.pem"), key: files.path("client.key"))
    #expect(try await RedisConnection.connect(settings).send(["PING"]).string == "PONG")
    settings.certificate?.key = files.path("server.key")
    await expectMisconfigured(settings, saying: "server.key is not the key of")
    settings.certificate?.key = files.path("nowhere.key")
    await expectMisconfigured(settings, saying: "nowhere.key cannot be read")
  }

  @Test func `gives up on a server that does not shake hands`() async throws {
    let listener = try HeldPort(listens: true)
    var settings = RedisSettings(try RedisEndpoint("rediss://127.0.0.1:\(listener.number)"))
    settings.connectTimeout = .milliseconds(50)
    await #expect {
      try await RedisConnection.connect(settings)
    } throws: { error in
      if case .unreachable(let words) = error as? RedisError { words.contains("within 50 ms") } else { false }
    }
  }
}
