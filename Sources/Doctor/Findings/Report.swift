import GatewayClient
package import WireFormat

/// Findings as lines: for a person.
extension Finding {
  package var lines: [String] {
    var lines = ["\(Self.padded(mark.rawValue, 8)) \(Self.padded(step.rawValue, 10)) \(Self.printable(measured))"]
    if let cause { lines.append(Self.detail("why", cause)) }
    for remedy in remedies { lines.append(Self.detail(remedy.place.title, remedy.line)) }
    return lines
  }

  private static func detail(_ title: String, _ text: String) -> String {
    "\(padded("", 8)) \(padded("", 10)) \(padded("\(title):", 12)) \(printable(text))"
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// What comes from the network must not move the terminal's cursor.
  private static func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
  }
}

extension Remedy.Place {
  fileprivate var title: String {
    switch self {
    case .nginx: "nginx"
    case .haproxy: "HAProxy"
    case .sluice: "sluice.yaml"
    case .you: "do"
    }
  }
}

extension Diagnosis {
  package var lines: [String] {
    let counts = [(Mark.problem, "problem"), (.warning, "warning"), (.skipped, "skipped")].map { mark, word in
      let count = count(mark)
      return "\(count) \(word)\(count == 1 || mark == .skipped ? "" : "s")"
    }
    return ["", "\(counts.joined(separator: ", ")): \(summary)"]
  }
}

/// The same for machines: one object a line.
extension Finding {
  package var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("step", .string(step.rawValue)), ("result", .string(mark.rawValue)), ("measured", .string(measured)),
    ]
    if let transport { members.append(("transport", .string(transport.rawValue))) }
    if let cause { members.append(("cause", .string(cause))) }
    if !remedies.isEmpty {
      let remedies = remedies.map { remedy in
        JSONValue.object([("where", .string(remedy.place.rawValue)), ("line", .string(remedy.line))])
      }
      members.append(("remedies", .array(remedies)))
    }
    return .object(members)
  }
}

extension Diagnosis {
  package var json: JSONValue {
    .object([
      ("step", .string("summary")),
      ("result", .string((count(.problem) > 0 ? Mark.problem : count(.warning) > 0 ? .warning : .ok).rawValue)),
      ("measured", .string(summary)), ("problems", .int(count(.problem))), ("warnings", .int(count(.warning))),
      ("skipped", .int(count(.skipped))), ("transports", .array(usable.map { .string($0.rawValue) })),
    ])
  }
}
