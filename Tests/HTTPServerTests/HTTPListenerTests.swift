import Dispatch
import Glibc
import HTTPServer
import Logging
import LoopTurns
import NIOCore
import HTTPSyntax
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(10)))
struct HTTPListenerTests {
  private static let get = "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n"

  @Test func `a connection above the limit is told so and the others stay`() async throws {
    var settings = HTTPListenerSettings()
    settings.connections = 2
    settings.retryAfter = 7
    try await ListenerHarness.run(settings) { server throws in
      let kept = [try server.client(), try server.client()]
      for client in kept {
        client.send(Self.get)
        #expect(try client.response().status == 200)
      }
      // It need not send anything to learn it.
      let silent = try server.client()
      let refusal = try silent.response()
      #expect(refusal.status == 503)
      #expect(refusal.headers["retry-after"] == "7")
      #expect(refusal.headers["connection"] == "close")
      #expect(refusal.body == "{\"status\":503}")
      #expect(try silent.readToEnd() == "")
      // And one that sends first reads it all the same.
      let eager = try server.client()
      eager.send(String(repeating: Self.get, count: 100))
      #expect(try eager.response().status == 503)
      for client in kept {
        client.send(Self.get)
        #expect(try client.response().status == 200)
      }
      #expect(server.listener.connections == 2)
      #expect(server.listener.counters[.refusedTotal] == 2)
      kept[0].close()
      #expect(waitUntil { server.listener.connections == 1 })
      try server.checkStillServes()
    }
  }

  @Test func `an address above its own limit is told 429`() async throws {
    var settings = HTTPListenerSettings()
    settings.connectionsPerAddress = 1
    try await ListenerHarness.run(settings) { server throws in
      let kept = try server.client()
      kept.send(Self.get)
      #expect(try kept.response().status == 200)
      let refused = try server.client()
      let refusal = try refused.response()
      #expect(refusal.status == 429)
      #expect(refusal.headers["retry-after"] == "5")
      #expect(server.listener.counters[.refusedPerAddress] == 1)
      kept.close()
      #expect(waitUntil { server.listener.connections == 0 })
      try server.checkStillServes()
    }
  }

  @Test func `a refused client that does not go is closed`() async throws {
    var settings = HTTPListenerSettings()
    settings.connections = 0
    settings.refusalTime = .seconds(2)
    settings.refusalsAtOnce = 1
    try await ListenerHarness.run(settings) { server throws in
      let first = try server.client()
      #expect(try first.response().status == 503)
      // While the first lingers there is no room for another to be told why.
      let second = try server.client()
      #expect(try second.readToEnd() == "")
      #expect(
        waitUntil {
          guard let client = try? server.client() else { return false }
          return (try? client.response())?.status == 503
        })
    }
  }

  @Test func `connections are counted and shared out over the loops`() async throws {
    // Nobody else's connections take turns in it.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let listener = try await HTTPListener.start(
      host: "127.0.0.1", port: 0, acceptGroup: MultiThreadedEventLoopGroup.singleton, childGroup: group,
      turns: { LoopTurns($0) },
      settings: HTTPListenerSettings(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      problem: Routes.problem, route: Routes.standard)
    var clients: [RawClient] = []
    for _ in 0..<8 {
      let client = try RawClient(port: listener.address.port!)
      client.send(Self.get)
      #expect(try client.response().status == 200)
      clients.append(client)
    }
    let loops = try await listener.connectionsPerLoop()
    #expect(loops == [4, 4])
    #expect(listener.connections == 8)
    try await listener.shutdown()
    for client in clients { #expect(try client.readToEnd() == "") }
    #expect(waitUntil { listener.connections == 0 })
    try await group.shutdownGracefully()
  }

  @Test func `closing what is idle leaves open exchanges their answer`() async throws {
    let seen = Events()
    let listener = try await HTTPListener.start(
      host: "127.0.0.1", port: 0, acceptGroup: MultiThreadedEventLoopGroup.singleton,
      childGroup: MultiThreadedEventLoopGroup.singleton, turns: { LoopTurns($0) }, settings: HTTPListenerSettings(),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, problem: Routes.problem
    ) { exchange in
      guard exchange.request.target.rawPath == "/slow" else { return Routes.standard(exchange) }
      seen.add("slow")
      exchange.readBody(limit: 10) { _ in exchange.respond(HTTPResponse(status: 200)) }
    }
    let port = listener.address.port!
    let idle = try RawClient(port: port)
    idle.send(Self.get)
    #expect(try idle.response().status == 200)
    let busy = try RawClient(port: port)
    busy.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
    seen.wait(for: "slow")
    await listener.stopAccepting()
    try await listener.closeIdle()
    #expect(try idle.readToEnd() == "")
    #expect(throws: (any Error).self) { try RawClient(port: port) }
    busy.send("b")
    let response = try busy.response()
    #expect(response.status == 200)
    #expect(response.headers["connection"] == "close")
    #expect(try busy.readToEnd() == "")
    busy.close()
    #expect(waitUntil { listener.connections == 0 })
    try await listener.shutdown()
  }

  /// In a process of its own, because it uses up the descriptors.
  @Test func `a process without descriptors answers 503 and serves again once there are some`() async {
    await #expect(processExitsWith: .success) {
      var files = rlimit(rlim_cur: 256, rlim_max: 256)
      guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0 else { exit(1) }
      let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
      let listener = try await HTTPListener.start(
        host: "127.0.0.1", port: 0, acceptGroup: group, childGroup: group, turns: { LoopTurns($0) },
        settings: HTTPListenerSettings(),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, problem: Routes.problem,
        route: Routes.standard)
      let port = listener.address.port!
      let client = try RawClient(port: port)
      client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
      guard try client.response().status == 200 else { exit(6) }
      var hogs: [Int32] = []
      while true {
        let hog = dup(0)
        if hog < 0 { break }
        hogs.append(hog)
      }
      // One descriptor for the client's own end.
      Glibc.close(hogs.removeLast())
      let refused = try RawClient(port: port)
      let refusal = try refused.response()
      guard refusal.status == 503, refusal.headers["retry-after"] == "5" else { exit(2) }
      guard listener.counters[.acceptFailures] >= 1, listener.counters[.acceptFailures] < 20 else { exit(3) }
      // The connection that was there is untouched.
      client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
      guard try client.response().status == 200 else { exit(4) }
      for hog in hogs { Glibc.close(hog) }
      let served = waitUntil {
        guard let client = try? RawClient(port: port) else { return false }
        client.send("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n")
        return (try? client.response())?.status == 200
      }
      exit(served ? 0 : 5)
    }
  }
}
