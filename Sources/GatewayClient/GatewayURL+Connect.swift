import NIOCore
import NIOPosix

extension GatewayURL {
  /// Makes a TCP connection to the gateway.
  ///
  /// - Parameters:
  ///   - address: one address of the gateway; nil: all addresses of its name are tried.
  ///   - readsByItself: false: the handlers ask for each read.
  ///   - make: puts the handlers on the new channel, on its event loop, and returns what keeps them. The handlers cannot be
  ///     looked up after connecting: TLS may fail at once, and a closed channel has no handlers.
  ///   - discard: takes a connection that is made after the task was cancelled.
  /// - Throws: `GatewayClientError.unreachable`; `CancellationError` as soon as the task is cancelled.
  func connect<Connection: Sendable>(
    on eventLoop: any EventLoop, address: SocketAddress? = nil, timeout: Duration, readsByItself: Bool = true,
    make: @escaping @Sendable (any Channel) throws -> Connection, discard: @escaping @Sendable (Connection) -> Void
  ) async throws -> Connection {
    let connecting = eventLoop.makeFutureWithTask {
      let bootstrap = ClientBootstrap(group: eventLoop)
        .connectTimeout(TimeAmount(timeout))
        .channelOption(.autoRead, value: readsByItself)
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      let initialize: @Sendable (any Channel) -> EventLoopFuture<Connection> = { channel in
        channel.eventLoop.makeCompletedFuture { try make(channel) }
      }
      guard let address else {
        return try await bootstrap.connect(host: host, port: port, channelInitializer: initialize)
      }
      return try await bootstrap.connect(to: address, channelInitializer: initialize)
    }
    do {
      return try await connecting.getOrCancel(discard: discard)
    } catch let error as CancellationError {
      throw error
    } catch {
      throw ConnectionFailure.unreachable(self, error)
    }
  }
}
