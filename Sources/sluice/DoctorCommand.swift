import ArgumentParser
import Doctor
import GatewayClient
import StreamLog

/// Steps with a comma between: `buffering,idle`.
struct StepList: ExpressibleByArgument, Sendable {
  let steps: Set<Step>

  init?(argument: String) {
    let found = argument.split(separator: ",", omittingEmptySubsequences: false).map { Step(rawValue: String($0)) }
    guard !found.contains(nil) else { return nil }
    steps = Set(found.compactMap { $0 })
  }
}

/// `sluice doctor`: go through a deployment as a client would, and say what the network in between makes of it.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Go through a deployment as a client would, and say what to mend.",
    discussion: """
      Asks at the URL that clients have, through every proxy in between: reach, upgrade, publish, buffering, polling, \
      idle, http2, cors, resume, sizes. Each step is ok, a warning (it works, and not as well as it could), a problem, \
      or skipped; what is not ok comes with what the network most likely does, and with lines for nginx, HAProxy and \
      the gateway that mend it. Messages are published to a topic of its own, which is erased at the end.

      Examples:
        sluice doctor https://rt.example.com
        sluice doctor https://rt.example.com --origin https://app.example.com
        sluice doctor http://127.0.0.1:8080 --idle 0s --json

      Exits with 1 if there was a problem; warnings are none. With --json there is one object a line, with step, \
      result, measured, transport, cause and remedies; the last one's step is summary.
      """)

  @OptionGroup var gateway: GatewayOptions

  @Argument(help: ArgumentHelp("The URL that clients are given; without it, as --url.", valueName: "url"))
  var address: String?

  @Option(help: ArgumentHelp("Sent as Authorization: Bearer. (SLUICE_TOKEN)", valueName: "token"))
  var token: String?

  @Option(help: ArgumentHelp("The origin of a page that is to use it: https://app.example.com.", valueName: "origin"))
  var origin: String?

  @Option(
    help: ArgumentHelp(
      "Where to publish; erased at the end, unless others have published there. (default: doctor.<random>)",
      valueName: "topic"))
  var topic: String?

  @Option(
    help: ArgumentHelp(
      "Look at this alone: a step, or several with a comma between; reach always is. (default: all)",
      valueName: "steps"))
  var only: StepList?

  @Flag(help: "Publish nothing: what needs messages is left out.")
  var noPublish = false

  @Option(
    help: ArgumentHelp(
      "How long connections are held without messages; 0s leaves that out. (default: 75s)", valueName: "duration"))
  var idle: DurationArgument?

  @Option(
    help: ArgumentHelp("How long to wait for what should come at once. (default: 5s)", valueName: "duration"))
  var patience: DurationArgument?

  func validate() throws {
    if address != nil, gateway.url != nil { throw ValidationError("give the URL once: as an argument, or with --url") }
    if let patience, patience.duration <= .zero { throw ValidationError("--patience must be more than 0s") }
    if let token = givenToken, !Self.canBeSent(token) {
      throw ValidationError("--token, or SLUICE_TOKEN, has a character that no header can carry")
    }
    if let topic {
      do { _ = try TopicName(topic) } catch { throw ValidationError("--topic is not one to publish to: \(error)") }
    }
    if let origin {
      guard let url = try? GatewayURL(origin), url.target == "/", !origin.hasSuffix("/"), Self.canBeSent(origin) else {
        throw ValidationError("--origin is what a browser sends: https://app.example.com, without a path")
      }
    }
  }

  private var givenToken: String? { token ?? GatewayOptions.environment("SLUICE_TOKEN") }

  private static func canBeSent(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
  }

  func run() async throws {
    let plan: ExaminationPlan
    do { plan = try self.plan() } catch { throw sluice.exit(for: error) }
    let printsJSON = gateway.json
    let diagnosis: Diagnosis
    do {
      diagnosis = try await withInterruption {
        try await Examination.run(plan) { finding in
          Self.show(nil)
          if printsJSON {
            try StandardOutput.line(finding.json)
          } else {
            for line in finding.lines { try StandardOutput.line(line) }
          }
        } progress: {
          Self.show($0)
        }
      }
    } catch {
      Self.show(nil)
      throw sluice.exit(for: error)
    }
    try StandardOutput.reportingClosed {
      if printsJSON { return try StandardOutput.line(diagnosis.json) }
      for line in diagnosis.lines { try StandardOutput.line(line) }
    }
    if diagnosis.count(.problem) > 0 { throw ExitCode.refused }
  }

  private func plan() throws -> ExaminationPlan {
    var plan = ExaminationPlan(url: try gateway.gateway(at: address ?? gateway.url), topic: topic)
    plan.admin = try gateway.givenAdmin()
    plan.token = givenToken
    plan.origin = origin
    plan.publishes = !noPublish
    if let only { plan.steps = only.steps }
    if let idle { plan.idle = idle.duration }
    if let patience { plan.patience = patience.duration }
    return plan
  }

  /// What takes a while, on a terminal.
  private static func show(_ text: String?) {
    guard StandardError.isTerminal else { return }
    StandardError.progress(text.map { "… \($0)" } ?? "")
  }
}
