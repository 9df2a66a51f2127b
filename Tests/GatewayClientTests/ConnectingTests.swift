import Dispatch
import GatewayClient
import HTTPSyntax
import NIOCore
import NIOPosix
import Testing

/// TLS that fails at once, before the connection is returned to whoever connects. The handlers were looked up in the
/// channel after connecting; a channel that TLS had closed by then had none, and the error was "notFound" or "closed while
/// unused" instead of the reason.
@Suite(.timeLimit(.minutes(10))) struct ConnectingTests {
  private static let attempts = 5

  /// Calls `body` with an `https:` URL of a server without TLS, which speaks first.
  private static func withClearServer(_ body: (GatewayURL) async throws -> Void) async throws {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ClearGreeting())
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let port = channel.localAddress?.port ?? 0
    let result: Result<Void, any Error>
    do {
      try await body(GatewayURL(host: "127.0.0.1", port: port, isSecure: true, trust: GatewayTrust(verifies: false)))
      result = .success(())
    } catch {
      result = .failure(error)
    }
    try await channel.close()
    try result.get()
  }

  /// Makes many attempts at the same time, on a machine that seems busy.
  ///
  /// - Returns: the errors that do not say that TLS failed.
  private static func wrongErrors(
    _ attempt: @escaping @Sendable (GatewayURL) async throws -> GatewayClientError?
  ) async throws -> [String] {
    var wrong: [String] = []
    try await withClearServer { url in
      try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<attempts {
          group.addTask(executorPreference: SlowExecutor()) {
            do {
              return try await attempt(url)?.description ?? "no error"
            } catch {
              return "\(error)"
            }
          }
        }
        for try await error in group
        where !error.hasPrefix("this does not answer like a gateway: TLS with it failed") { wrong.append(error) }
      }
    }
    return wrong
  }

  @Test func `a request says that TLS failed`() async throws {
    let client = HTTPClient()
    let wrong = try await Self.wrongErrors { url in
      _ = try await client.request(.GET, url)
      return nil
    }
    #expect(wrong == [])
    await client.close()
  }

  @Test func `a websocket says that TLS failed`() async throws {
    let wrong = try await Self.wrongErrors { url in
      _ = try await WebSocketClient.connect(to: url)
      return nil
    }
    #expect(wrong == [])
  }

  @Test func `an HTTP/2 connection says that TLS failed`() async throws {
    let wrong = try await Self.wrongErrors { url in
      _ = try await HTTP2Client.connect(to: url)
      return nil
    }
    #expect(wrong == [])
  }

  @Test func `a trial of a connection says that TLS failed`() async throws {
    let wrong = try await Self.wrongErrors { url in
      try await ConnectionTrial.run(to: url).failure
    }
    #expect(wrong == [])
  }
}

/// Runs each step of a task only after 200 ms, like a machine that is busy. Event loops do not wait for it.
private final class SlowExecutor: TaskExecutor {
  private let queue = DispatchQueue(label: "slow")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.asyncAfter(deadline: .now() + .milliseconds(200)) {
      job.runSynchronously(on: self.asUnownedTaskExecutor())
    }
  }
}

/// Answers in clear before anything is asked.
private final class ClearGreeting: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  func channelActive(context: ChannelHandlerContext) {
    let answer = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
  }
}
