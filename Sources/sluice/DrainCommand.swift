import ArgumentParser
import GatewayClient
import WireFormat

/// `sluice drain`: send every client elsewhere, then end the gateway.
struct DrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain",
    abstract: "Ask the gateway to send its clients away and end.",
    discussion: "Clients are told to come back, spread over a window; the command waits until the gateway is gone.")
  private static let pause = Duration.milliseconds(250)

  @OptionGroup var gateway: GatewayOptions

  @Flag(inversion: .prefixedNo, help: "Wait until the gateway is gone.")
  var wait = true

  @Option(help: ArgumentHelp("Stop waiting after this time, such as 1m, with exit code 75.", valueName: "duration"))
  var timeout: DurationArgument?

  func run() async throws {
    let json = gateway.json
    let (wait, timeout) = (wait, timeout?.duration)
    try await withGateway(gateway.admin) { calls in
      let answer = try await calls.json(.post, "/v1/admin/drain")
      let connections = answer["connections"]?.intValue ?? 0
      if json {
        try StandardOutput.line(answer)
      } else {
        try StandardOutput.line("draining \(connections) connections")
      }
      guard wait else { return }
      try await withInterruption { try await Self.follow(calls, connections, timeout: timeout) }
      if !json { try StandardOutput.line("the gateway is gone") }
    }
  }

  /// Says how many connections are left, whenever that changes, until nobody answers any more.
  private static func follow(_ calls: GatewayCalls, _ connections: Int, timeout: Duration?) async throws {
    let clock = ContinuousClock()
    let deadline = timeout.map { clock.now + $0 }
    var shown = connections
    while true {
      do {
        let left = try await calls.json(.get, "/v1/admin/connections?limit=1")["total"]?.intValue ?? 0
        if left != shown { StandardError.line("sluice: \(left) connections left") }
        shown = left
      } catch GatewayClientError.unreachable {
        return
      } catch GatewayClientError.connectionLost {
        return
      }
      if let deadline, clock.now >= deadline {
        throw GatewayClientError.timedOut("the gateway is still there, with \(shown) connections")
      }
      try await Task.sleep(for: pause)
    }
  }
}
