package import NIOCore
import NIOPosix
import TLS

/// Part of an answer over HTTP/2, in order.
package enum HTTP2AnswerPart: Sendable {
  case head(status: Int, headers: [(name: String, value: String)])
  case body(ByteBuffer)
}

/// One HTTP/2 connection over TLS, with as much as it takes to see whether streams work on it: answers are read as they
/// come, and what is not taken is held, not slowed down.
package final class HTTP2Client: Sendable {
  private let channel: any Channel
  private let handler: NIOLoopBound<HTTP2ClientHandler>

  private init(channel: any Channel, handler: NIOLoopBound<HTTP2ClientHandler>) {
    self.channel = channel
    self.handler = handler
  }

  /// - Parameter url: an `https://` one.
  /// - Throws: `GatewayClientError`: `notUnderstood` if the other side does not choose `h2`; `CancellationError`.
  package static func connect(to url: GatewayURL, timeout: Duration = .seconds(5)) async throws -> HTTP2Client {
    let client = try await url.connect(on: MultiThreadedEventLoopGroup.singleton.next(), timeout: timeout) { channel in
      let handler = HTTP2ClientHandler(eventLoop: channel.eventLoop)
      do {
        try url.secure(channel, applicationProtocols: ["h2"]) {
          handler.begin(applicationProtocol: $0.applicationProtocol)
        }
        try channel.pipeline.syncOperations.addHandler(handler)
      } catch {
        handler.fail(error)
        throw error
      }
      return HTTP2Client(channel: channel, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop))
    } discard: {
      $0.close()
    }
    try await client.agree(within: timeout)
    return client
  }

  /// Waits until HTTP/2 is agreed on.
  private func agree(within limit: Duration) async throws {
    let handler = handler
    let ready = channel.eventLoop.flatSubmit { handler.value.ready }
    let late = channel.eventLoop.scheduleTask(in: TimeAmount(limit)) {
      handler.value.fail(GatewayClientError.timedOut("no HTTP/2 connection within \(TimeAmount(limit).inSeconds)"))
    }
    defer { late.cancel() }
    try await ready.getOrCancel { _ in }
  }

  /// Sends a request without a body. Whoever stops reading the answer resets its stream.
  ///
  /// - Parameter protocol: of an extended CONNECT (RFC 8441), whose own side stays open.
  package func open(
    _ method: String, _ url: GatewayURL, headers: [(name: String, value: String)] = [], protocol: String? = nil
  ) -> AsyncThrowingStream<HTTP2AnswerPart, any Error> {
    let (answer, continuation) = AsyncThrowingStream.makeStream(of: HTTP2AnswerPart.self)
    channel.eventLoop.execute {
      self.handler.value.open(method, url, headers, protocol: `protocol`, continuation)
    }
    return answer
  }

  /// The server takes WebSockets on streams (SETTINGS_ENABLE_CONNECT_PROTOCOL). To be asked when it has answered
  /// something: its settings come before that.
  package func takesWebSockets() async throws -> Bool {
    try await channel.eventLoop.submit { self.handler.value.takesWebSockets }.get()
  }

  package func close() { channel.close(promise: nil) }

  deinit { channel.close(promise: nil) }
}
