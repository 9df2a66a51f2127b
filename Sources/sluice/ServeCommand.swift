import ArgumentParser
import Configuration
import Dispatch
import Gateway
import Logging
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `sluice serve`: runs the gateway until it is asked to go.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the gateway.",
    discussion: """
      Settings come from the configuration file, SLUICE_… variables and these flags, each winning over the one before; \
      `sluice config show` says what is in force. SIGTERM, SIGINT and `sluice drain` send clients away with a time to \
      come back and stop the gateway within drain.timeout; a second signal stops it at once. SIGHUP reads the \
      certificates anew.
      """)

  @Flag(
    inversion: .prefixedNo, help: "Say what to try first; by default if standard error is a terminal.")
  var hint: Bool?

  @OptionGroup var options: ConfigurationOptions

  func run() async throws {
    let loaded = try options.load()
    let configuration = loaded.configuration
    let log = configuration.log
    LoggingSystem.bootstrap { _ in GatewayLogHandler(level: log.level, format: log.format) }
    let logger = Logger(label: "sluice")
    signal(SIGPIPE, SIG_IGN)
    let gateway: Gateway
    do {
      gateway = try await Gateway.start(configuration, logger: logger)
    } catch {
      logger.critical("cannot start", metadata: ["error": "\(error)"])
      throw ExitCode(69)
    }
    if let file = loaded.file { logger.info("configured", metadata: ["file": "\(file)"]) }
    if hint ?? (isatty(STDERR_FILENO) != 0), let url = gateway.url { suggest(url, of: gateway) }
    let signals = Self.watchSignals(gateway)
    await gateway.waitForDrainRequest()
    await gateway.drain()
    withExtendedLifetime(signals) {}
  }

  /// What a newcomer can try, when there is somebody to read it.
  private func suggest(_ url: String, of gateway: Gateway) {
    let curl = gateway.ownCertificate.map { "curl --cacert \($0)" } ?? "curl"
    var pages: [String] = []
    if gateway.configuration.demo {
      pages.append("  \(url)/demo      one stream over every transport; cut them and see\n")
    }
    if let admin = gateway.adminURL { pages.append("  \(admin)/console   topics, connections, a live tail\n") }
    let text = """

      Try it, in two other terminals:
        \(curl) -N -H 'Accept: text/event-stream' '\(url)/v1/stream?topic=hello'
        \(curl) --json '{"text":"hello, world"}' \(url)/v1/topics/hello/messages
      \(pages.isEmpty ? "" : "or in a browser:\n" + pages.joined())

      """
    _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
  }

  private static func watchSignals(_ gateway: Gateway) -> [any DispatchSourceSignal] {
    let asked = AskedOnce()
    let goAway = { @Sendable (number: Int32) in
      guard asked.isFirst else { _exit(128 + number) }
      gateway.requestDrain()
    }
    return [
      watch(SIGTERM, goAway), watch(SIGINT, goAway), watch(SIGHUP) { _ in gateway.reloadCertificates() },
    ]
  }

  private static func watch(_ number: Int32, _ body: @escaping @Sendable (Int32) -> Void) -> any DispatchSourceSignal {
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler { body(number) }
    source.resume()
    return source
  }
}

/// Whether it is the first time that somebody asks.
private final class AskedOnce: Sendable {
  private let wasAsked = Atomic<Bool>(false)

  var isFirst: Bool { !wasAsked.exchange(true, ordering: .relaxed) }
}
