package import StreamLog
package import WireFormat

/// Which transports an operator lets clients use, best first: for everything, and less for some topics.
package struct TransportRules: Sendable {
  package struct Rule: Sendable {
    package var match: TopicPattern
    /// nil: this rule says nothing of transports, and no later one does for its topics.
    package var transports: [TransportKind]?

    package init(match: TopicPattern, transports: [TransportKind]?) {
      self.match = match
      self.transports = transports
    }
  }

  private let standard: [TransportKind]
  private let rules: [Rule]

  package init(_ standard: [TransportKind] = TransportKind.allCases, rules: [Rule] = []) {
    self.standard = standard
    self.rules = rules.contains { $0.transports != nil } ? rules : []
  }

  /// Those over which all of `patterns` may be read, best first.
  package func allowed(for patterns: [TopicPattern]) -> [TransportKind] {
    var allowed = standard
    for pattern in patterns where !rules.isEmpty {
      if let topic = pattern.exact {
        // The first rule that matches a topic rules it.
        guard let transports = rules.first(where: { $0.match.matches(topic) })?.transports else { continue }
        allowed.removeAll { !transports.contains($0) }
      } else {
        for rule in rules where rule.match.overlaps(pattern) {
          allowed.removeAll { !(rule.transports ?? TransportKind.allCases).contains($0) }
        }
      }
    }
    return allowed
  }

  /// - Throws: 406 for a transport by which one of them may not be read.
  package func check(_ transport: TransportKind, _ patterns: [TopicPattern]) throws(Problem) {
    let allowed = allowed(for: patterns)
    guard !allowed.contains(transport) else { return }
    throw .transportNotAllowed(transport.rawValue, allowed: allowed.map(\.rawValue))
  }
}
