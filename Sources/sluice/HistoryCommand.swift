import ArgumentParser
import GatewayClient

/// `sluice history`: what a topic still holds.
struct HistoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "Print the messages a topic still holds, oldest first.")
  /// What the gateway sends if it is not asked for a number; it may be set to less, never asked for more.
  private static let page = 100

  @OptionGroup var gateway: GatewayOptions

  @Argument(help: "The topic.")
  var topic: String

  @Option(help: ArgumentHelp("Begin after this id. (default: the oldest message held)", valueName: "id"))
  var since: String?

  @Option(help: "Print at most this many messages.")
  var limit = 100

  @Flag(help: "Print all of them.")
  var all = false

  func validate() throws {
    if limit < 1 { throw ValidationError("--limit must be at least 1") }
  }

  func run() async throws {
    try await withGateway(gateway.gateway) { calls in
      var rest = all ? Int.max : limit
      var since = since ?? "earliest"
      while rest > 0 {
        var query = QueryString()
        query.add("since", since)
        if rest < Self.page { query.add("limit", "\(rest)") }
        let answer = try await calls.send(.get, query.appended(to: "\(GatewayCalls.path(ofTopic: topic))/messages"))
        guard let object = ReceivedObject(answer), let items = object.elements("items") else {
          throw GatewayClientError.notUnderstood("its history is not {\"items\":[…],\"next\":…}")
        }
        for item in items {
          let raw = Array(item)
          try StandardOutput.line(gateway.json ? raw : Array(MessageLine.text(ofItem: raw).utf8))
          if ReceivedObject(raw)?.string("type") == nil { rest -= 1 }
        }
        guard !items.isEmpty, let next = object.string("next"), next != since else { return }
        since = next
      }
    }
  }
}
