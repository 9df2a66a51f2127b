import WireFormat

/// An HTTP answer.
struct Answer: CustomStringConvertible {
  var version: String
  var status: Int
  var headers: [(name: String, value: String)]
  var body: [UInt8] = []

  subscript(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  var text: String { String(decoding: body, as: UTF8.self) }
  var json: ReceivedObject? { ReceivedObject(body) }

  /// The last part of a problem's `urn:sluice:error:…`.
  var code: String? { json?.string("type").map { String($0.dropFirst("urn:sluice:error:".count)) } }

  func string(_ key: String) -> String? { json?.string(key) }
  func integer(_ key: String) -> Int64? { json?.integer(key) }

  /// The elements of an array member, as text.
  func elements(_ key: String) -> [String] {
    (json?.elements(key) ?? []).map { String(decoding: $0, as: UTF8.self) }
  }

  var description: String { "\(status) \(headers) \(text.prefix(400))" }
}

/// HTTP/1.x over a wire, read piece by piece. One task at a time.
final class HTTPWire {
  let wire: Wire
  private var buffer: [UInt8] = []
  private var index = 0
  private var limit = Duration.seconds(30)

  init(_ wire: Wire) { self.wire = wire }

  static func connect(to url: String, receiveBuffer: Int? = nil, pauseAfter: Int? = nil) async throws -> HTTPWire {
    HTTPWire(try await Wire.connect(to: url, receiveBuffer: receiveBuffer, pauseAfter: pauseAfter))
  }

  func send(
    _ method: String, _ target: String, headers: [(String, String)] = [], body: [UInt8]? = nil,
    version: String = "HTTP/1.1"
  ) {
    var head = "\(method) \(target) \(version)\r\n"
    if !headers.contains(where: { $0.0.lowercased() == "host" }) {
      head += "Host: \(wire.peer)\r\n"
    }
    for (name, value) in headers { head += "\(name): \(value)\r\n" }
    if let body { head += "Content-Length: \(body.count)\r\n" }
    wire.send(Array("\(head)\r\n".utf8) + (body ?? []))
  }

  /// - Returns: false at the end of the connection.
  private func fill() async throws -> Bool {
    guard let bytes = try await wire.receive(within: limit) else { return false }
    if index == buffer.count {
      buffer = bytes
    } else {
      buffer.removeFirst(index)
      buffer += bytes
    }
    index = 0
    return true
  }

  /// What lies here or comes next; nil at the end.
  func some(within limit: Duration = .seconds(30)) async throws -> [UInt8]? {
    self.limit = limit
    while index == buffer.count {
      guard try await fill() else { return nil }
    }
    defer { index = buffer.count }
    return index == 0 ? buffer : Array(buffer[index...])
  }

  func exactly(_ count: Int) async throws -> [UInt8] {
    while buffer.count - index < count {
      guard try await fill() else { throw Silence(description: "closed within \(count) bytes") }
    }
    defer { index += count }
    return Array(buffer[index..<index + count])
  }

  /// A line without its CR LF; nil at the end.
  func line() async throws -> String? {
    var searched = index
    while true {
      if let end = buffer[searched...].firstIndex(of: 0x0a) {
        defer { index = end + 1 }
        return String(decoding: buffer[index..<(end > index && buffer[end - 1] == 0x0d ? end - 1 : end)], as: UTF8.self)
      }
      let seen = buffer.count - index
      guard try await fill() else { return nil }
      searched = index + seen
    }
  }

  /// The status line and the fields; the body, if there is one, stays unread.
  func head(within limit: Duration = .seconds(30)) async throws -> Answer {
    self.limit = limit
    guard let status = try await line() else { throw Silence(description: "closed before an answer") }
    let parts = status.split(separator: " ", maxSplits: 2)
    guard parts.count >= 2, let code = Int(parts[1]) else { throw Silence(description: "no status line: \(status)") }
    var answer = Answer(version: String(parts[0]), status: code, headers: [])
    while let line = try await line(), !line.isEmpty {
      let colon = line.firstIndex(of: ":") ?? line.endIndex
      answer.headers.append((String(line[..<colon]), String(line[colon...].dropFirst().drop { $0 == " " })))
    }
    return answer
  }

  /// One chunk of a chunked body; nil for the last.
  func chunk(within limit: Duration = .seconds(30)) async throws -> [UInt8]? {
    self.limit = limit
    guard let size = try await line() else { return nil }
    guard let count = Int(size, radix: 16) else { throw Silence(description: "no chunk size: \(size)") }
    let bytes = try await exactly(count + 2)
    guard bytes.suffix(2) == [0x0d, 0x0a] else { throw Silence(description: "a chunk without its end") }
    return count == 0 ? nil : Array(bytes.dropLast(2))
  }

  /// A whole answer.
  func answer(within limit: Duration = .seconds(30)) async throws -> Answer {
    var answer = try await head(within: limit)
    if answer["Transfer-Encoding"]?.lowercased() == "chunked" {
      while let chunk = try await chunk(within: limit) { answer.body += chunk }
    } else if let length = answer["Content-Length"].flatMap({ Int($0) }) {
      answer.body = try await exactly(length)
    } else if answer.status >= 200, answer.status != 204, answer.status != 304 {
      while let bytes = try await some(within: limit) { answer.body += bytes }
    }
    return answer
  }

  /// Asks and waits for the whole answer.
  func call(
    _ method: String, _ target: String, headers: [(String, String)] = [], body: String? = nil,
    within limit: Duration = .seconds(30)
  ) async throws -> Answer {
    send(method, target, headers: headers, body: body.map { Array($0.utf8) } ?? (method == "POST" ? [] : nil))
    return try await answer(within: limit)
  }
}
