import ArgumentParser
import GatewayClient
import WireFormat

/// `sluice publish`: one message, or a message a line.
struct PublishCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish",
    abstract: "Publish a message, or one for each line of the input.",
    discussion: """
      The message is the argument, else what --file names, else standard input. What parses as JSON is published as \
      JSON, other UTF-8 as text, anything else as bytes; --content-type says otherwise.
      """)

  @OptionGroup var gateway: GatewayOptions

  @Argument(help: "The topic.")
  var topic: String

  @Argument(help: "The message.")
  var message: String?

  @Option(
    name: .customLong("topic"), help: ArgumentHelp("Publish to this topic too; may be repeated.", valueName: "topic"))
  var moreTopics: [String] = []

  @Option(help: ArgumentHelp("Read the message from this file; - is standard input.", valueName: "path"))
  var file: String?

  @Option(help: ArgumentHelp("What the message is, such as text/plain.", valueName: "type"))
  var contentType: String?

  @Flag(help: "Publish each line of the input as a message of its own.")
  var lines = false

  @Option(help: ArgumentHelp("The message's event.", valueName: "name"))
  var event: String?

  @Option(help: ArgumentHelp("An idempotency key: the same key publishes once.", valueName: "key"))
  var key: String?

  @Option(help: ArgumentHelp("Publish only if the topic's last message is this one.", valueName: "id"))
  var ifLast: String?

  @Flag(help: "Publish only if nothing was ever published to the topic.")
  var ifNew = false

  func validate() throws {
    if message != nil, file != nil { throw ValidationError("give the message or --file, not both") }
    if lines, message != nil { throw ValidationError("--lines reads --file or standard input, not an argument") }
    if ifLast != nil, ifNew { throw ValidationError("give --if-last or --if-new, not both") }
    if !moreTopics.isEmpty, ifLast != nil || ifNew {
      throw ValidationError("--if-last and --if-new need a single topic")
    }
    if lines, key != nil || ifLast != nil || ifNew {
      throw ValidationError("--key, --if-last and --if-new are for one message, not for --lines")
    }
  }

  func run() async throws {
    if lines { return try await publishLines() }
    let bytes = try message.map { Array($0.utf8) } ?? Input(path: file).readAll()
    let payload = Payload(bytes, contentType: contentType)
    try await withGateway(gateway.gateway) { calls in
      if moreTopics.isEmpty {
        try await publish(payload, calls)
      } else {
        try await publishToAll(payload, calls)
      }
    }
  }

  private func publish(_ payload: Payload, _ calls: GatewayCalls) async throws {
    var headers = [("Content-Type", payload.contentType)]
    if let event { headers.append(("Event", event)) }
    if let key { headers.append(("Idempotency-Key", key)) }
    if let ifLast { headers.append(("If-Match", "\"\(ifLast)\"")) }
    if ifNew { headers.append(("If-None-Match", "*")) }
    let answer = try await calls.send(
      .post, "\(GatewayCalls.path(ofTopic: topic))/messages", headers: headers, body: payload.bytes)
    if gateway.json { return try StandardOutput.line(answer) }
    try Self.say(try GatewayCalls.parsed(answer), topic: topic)
  }

  /// One message to several topics commits whole.
  private func publishToAll(_ payload: Payload, _ calls: GatewayCalls) async throws {
    guard let data = payload.data else {
      throw ValidationError(
        "\(payload.contentType) goes to one topic at a time: only JSON and UTF-8 text can be sent to several at once")
    }
    let topics = ([topic] + moreTopics).map { JSONValue.string($0) }
    var item: [(String, JSONValue)] = [("topics", .array(topics)), ("data", data)]
    if let event { item.append(("event", .string(event))) }
    if let key { item.append(("key", .string(key))) }
    let answer = try await calls.json(
      .post, "/v1/publish", body: .object([("messages", .array([.object(item)]))]))
    let result = answer["results"]?.arrayValue?.first
    if gateway.json { try StandardOutput.line(answer) }
    if let error = result?["error"] { throw GatewayClientError.refused(Refusal(error)) }
    guard !gateway.json else { return }
    for published in result?["messages"]?.arrayValue ?? [result ?? .null] { try Self.say(published, topic: topic) }
  }

  private func publishLines() async throws {
    try await withGateway(gateway.gateway) { calls in
      var publisher = LinePublisher(
        calls: calls, topics: [topic] + moreTopics, event: event, contentType: contentType, printsJSON: gateway.json)
      let input = try Input(path: file)
      while true {
        let bytes = try input.read()
        if bytes.isEmpty { break }
        try await publisher.take(bytes)
      }
      try await publisher.finish()
      if publisher.refused > 0 { throw ExitCode.refused }
    }
  }

  /// `published orders.42 seq 17 id 4fk2q9-1042`
  private static func say(_ published: JSONValue, topic: String) throws {
    let topic = published["topic"]?.stringValue ?? topic
    try StandardOutput.line("published \(topic) seq \(published.text("seq")) id \(published.text("id"))")
  }
}

extension Refusal {
  /// From problem details inside an answer.
  init(_ problem: JSONValue) {
    self.init(status: problem["status"]?.intValue ?? 400, retryAfter: nil, body: problem.encoded)
  }
}
