import ArgumentParser
import Bench
import GatewayClient

extension BenchPlan.Scenario: ExpressibleByArgument {}

/// `sluice bench`: put load on a gateway, and say what it made of it.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Put load on a gateway and measure what it makes of it.",
    discussion: """
      Connects subscribers, publishes to them, and checks that each got every message once and in order. Topics are \
      under a random prefix of the run's own (bench.<random>.<n>), so that no topic in use is touched. The load is \
      real: think before you point it at a gateway in service.

      Scenarios:
        fan-out        Subscribers connect, then publishers publish for
                       --duration. With 0 subscribers publishing alone is
                       measured, with 0 publishers idle connections are held.
        connect-storm  All subscribers connect at once. Measured until each has
                       its hello.
        resume-storm   All subscribers come back at once, each --behind messages
                       behind. Measured until each has them all. With --live
                       others stay connected; their latency before and during
                       the storm is shown apart.

      Examples:
        sluice bench --subscribers 1000 --publishers 16
        sluice bench --transport websocket=500,sse=300,poll=100 --rate 200
        sluice bench --subscribers 0 --publishers 16 --svg publishing.svg
        sluice bench --scenario resume-storm --subscribers 5000 --live 500

      Latency is from just before a message is sent to its receipt by a subscriber, both in this process. The table \
      ends with the CPU the gateway took, as its admin listener tells, and the bench's own: when the bench takes a \
      whole core, it is the bench that is measured. A publisher has one message under way: where acknowledgements take \
      longer than --rate leaves it, it is late; give it company.

      Exits with 1 if the run was not complete or had errors. Ctrl-C ends it early: what there is until then is \
      printed, and it exits with 130.
      """)

  @OptionGroup var gateway: GatewayOptions

  @Option(help: "fan-out, connect-storm or resume-storm.")
  var scenario = BenchPlan.Scenario.fanOut

  @Option(help: ArgumentHelp("How many subscribers. (default: 100)", valueName: "n"))
  var subscribers: Int?

  @Option(
    help: ArgumentHelp(
      "websocket, sse, ndjson or poll; or several with a number each: websocket=500,sse=300.", valueName: "mix"))
  var transport = "websocket"

  @Option(help: ArgumentHelp("How many publishers, a connection each.", valueName: "n"))
  var publishers = 1

  @Option(
    help: ArgumentHelp(
      "Messages a second of all publishers; without it each sends when its last was acknowledged. With --live: 20.",
      valueName: "n"))
  var rate: Double?

  @Option(help: ArgumentHelp("The size of each message's payload, a JSON object.", valueName: "bytes"))
  var payload = 128

  @Option(help: ArgumentHelp("Topics of each subscriber.", valueName: "n"))
  var topics = 1

  @Option(help: ArgumentHelp("Groups of subscribers, each with topics of its own.", valueName: "n"))
  var groups = 1

  @Option(help: ArgumentHelp("How long to publish, such as 30s or 5m. (default: 10s)", valueName: "duration"))
  var duration: DurationArgument?

  @Option(help: ArgumentHelp("resume-storm: messages each subscriber has missed.", valueName: "n"))
  var behind = 100

  @Option(
    help: ArgumentHelp("resume-storm: subscribers that stay connected, with topics of their own.", valueName: "n"))
  var live = 0

  @Option(
    help: ArgumentHelp(
      "Threads of the bench. One is enough until it takes a whole core; more take cores from a gateway beside it.",
      valueName: "n"))
  var threads = 1

  @Option(help: ArgumentHelp("Write a chart of latency and deliveries over time.", valueName: "file"))
  var svg: String?

  func run() async throws {
    let plan: BenchPlan
    do { plan = try self.plan() } catch { throw ValidationError("\(error)") }
    let chart = try svg.map { try BenchChartFile(path: $0) }
    let json = gateway.json
    guard try !gateway.gateway().isSecure else {
      throw ValidationError("the bench speaks clear text only: give it the http:// URL of a listener without TLS")
    }
    let admin = try gateway.admin()
    try await withGateway(gateway.gateway) { calls in
      let report = try await Self.report(plan, calls, admin: GatewayCalls(client: calls.client, base: admin))
      try StandardOutput.reportingClosed {
        if json {
          try StandardOutput.line(report.json)
        } else {
          for line in report.lines { try StandardOutput.line(line) }
        }
      }
      try chart?.write(report.chart)
      if report.wasInterrupted { throw ExitCode.interrupted }
      if !report.isComplete { throw ExitCode.refused }
    }
  }

  private func plan() throws(PlanError) -> BenchPlan {
    if let subscribers, subscribers < 0 { throw PlanError("--subscribers cannot be negative") }
    let mix = try TransportMix(transport)
    return try BenchPlan(
      scenario: scenario, transports: mix.transports(subscribers: subscribers, otherwise: 100),
      publishers: publishers, rate: rate, payloadBytes: payload, topicsEach: topics, groups: groups,
      duration: duration?.duration ?? .seconds(10), threads: threads, behind: behind, live: live)
  }

  /// Runs it; a signal ends it early.
  private static func report(
    _ plan: BenchPlan, _ calls: GatewayCalls, admin: GatewayCalls
  ) async throws -> BenchReport {
    let progress = BenchProgressLine()
    defer { progress.end() }
    do {
      let run = try await BenchRun(plan, gateway: calls, admin: admin) { progress.show($0) }
      return try await withInterruption {
        try await withTaskCancellationHandler {
          // In a task of its own, which goes on when this one is cancelled: there is still something to report.
          try await Task { try await run.run() }.value
        } onCancel: {
          run.interrupt()
        }
      }
    } catch let error as PlanError {
      throw ValidationError("\(error)")
    } catch let error as BenchFailure {
      StandardError.line("sluice: \(error)")
      throw ExitCode.unavailable
    }
  }
}
