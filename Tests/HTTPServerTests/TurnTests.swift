import HTTPServer
import Locking
import NIOCore
import HTTPSyntax
import Synchronization
import Testing

/// A storm of requests on one loop, and what else the loop has to do.
@Suite(.timeLimit(.minutes(10))) struct TurnTests {
  /// A loop serves everything that is ready before it runs a task, so without turns a task queued by the first of many
  /// requests ran after the last of them: bursts stood still for as long as a connect storm lasted.
  @Test func `between the requests of a storm the loop's tasks run, and every request is answered once`() async throws {
    var settings = HTTPListenerSettings()
    settings.turnTime = .milliseconds(1)
    let loops = Guarded<[ObjectIdentifier: [String]]>([:])
    try await ListenerHarness.run(settings) { exchange in
      let loop = ObjectIdentifier(exchange.eventLoop)
      let number = exchange.request.target.rawPath
      loops.withLock { $0[loop, default: []].append("request") }
      exchange.eventLoop.assumeIsolated().execute { loops.withLock { $0[loop, default: []].append("task") } }
      // Each request is work for a while.
      let end = NIODeadline.now() + .microseconds(500)
      while .now() < end {}
      exchange.respond(HTTPResponse(status: 200, headers: [:], body: ByteBuffer(string: number)))
    } _: { server throws in
      let clients = try (0..<200).map { _ in try server.client() }
      // Two at once on each connection: pipelined ones wait their turn as well.
      for (number, client) in clients.enumerated() {
        client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\nGET /again\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
      }
      for (number, client) in clients.enumerated() {
        #expect(try client.response().body == "/\(number)")
        #expect(try client.response().body == "/again\(number)")
      }
      for events in loops.withLock({ $0.values }) {
        // The longest run of requests without a task between: the unwatched ones and what fits into a turn.
        let longest = events.split(separator: "task").map(\.count).max() ?? 0
        #expect(longest < 50, "\(longest) of \(events.count / 2) requests in a row")
      }
    }
  }
}
