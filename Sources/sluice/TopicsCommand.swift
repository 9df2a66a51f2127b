import ArgumentParser
import GatewayClient
import WireFormat

/// `sluice topics`: what the gateway holds.
struct TopicsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "topics",
    abstract: "List topics, look at one, or delete its history.",
    subcommands: [List.self, Show.self, Delete.self],
    defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List topics with their last message and subscribers.")
    private static let page = 1000

    @OptionGroup var gateway: GatewayOptions

    @Option(help: ArgumentHelp("Only topics that this pattern matches: * is one segment, a final > one or more."))
    var match: String?

    @Option(help: "List at most this many.")
    var limit: Int?

    func validate() throws {
      if let limit, limit < 1 { throw ValidationError("--limit must be at least 1") }
    }

    func run() async throws {
      try await withGateway(gateway.admin) { calls in
        var topics: [JSONValue] = []
        var after: String?
        repeat {
          var query = QueryString()
          if let match { query.add("match", match) }
          if let after { query.add("after", after) }
          query.add("limit", "\(min(Self.page, (limit ?? .max) - topics.count))")
          let answer = try await calls.json(.get, query.appended(to: "/v1/admin/topics"))
          topics += answer["topics"]?.arrayValue ?? []
          after = answer["next"]?.stringValue
        } while after != nil && topics.count < limit ?? .max
        try show(topics)
      }
    }

    private func show(_ topics: [JSONValue]) throws {
      if gateway.json { return try StandardOutput.line(.object([("topics", .array(topics))])) }
      var table = TextTable([
        ("TOPIC", .left), ("SEQ", .right), ("MESSAGES", .right), ("BYTES", .right), ("SUBSCRIBERS", .right),
        ("LAST ID", .left),
      ])
      for topic in topics {
        table.add(
          topic.text("topic"), topic.text("last_seq"), topic.text("messages"), topic.text("bytes"),
          topic.text("subscribers"), topic.text("last_id"))
      }
      try StandardOutput.table(table)
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show one topic's numbers.")

    @OptionGroup var gateway: GatewayOptions

    @Argument(help: "The topic.")
    var topic: String

    func run() async throws {
      try await withGateway(gateway.gateway) { calls in
        let answer = try await calls.json(.get, GatewayCalls.path(ofTopic: topic))
        if gateway.json { return try StandardOutput.line(answer) }
        var table = TextTable([("FIELD", .left), ("VALUE", .left)])
        for (name, _) in answer.objectValue ?? [] { table.add(name, answer.text(name)) }
        try StandardOutput.table(table)
      }
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Erase a topic's history.",
      discussion: "Its numbers go on; a reader that wanted what is gone is told so by a gap.")

    @OptionGroup var gateway: GatewayOptions

    @Argument(help: "The topic.")
    var topic: String

    @Flag(name: .shortAndLong, help: "Do not ask.")
    var yes = false

    func run() async throws {
      if !yes, Input.isTerminal {
        StandardError.line("Erase every message of \(topic)? [y/N]")
        guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
          StandardError.line("sluice: nothing was deleted")
          throw ExitCode.interrupted
        }
      }
      try await withGateway(gateway.gateway) { calls in
        let answer = try await calls.send(.delete, GatewayCalls.path(ofTopic: topic))
        if gateway.json {
          try StandardOutput.line(answer)
        } else {
          try StandardOutput.line("deleted the history of \(topic)")
        }
      }
    }
  }
}

extension JSONValue {
  /// A member as a cell of a table: strings without quotes, nothing for what is not there.
  func text(_ member: String) -> String {
    switch self[member] {
    case nil, .null: ""
    case .string(let text): text
    case .array(let values):
      values.map { $0.stringValue ?? String(decoding: $0.encoded, as: UTF8.self) }
        .joined(separator: " ")
    case let value?: String(decoding: value.encoded, as: UTF8.self)
    }
  }
}
