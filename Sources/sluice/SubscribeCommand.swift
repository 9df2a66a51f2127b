import ArgumentParser
import GatewayClient
import Locking
import Synchronization

extension StreamTransport: ExpressibleByArgument {}

/// `sluice subscribe`: print messages as they come.
struct SubscribeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "subscribe",
    abstract: "Print messages of topics and patterns as they come.",
    discussion: """
      A lost connection is resumed where it broke. Ctrl-C ends it and says how to go on later. Messages and gaps go \
      to standard output, what happens to the connection to standard error.
      """)

  @OptionGroup var gateway: GatewayOptions

  @Argument(help: "Topics or patterns: * is one segment, a final > one or more.")
  var topics: [String]

  @Option(help: "websocket, sse, ndjson or poll.")
  var transport = StreamTransport.websocket

  @Option(help: ArgumentHelp("Go on after this id, or earliest. (default: from now on)", valueName: "id"))
  var since: String?

  @Option(help: ArgumentHelp("Begin with the last n messages of each topic.", valueName: "n"))
  var rewind: Int?

  @Option(help: ArgumentHelp("End after n messages.", valueName: "n"))
  var count: Int?

  @Option(
    help: ArgumentHelp(
      "End after this time, such as 30s; with --count, 75 if it was not reached.",
      valueName: "duration"))
  var timeout: DurationArgument?

  func validate() throws {
    if topics.isEmpty { throw ValidationError("name a topic or a pattern") }
    if let count, count < 1 { throw ValidationError("--count must be at least 1") }
    if let rewind, rewind < 1 { throw ValidationError("--rewind must be at least 1") }
    if since != nil, rewind != nil { throw ValidationError("give --since or --rewind, not both") }
  }

  func run() async throws {
    var options = SubscriptionOptions(topics: topics, transport: transport, since: since, rewind: rewind)
    options.failsWithoutFirstConnection = true
    let printer = ItemPrinter(printsJSON: gateway.json, count: count)
    let timeout = timeout?.duration
    try await withGateway(gateway.gateway) { [options] calls in
      let subscription = StreamSubscription(calls.base, options: options, client: calls.client)
      let ending: Ending
      do {
        ending = try await withInterruption { try await Self.read(subscription, printer, timeout: timeout) }
      } catch is CancellationError {
        ending = .interrupted
      }
      if ending != .complete, let position = subscription.position {
        StandardError.line("sluice: go on with --since \(position)")
      }
      switch ending {
      case .complete: break
      case .timedOut: if count != nil { throw ExitCode.timedOut }
      case .interrupted: if count != nil { throw ExitCode.interrupted }
      }
    }
  }

  private enum Ending: Sendable {
    case complete, timedOut, interrupted
  }

  /// Reads until the printer has enough or time is up.
  private static func read(
    _ subscription: StreamSubscription, _ printer: ItemPrinter, timeout: Duration?
  ) async throws -> Ending {
    try await withThrowingTaskGroup(of: Ending.self) { group in
      group.addTask {
        for try await item in subscription {
          if try printer.print(item) { return .complete }
        }
        return .complete
      }
      if let timeout {
        group.addTask {
          try await Task.sleep(for: timeout)
          return .timedOut
        }
      }
      defer { group.cancelAll() }
      return try await group.next() ?? .complete
    }
  }
}

/// Prints what a subscription tells, and counts.
final class ItemPrinter: Sendable {
  private struct State {
    var rest: Int?
    var hasBeenConnected = false
  }

  private let printsJSON: Bool
  private let state: Guarded<State>

  init(printsJSON: Bool, count: Int?) {
    self.printsJSON = printsJSON
    state = Guarded(State(rest: count))
  }

  /// - Returns: whether that was the last message asked for.
  func print(_ item: SubscriptionItem) throws -> Bool {
    switch item {
    case .message(let message):
      try StandardOutput.line(printsJSON ? message.raw : Array(MessageLine.text(message).utf8))
      return state.withLock { state in
        guard let rest = state.rest else { return false }
        state.rest = rest - 1
        return rest <= 1
      }
    case .gap(let gap):
      try StandardOutput.line(printsJSON ? gap.raw : Array(MessageLine.text(gap).utf8))
    case .fault(let refusal):
      StandardError.line("sluice: \(refusal)")
    case .reconnecting(let delay, let reason):
      let milliseconds = Int(delay / .milliseconds(1))
      StandardError.line("sluice: \(reason); trying again in \(milliseconds) ms")
    case .connected:
      let again = state.withLock { state in
        defer { state.hasBeenConnected = true }
        return state.hasBeenConnected
      }
      if again { StandardError.line("sluice: connected again") }
    case .hello, .caughtUp, .heartbeat: break
    }
    return false
  }
}
