package import Configuration
import Delivery
package import HTTPServer
import Locking
package import Logging
package import NIOCore
import NIOPosix
import StreamLog
package import StreamStores
import Synchronization
import TLS
import Transports
import WireFormat

/// Everything put together: the store, the loops with their hubs and transports, and the two listeners.
package final class Gateway: Sendable {
  package let configuration: GatewayConfiguration
  package let store: any StreamStore
  let loops: Loops
  let publisher: Publisher
  let ledger: MemoryLedger
  let logger: Logger
  /// Nanoseconds of the monotonic clock.
  let startedAt = SystemClock.monotonic
  private let admission: Admission
  private let acceptGroup: MultiThreadedEventLoopGroup
  private let group: MultiThreadedEventLoopGroup
  private let listeners = Guarded<Listeners>(Listeners())
  private let sweeper: RepeatedTask
  /// nil where there is no TLS.
  let certificates: CertificateKeeper?
  private let drainRequested: AsyncStream<Void>
  private let drainRequest: AsyncStream<Void>.Continuation

  private struct Listeners {
    var open: HTTPListener?
    var admin: HTTPListener?
    var certificateWatch: RepeatedTask?
    var isStopped = false
  }

  // MARK: Starting

  /// Starts a gateway; it serves when this returns.
  ///
  /// - Throws: what binding an address throws, as `ListenFailure`; what is wrong with the certificates.
  package static func start(_ configuration: GatewayConfiguration, logger: Logger) async throws -> Gateway {
    // Before there is anything that would have to be stopped again.
    let certificates = try TLSSettings(configuration.tls).map { (settings) throws(TLSConfigurationErrors) in
      try CertificateKeeper(settings, logger: logger)
    }
    let count = configuration.eventLoops > 0 ? configuration.eventLoops : AvailableCores.count
    let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
    let acceptGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let ledger = MemoryLedger()
    var generator = SystemRandomNumberGenerator()
    let store = try await StoreOpening.open(
      configuration, epoch: .random(using: &generator), ledger: ledger, logger: logger)
    let publisher = Publisher(store: store)
    let admission = Admission()
    let loops = try await Loops.make(
      group, store: store, configuration: configuration, publisher: publisher, admission: admission, ledger: ledger,
      logger: logger)
    let gateway = Gateway(
      configuration: configuration, store: store, loops: loops, publisher: publisher, ledger: ledger, logger: logger,
      admission: admission, group: group, acceptGroup: acceptGroup,
      sweeper: StoreWatch(store, logger: logger).start(on: acceptGroup.next()),
      certificates: certificates)
    do {
      try await gateway.listen()
    } catch {
      await gateway.stop()
      throw error
    }
    return gateway
  }

  private init(
    configuration: GatewayConfiguration, store: any StreamStore, loops: Loops, publisher: Publisher,
    ledger: MemoryLedger, logger: Logger, admission: Admission, group: MultiThreadedEventLoopGroup,
    acceptGroup: MultiThreadedEventLoopGroup, sweeper: RepeatedTask, certificates: CertificateKeeper?
  ) {
    self.configuration = configuration
    self.store = store
    self.loops = loops
    self.publisher = publisher
    self.ledger = ledger
    self.logger = logger
    self.admission = admission
    self.group = group
    self.acceptGroup = acceptGroup
    self.sweeper = sweeper
    self.certificates = certificates
    (drainRequested, drainRequest) = AsyncStream.makeStream()
  }

  private func listen() async throws {
    let settings = HTTPListenerSettings(configuration)
    let loops = loops
    var publicSettings = settings
    publicSettings.tls = certificates?.served
    let open = try await bind(configuration.listen, publicSettings) { exchange in
      loops[exchange.eventLoop].publicRoutes.value.route(exchange)
    }
    listeners.withLock { $0.open = open }
    watchCertificates()
    logger.info("listening", metadata: ["url": "\(url ?? "")"])
    if let address = configuration.admin {
      var settings = settings
      settings.connections = 1000
      settings.connectionsPerAddress = 1000
      settings.trustedProxies = AddressRanges()
      settings.expectsProxyHeader = false
      let routes = AdminRoutes(self)
      let admin = try await bind(address, settings) { routes.route($0) }
      listeners.withLock { $0.admin = admin }
      logger.info("listening for operators", metadata: ["url": "http://\(admin.address.hostAndPort)"])
    }
  }

  /// Looks at the certificates' files now and then; the accepting loop has time for it.
  private func watchCertificates() {
    guard let certificates else { return }
    let interval = configuration.tls.reloadInterval.timeAmount
    let watch = acceptGroup.next().scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
      certificates.look()
    }
    listeners.withLock { $0.certificateWatch = watch }
  }

  /// Reads the certificates anew; what is wrong with them is logged, and changes nothing.
  package func reloadCertificates() {
    if let certificates { certificates.reload() } else { logger.notice("nothing to reload: tls.certificates is empty") }
  }

  private func bind(
    _ address: ListenAddress, _ settings: HTTPListenerSettings,
    route: @escaping @Sendable (any HTTPExchange) -> Void
  ) async throws -> HTTPListener {
    do {
      return try await HTTPListener.start(
        host: address.host, port: address.port, acceptGroup: acceptGroup, childGroup: group,
        turns: { [loops] in loops[$0].turns.value }, settings: settings,
        logger: logger, problem: { [configuration] in HTTPResponse($0, $1, configuration) }, route: route)
    } catch {
      throw ListenFailure(address: "\(address)", cause: error)
    }
  }

  // MARK: What it is like

  /// Where clients reach it, with the port it got.
  package var url: String? {
    publicListener.map { "\(certificates == nil ? "http" : "https")://\($0.address.hostAndPort)" }
  }
  /// The certificate's file, where it is one that nobody but itself vouches for.
  package var ownCertificate: String? {
    certificates?.served.context.certificates.first { $0.isSelfSigned }?.file
  }
  package var adminURL: String? { adminListener.map { "http://\($0.address.hostAndPort)" } }

  package var publicListener: HTTPListener? { listeners.withLock { $0.open } }
  package var adminListener: HTTPListener? { listeners.withLock { $0.admin } }

  package var isDraining: Bool { admission.isDraining }

  /// Why a load balancer should send no new connection here; nil if it may. Existing ones are not touched by it.
  var reasonNotToAccept: String? {
    if isDraining { return "draining" }
    if let listener = publicListener, listener.connections >= configuration.limits.connections {
      return "connections"
    }
    return ledger.unsent > configuration.limits.memory / 4 ? "memory" : nil
  }

  // MARK: Going away

  /// Asks for what `run` waits for.
  package func requestDrain() { drainRequest.yield() }

  /// Returns once somebody asked for a drain.
  package func waitForDrainRequest() async {
    for await _ in drainRequested { return }
  }

  /// Sends everyone away with a time to come back, spread over the window, and waits until they are gone; then, or
  /// when the time for it is over, stops.
  package func drain() async {
    let window = configuration.drain.window.milliseconds
    let deadline = ContinuousClock.now + configuration.drain.timeout
    admission.drain()
    logger.info("draining", metadata: ["connections": "\(publicListener?.connections ?? 0)"])
    try? await publicListener?.goAway()
    for part in loops.parts {
      part.hub.execute { Gateway.dismissSome($0, window: window) }
      part.eventLoop.execute { part.context.value.closeEchoes() }
    }
    while ContinuousClock.now < deadline, await hasSubscribers() {
      try? await Task.sleep(for: .milliseconds(20))
    }
    await publicListener?.stopAccepting()
    try? await publicListener?.closeIdle()
    while ContinuousClock.now < deadline, let listener = publicListener, listener.connections > 0 {
      try? await Task.sleep(for: .milliseconds(20))
    }
    if let left = publicListener?.connections, left > 0 {
      logger.warning("closing what is left", metadata: ["connections": "\(left)"])
    }
    await stop()
    logger.info("stopped")
  }

  /// A few at a time, so that a loop with many subscribers goes on serving its sockets.
  @Sendable private static func dismissSome(_ hub: Hub, window: Int) {
    let dismissed = hub.dismissAll(limit: 500) { _, _ in
      .draining(afterMilliseconds: Int.random(in: 0...max(window, 1)) + 100)
    }
    guard dismissed > 0 else { return }
    let handle = HubHandle(hub)
    hub.eventLoop.scheduleTask(in: .milliseconds(5)) { handle.execute { dismissSome($0, window: window) } }
  }

  private func hasSubscribers() async -> Bool {
    let counts = try? await loops.counts(on: group.next()).get()
    return (counts?.hub.subscribers ?? 0) > 0
  }

  /// Closes everything at once. Once is enough: after a drain there is nothing left to do.
  package func stop() async {
    let isFirst = listeners.withLock { listeners in
      defer { listeners.isStopped = true }
      return !listeners.isStopped
    }
    guard isFirst else { return }
    sweeper.cancel()
    listeners.withLock { $0.certificateWatch?.cancel() }
    try? await publicListener?.shutdown()
    try? await adminListener?.shutdown()
    try? await acceptGroup.shutdownGracefully()
    try? await group.shutdownGracefully()
    store.close()
  }
}

/// An address that cannot be listened on.
package struct ListenFailure: Error, CustomStringConvertible {
  let address: String
  let cause: any Error

  package var description: String { "cannot listen on \(address): \(cause)" }
}

extension SocketAddress {
  /// As a URL has it.
  package var hostAndPort: String {
    let host = ipAddress ?? "localhost"
    return host.contains(":") ? "[\(host)]:\(port ?? 0)" : "\(host):\(port ?? 0)"
  }
}
