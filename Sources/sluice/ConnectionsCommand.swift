import ArgumentParser
import GatewayClient
import WireFormat

/// `sluice connections`: who is connected.
struct ConnectionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "connections",
    abstract: "List connections, what they are subscribed to and how far behind they are.")

  @OptionGroup var gateway: GatewayOptions

  func run() async throws {
    try await withGateway(gateway.admin) { calls in
      let answer = try await calls.json(.get, "/v1/admin/connections")
      if gateway.json { return try StandardOutput.line(answer) }
      let connections = answer["connections"]?.arrayValue ?? []
      try StandardOutput.table(table(connections))
      if let total = answer["total"]?.intValue, total > connections.count {
        StandardError.line("sluice: \(connections.count) of \(total) connections shown")
      }
    }
  }

  private func table(_ connections: [JSONValue]) -> TextTable {
    var table = TextTable([
      ("SESSION", .left), ("TRANSPORT", .left), ("ADDRESS", .left), ("STATE", .left), ("LAG", .right),
      ("SENT", .right), ("AGE", .right), ("SUBSCRIPTIONS", .left),
    ])
    for connection in connections {
      let shown = connection["subscriptions"]?.arrayValue?.count ?? 0
      let more = (connection["subscription_count"]?.intValue ?? shown) - shown
      table.add(
        connection.text("session"), connection.text("transport"), connection.text("address"),
        connection.text("state"), connection.text("lag"), connection.text("sent_messages"),
        Self.age(milliseconds: connection["connected_ms"]?.intValue),
        connection.text("subscriptions") + (more > 0 ? " and \(more) more" : ""))
    }
    return table
  }

  /// The two largest units that are not empty: `3d 4h`, `5m 12s`, `8s`.
  private static func age(milliseconds: Int?) -> String {
    guard let milliseconds else { return "" }
    let seconds = milliseconds / 1000
    let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")]
    let shown = parts.drop { $0.0 == 0 }.prefix(2)
    return shown.isEmpty ? "0s" : shown.map { "\($0.0)\($0.1)" }.joined(separator: " ")
  }
}
