package import GatewayClient

/// Everything that was found.
package struct Diagnosis: Sendable {
  package private(set) var findings: [Finding] = []
  /// What the gateway offers, best first.
  package var offered: [StreamTransport] = []

  package init() {}

  package mutating func add(_ finding: Finding) { findings.append(finding) }

  package func count(_ mark: Mark) -> Int { findings.count { $0.mark == mark } }

  /// Whatever works: a browser does not get as far.
  package var keepsBrowsersOut = false

  /// What was not found broken, best first.
  package var working: [StreamTransport] { offered.filter { !isBroken($0) } }

  /// What a browser client can use here: it takes the first, and falls back on the others.
  package var usable: [StreamTransport] { keepsBrowsersOut ? [] : working }

  private func isBroken(_ transport: StreamTransport) -> Bool {
    findings.contains { $0.mark == .problem && $0.transport == transport }
  }

  /// A sentence for the end.
  package var summary: String {
    guard let first = usable.first else { return "a browser client would get nothing here" }
    let rest = usable.dropFirst().map(\.rawValue)
    let broken = offered.filter(isBroken).map(\.rawValue)
    return "a browser client would use \(first.rawValue)"
      + (rest.isEmpty ? "" : ", and fall back on \(rest.joined(separator: ", "))")
      + (broken.isEmpty ? "" : "; it cannot rely on \(broken.joined(separator: ", "))")
  }
}
