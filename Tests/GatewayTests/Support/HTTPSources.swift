import WireFormat

/// The body of a stream, with its chunks undone.
private final class StreamBytes {
  let http: HTTPWire
  let answer: Answer

  init(_ url: String, _ reading: Reading, accept: String) async throws {
    http = try await HTTPWire.connect(to: url, receiveBuffer: reading.receiveBuffer, pauseAfter: reading.pauseAfter)
    reading.send(on: http, accept: accept)
    answer = try await http.head()
    guard answer.status == 200, answer["Content-Type"] == accept else {
      throw Silence(description: "no \(accept) but \(answer)")
    }
  }

  func next(within limit: Duration) async throws -> [UInt8]? {
    answer["Transfer-Encoding"] == "chunked" ? try await http.chunk(within: limit) : try await http.some(within: limit)
  }
}

/// ndjson.
final class LineSource: ItemSource {
  private let stream: StreamBytes
  private var rest: [UInt8] = []
  private var lines: ArraySlice<[UInt8]> = []
  private(set) var position: String?

  private init(_ stream: StreamBytes) { self.stream = stream }

  static func open(_ url: String, _ reading: Reading) async throws -> LineSource {
    LineSource(try await StreamBytes(url, reading, accept: "application/x-ndjson"))
  }

  var wire: Wire { stream.http.wire }

  func next(within limit: Duration) async throws -> Item? {
    while lines.isEmpty {
      guard let bytes = try await stream.next(within: limit) else { return nil }
      var pieces = (rest + bytes).split(separator: 0x0a, omittingEmptySubsequences: false).map(Array.init)
      rest = pieces.removeLast()
      lines = pieces[...]
    }
    let item = try Item(lines.removeFirst())
    if !item.id.isEmpty { position = item.id }
    return item
  }
}

/// Server-sent events, read as a browser reads them.
final class EventSource: ItemSource {
  private let stream: StreamBytes
  private var parser = ServerSentEventParser()
  private var events: ArraySlice<ServerSentEvent> = []
  private(set) var position: String?

  private init(_ stream: StreamBytes) { self.stream = stream }

  static func open(_ url: String, _ reading: Reading) async throws -> EventSource {
    EventSource(try await StreamBytes(url, reading, accept: "text/event-stream"))
  }

  var wire: Wire { stream.http.wire }

  func next(within limit: Duration) async throws -> Item? {
    while events.isEmpty {
      guard let bytes = try await stream.next(within: limit) else { return nil }
      var found: [ServerSentEvent] = []
      try bytes.withUnsafeBytes { bytes in
        try parser.receive(bytes) { if case .event(let event) = $0 { found.append(event) } }
      }
      events = found[...]
    }
    let event = events.removeFirst()
    if !event.lastEventID.isEmpty { position = event.lastEventID }
    return try Item(event.data, name: event.name.isEmpty || event.name == "message" ? nil : event.name)
  }
}

/// Poll after poll, each from where the one before it ended.
final class PollSource: ItemSource {
  private let http: HTTPWire
  private var reading: Reading
  private var items: ArraySlice<Item> = []
  private(set) var position: String?

  private init(_ http: HTTPWire, _ reading: Reading) {
    self.http = http
    self.reading = reading
  }

  static func open(_ url: String, _ reading: Reading) async throws -> PollSource {
    let source = PollSource(try await HTTPWire.connect(to: url), reading)
    // From now on: the answer comes at once and says where that is.
    if reading.since == nil, reading.rewind == nil { try await source.poll(within: .seconds(30)) }
    return source
  }

  var wire: Wire { http.wire }

  func next(within limit: Duration) async throws -> Item? {
    let start = ContinuousClock.now
    while items.isEmpty {
      guard ContinuousClock.now - start < limit else { throw Silence(description: "no item for \(limit)") }
      try await poll(within: limit)
    }
    let item = items.removeFirst()
    // What came last leaves the reader where the answer says.
    position = items.isEmpty ? reading.since : item.id
    return item
  }

  private func poll(within limit: Duration) async throws {
    reading.send(on: http, accept: "application/json")
    let answer = try await http.answer(within: limit)
    guard answer.status == 200, let next = answer.string("next") else {
      throw Silence(description: "no poll but \(answer)")
    }
    items = try answer.elements("items").map { try Item(Array($0.utf8)) }[...]
    reading.since = next
    reading.rewind = nil
    if items.isEmpty { position = next }
  }
}
