import ArgumentParser
import GatewayClient
import WireFormat

/// `sluice disconnect`: end connections; their clients come back and resume.
struct DisconnectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disconnect",
    abstract: "End connections by session, by subscription, or all of them.",
    discussion: "Clients are told to come back and go on where they were.")

  @OptionGroup var gateway: GatewayOptions

  @Argument(help: "Sessions, as `sluice connections` lists them.")
  var sessions: [String] = []

  @Option(
    help: ArgumentHelp(
      "End every connection that is subscribed to this very topic or pattern, or to a topic it matches.",
      valueName: "pattern"))
  var topic: String?

  @Flag(help: "End every connection.")
  var all = false

  func validate() throws {
    let given = (sessions.isEmpty ? 0 : 1) + (topic == nil ? 0 : 1) + (all ? 1 : 0)
    guard given == 1 else { throw ValidationError("name sessions, or give --topic, or --all: one of the three") }
  }

  func run() async throws {
    let body: JSONValue
    if let topic {
      body = .object([("topic", .string(topic))])
    } else if all {
      body = .object([("all", true)])
    } else {
      body = .object([("sessions", .array(sessions.map { .string($0) }))])
    }
    try await withGateway(gateway.admin) { calls in
      let answer = try await calls.json(.post, "/v1/admin/disconnect", body: body)
      if gateway.json { return try StandardOutput.line(answer) }
      try StandardOutput.line("disconnected \(answer["disconnected"]?.intValue ?? 0)")
    }
  }
}
