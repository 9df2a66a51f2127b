package import Logging
package import LoopTurns
package import NIOCore
import NIOPosix

/// A listening socket and its connections.
///
/// Accepting has a loop of its own, so that a storm of new connections does not wait behind the old ones' traffic; the
/// connections live on the loops of another group, dealt out in turn.
package final class HTTPListener: Sendable {
  /// Where it listens; with port 0 asked for, the port it got.
  package let address: SocketAddress
  package let counters: HTTPCounters
  private let channel: any Channel
  private let loops: [(loop: any EventLoop, connections: NIOLoopBound<LoopConnections>)]
  private let ledger: ConnectionLedger

  private init(
    address: SocketAddress, channel: any Channel, counters: HTTPCounters, ledger: ConnectionLedger,
    loops: [(loop: any EventLoop, connections: NIOLoopBound<LoopConnections>)]
  ) {
    self.address = address
    self.channel = channel
    self.counters = counters
    self.ledger = ledger
    self.loops = loops
  }

  /// - Parameters:
  ///   - host: an address, or a name that resolves to one of this machine's.
  ///   - port: 0 takes a free one.
  ///   - acceptGroup: one thread is enough; must outlive the listener, like `childGroup`.
  ///   - childGroup: the loops that connections live on.
  ///   - turns: each loop's, asked for on the loop.
  ///   - problem: words a fault as a response, with the request's head where it came that far; called on any loop.
  ///   - route: gets every request, on its connection's loop.
  /// - Throws: what binding throws, such as `EADDRINUSE`.
  package static func start(
    host: String, port: Int, acceptGroup: any EventLoopGroup, childGroup: any EventLoopGroup,
    turns: @escaping @Sendable (any EventLoop) -> LoopTurns, settings: HTTPListenerSettings, logger: Logger,
    problem: @escaping @Sendable (HTTPFault, RequestHead?) -> HTTPResponse,
    route: @escaping @Sendable (any HTTPExchange) -> Void
  ) async throws -> HTTPListener {
    let counters = HTTPCounters()
    let ledger = ConnectionLedger(settings)
    var loops: [(loop: any EventLoop, connections: NIOLoopBound<LoopConnections>)] = []
    for loop in childGroup.makeIterator() {
      let connections = try await loop.submit {
        NIOLoopBound(
          LoopConnections(
            eventLoop: loop, settings: settings, turns: turns(loop), counters: counters, ledger: ledger, logger: logger,
            problem: problem, route: route),
          eventLoop: loop)
      }.get()
      loops.append((loop, connections))
    }
    let childLoops = loops.map(\.loop)
    let byLoop = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0.loop), $0.connections) })
    let full = HTTPFault.tooManyConnections(retryAfter: settings.retryAfter)
    let fullForAddress = HTTPFault.tooManyConnectionsFromAddress(retryAfter: settings.retryAfter)

    /// - Returns: nil if it is to be closed without a word.
    let admit = { @Sendable (remote: String) -> HTTPConnection.Place? in
      let isTrusted = settings.trustsProxy(at: remote)
      guard isTrusted || !settings.expectsProxyHeader else {
        counters.refuseProxyHeader("it comes from no address in proxy.trusted", of: remote, logger)
        return nil
      }
      let address = isTrusted ? nil : remote
      switch ledger.enter(address) {
      case .admitted:
        counters.count(.accepted)
        return .admitted(address: address)
      case .tooMany:
        counters.count(.refusedTotal)
        return ledger.enterRefusal() ? .refused(full) : nil
      case .tooManyFromAddress:
        counters.count(.refusedPerAddress)
        return ledger.enterRefusal() ? .refused(fullForAddress) : nil
      }
    }

    let bootstrap = ServerBootstrap(group: acceptGroup, childGroup: childGroup)
      .serverChannelOption(.backlog, value: settings.backlog)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.maxMessagesPerRead, value: 32)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            AcceptGate(
              settings: settings, answer: settings.tls == nil ? answer(problem(full, nil)) : nil, counters: counters,
              logger: logger,
              loops: childLoops, turns: turns))
        }
      }
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      // A peer that vanished without a word acknowledges nothing; small heartbeats alone would not fill the kernel's
      // buffer before the system gives up, a quarter of an hour later.
      .childChannelOption(
        .tcpOption(Self.userTimeout), value: Int(2 * settings.stallTime.nanoseconds / 1_000_000)
      )
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      // An idle connection keeps its receive buffer, so that begins small.
      .childChannelOption(
        .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 256, initial: 512, maximum: 65536)
      )
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard let shared = byLoop[ObjectIdentifier(channel.eventLoop)]?.value else {
            throw ChannelError.inappropriateOperationForState
          }
          let remote = Self.plainAddress(channel.remoteAddress?.ipAddress ?? "")
          guard let place = admit(remote) else { return channel.close(promise: nil) }
          let connection = HTTPConnection(shared: shared, remoteAddress: remote, place: place)
          do {
            try channel.pipeline.syncOperations.addHandler(connection)
          } catch {
            connection.depart()
            throw error
          }
          if case .admitted = place { shared.add(connection) }
        }
      }
    let channel = try await bootstrap.bind(host: host, port: port).get()
    guard let address = channel.localAddress else { throw ChannelError.unknownLocalAddress }
    return HTTPListener(address: address, channel: channel, counters: counters, ledger: ledger, loops: loops)
  }

  /// Open connections, refused ones apart.
  package var connections: Int { ledger.total }

  /// Open connections of each loop, in the group's order.
  package func connectionsPerLoop() async throws -> [Int] {
    var counts: [Int] = []
    for (loop, connections) in loops { counts.append(try await loop.submit { connections.value.count }.get()) }
    return counts
  }

  /// Takes no new connection from now on; clients get a refused connection from the kernel. Idempotent.
  package func stopAccepting() async {
    try? await channel.close().get()
  }

  /// Closes every connection without an exchange, and each other one after its answer.
  package func closeIdle() async throws {
    for (loop, connections) in loops { try await loop.submit { connections.value.closeIdle() }.get() }
  }

  /// Has clients that may have several requests open on a connection bring the next ones elsewhere (HTTP/2's GOAWAY);
  /// those that are open go on.
  package func goAway() async throws {
    for (loop, connections) in loops { try await loop.submit { connections.value.goAwayHTTP2() }.get() }
  }

  /// Stops accepting and closes every connection at once.
  package func shutdown() async throws {
    await stopAccepting()
    for (loop, connections) in loops { try await loop.submit { connections.value.closeAll() }.get() }
  }

  private static func answer(_ response: HTTPResponse) -> ByteBuffer {
    var bytes = ByteBuffer()
    var writer = ResponseWriter()
    writer.write(response, isHead: false, connection: .close, into: &bytes)
    return bytes
  }

  /// Linux `TCP_USER_TIMEOUT` (RFC 5482), in milliseconds; its name is not exported to Swift. Longer than our own
  /// clock, which ends and counts a peer that takes nothing; the kernel ends one that vanished.
  private static let userTimeout = NIOBSDSocket.Option(rawValue: 18)

  /// `::ffff:192.0.2.1`, as a socket for both families has it, is the same client as `192.0.2.1`.
  static func plainAddress(_ address: String) -> String {
    let prefix = "::ffff:"
    guard address.hasPrefix(prefix), address.utf8.contains(UInt8(ascii: ".")) else { return address }
    return String(address.dropFirst(prefix.count))
  }
}
