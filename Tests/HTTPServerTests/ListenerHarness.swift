import Dispatch
import Glibc
import HTTPServer
import Locking
import Logging
import LoopTurns
import NIOCore
import HTTPSyntax
import NIOPosix
import Synchronization
import Testing

/// A listener for the length of one test, with blocking clients on a thread of their own.
struct ListenerHarness: Sendable {
  let listener: HTTPListener
  var port: Int { listener.address.port! }

  func client(receiveBuffer: Int32? = nil) throws -> RawClient {
    try RawClient(port: port, receiveBuffer: receiveBuffer)
  }

  /// One request on a connection of its own.
  func exchange(_ bytes: String) throws -> RawClient.Response {
    let client = try client()
    client.send(bytes)
    return try client.response()
  }

  func checkStillServes(sourceLocation: SourceLocation = #_sourceLocation) throws {
    let response = try exchange("GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    #expect(response.status == 200, sourceLocation: sourceLocation)
    #expect(response.body == "ok", sourceLocation: sourceLocation)
  }

  static func run(
    _ settings: HTTPListenerSettings = HTTPListenerSettings(),
    route: @escaping @Sendable (any HTTPExchange) -> Void = Routes.standard,
    _ body: @escaping @Sendable (ListenerHarness) throws -> Void
  ) async throws {
    let listener = try await HTTPListener.start(
      host: "127.0.0.1", port: 0, acceptGroup: MultiThreadedEventLoopGroup.singleton,
      childGroup: MultiThreadedEventLoopGroup.singleton, turns: { LoopTurns($0) }, settings: settings,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, problem: Routes.problem, route: route)
    let harness = ListenerHarness(listener: listener)
    let result: Result<Void, any Error> = await withCheckedContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(returning: Result { try body(harness) }) }
    }
    try await listener.shutdown()
    try result.get()
  }
}

/// What happened on a loop, told to a test's thread.
final class Events: Sendable {
  private let list = Guarded<[String]>([])

  var all: [String] { list.withLock { $0 } }

  func add(_ event: String) { list.withLock { $0.append(event) } }

  /// Waits until `event` has happened.
  func wait(for event: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let happened = waitUntil { self.all.contains(event) }
    #expect(happened, "waited 10 s for \(event); there was \(all)", sourceLocation: sourceLocation)
  }
}

/// - Returns: whether `condition` came true within ten seconds.
func waitUntil(_ condition: () -> Bool) -> Bool {
  for _ in 0..<10_000 {
    if condition() { return true }
    usleep(1000)
  }
  return condition()
}

enum Routes {
  /// `/ok`, `/echo` (a body of at most 1000 bytes), `/unread`, `/big` (a megabyte); else 404 with the method and path.
  static let standard: @Sendable (any HTTPExchange) -> Void = { exchange in
    switch exchange.request.target.rawPath {
    case "/ok": exchange.respond(HTTPResponse(status: 200, body: ByteBuffer(string: "ok")))
    case "/echo":
      exchange.readBody(limit: 1000) { result in
        switch result {
        case .success(let body): exchange.respond(HTTPResponse(status: 200, body: body))
        case .failure(.tooLarge(let limit)):
          exchange.respond(HTTPResponse(status: 413, body: ByteBuffer(string: "at most \(limit)")))
        case .failure: break
        }
      }
    case "/unread": exchange.respond(HTTPResponse(status: 403))
    case "/big":
      exchange.respond(HTTPResponse(status: 200, body: ByteBuffer(repeating: 0x78, count: 1 << 20)))
    default:
      let text = "\(exchange.request.method) \(exchange.request.target.rawPath)"
      exchange.respond(HTTPResponse(status: 404, body: ByteBuffer(string: text)))
    }
  }

  static let problem: @Sendable (HTTPFault, RequestHead?) -> HTTPResponse = { fault, _ in
    var response = HTTPResponse(status: fault.status, headers: ["Content-Type": "application/problem+json"])
    response.body = ByteBuffer(string: "{\"status\":\(fault.status)}")
    switch fault {
    case .tooManyConnections(let seconds), .tooManyConnectionsFromAddress(let seconds):
      response.headers.add(name: "Retry-After", value: "\(seconds)")
    default: break
    }
    return response
  }
}
