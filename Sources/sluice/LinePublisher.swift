import ArgumentParser
import GatewayClient
import WireFormat

/// Publishes lines in batches, in order, one batch at a time.
struct LinePublisher {
  private static let batchMessages = 500
  private static let batchBytes = 1 << 20

  let calls: GatewayCalls
  let topics: [String]
  let event: String?
  let contentType: String?
  let printsJSON: Bool

  private(set) var published = 0
  private(set) var refused = 0
  private var partial: [UInt8] = []
  private var batch: [(line: Int, item: JSONValue)] = []
  private var batchSize = 0
  private var lineNumber = 0
  private var last: JSONValue?
  private let started = ContinuousClock.now
  private var lastProgress = ContinuousClock.now

  init(calls: GatewayCalls, topics: [String], event: String?, contentType: String?, printsJSON: Bool) {
    self.calls = calls
    self.topics = topics
    self.event = event
    self.contentType = contentType
    self.printsJSON = printsJSON
  }

  /// Takes the next bytes of the input, split anywhere. Lines end in LF or CR LF; empty ones are skipped.
  mutating func take(_ bytes: [UInt8]) async throws {
    var pieces = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
    let rest = pieces.removeLast()
    for piece in pieces {
      partial += piece
      try await endLine()
    }
    partial += rest
    // A pipe that pauses shall not wait for a batch to fill: what is there goes.
    if bytes.count < 1 << 16 { try await flush() }
  }

  /// Publishes what is left and says how it went.
  mutating func finish() async throws {
    try await endLine()
    try await flush()
    if showsProgress { StandardError.progress("") }
    guard !printsJSON else { return }
    var summary = "published \(published) message\(published == 1 ? "" : "s")"
    if refused > 0 { summary += ", \(refused) refused" }
    if let last { summary += ", last seq \(last.text("seq")) id \(last.text("id"))" }
    try StandardOutput.line(summary)
  }

  private mutating func endLine() async throws {
    lineNumber += 1
    if partial.last == 0x0d { partial.removeLast() }
    defer { partial = [] }
    guard !partial.isEmpty else { return }
    guard let data = Payload(partial, contentType: contentType).data else {
      throw ValidationError(
        "line \(lineNumber) is not \(contentType ?? "UTF-8"); \(published) messages were published before it")
    }
    let place: (String, JSONValue) =
      topics.count == 1 ? ("topic", .string(topics[0])) : ("topics", .array(topics.map { .string($0) }))
    var item = [place, ("data", data)]
    if let event { item.append(("event", .string(event))) }
    batch.append((lineNumber, .object(item)))
    batchSize += partial.count
    if batch.count >= Self.batchMessages || batchSize >= Self.batchBytes { try await flush() }
  }

  private mutating func flush() async throws {
    guard !batch.isEmpty else { return }
    let sent = batch
    batch = []
    batchSize = 0
    let answer: JSONValue
    do {
      answer = try await calls.json(
        .post, "/v1/publish", body: .object([("messages", .array(sent.map(\.item)))]))
    } catch {
      StandardError.line("sluice: stopped at line \(sent[0].line); \(published) messages were published before it")
      throw error
    }
    if printsJSON { try StandardOutput.line(answer) }
    guard let results = answer["results"]?.arrayValue, results.count == sent.count else {
      throw GatewayClientError.notUnderstood("its answer has not one result for each of \(sent.count) messages")
    }
    for (entry, result) in zip(sent, results) {
      if let error = result["error"] {
        refused += 1
        StandardError.line("sluice: line \(entry.line): \(Refusal(error))")
      } else {
        published += 1
        last = result["messages"]?.arrayValue?.last ?? result
      }
    }
    reportProgress()
  }

  private var showsProgress: Bool { StandardError.isTerminal && ContinuousClock.now - started > .seconds(1) }

  private mutating func reportProgress() {
    let now = ContinuousClock.now
    guard showsProgress, now - lastProgress > .milliseconds(200) else { return }
    lastProgress = now
    StandardError.progress("\(published) published")
  }
}
