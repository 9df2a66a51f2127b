extension SettingKind where Value == [GatewayConfiguration.TLS.Pair] {
  /// The list of certificates with their keys, in a file or as YAML in one line.
  static var certificates: Self {
    let expected = "a list of pairs such as { certificate: chain.pem, key: key.pem }"
    return SettingKind(
      textForm: .yaml,
      expected: expected,
      read: { node throws(ValueProblems) in
        if case .nothing = node.content { return [] }
        guard case .list(let items) = node.content else { throw ValueProblems(found: node, expected: expected) }
        var reader = CertificateReader()
        for (index, item) in items.enumerated() { reader.read(item, at: "[\(index)]") }
        guard reader.problems.isEmpty else { throw ValueProblems(reader.problems) }
        return reader.pairs
      },
      text: { "[\($0.map(\.description).joined(separator: ", "))]" })
  }
}

/// Reads pair after pair and goes on past what is wrong, so that every problem of the list is told at once.
private struct CertificateReader {
  var pairs: [GatewayConfiguration.TLS.Pair] = []
  var problems: [ValueProblem] = []
  private var lines: [GatewayConfiguration.TLS.Pair: Int?] = [:]

  private static let keys = ["certificate", "key"]

  mutating func read(_ node: ConfigurationNode, at path: String) {
    guard case .group(let members) = node.content else {
      problems.append(
        ValueProblem(
          subpath: path, line: node.line, message: "found \(node.found), expected a pair of certificate and key"))
      return
    }
    var files: [String: String] = [:]
    for member in members {
      guard Self.keys.contains(member.key) else {
        problems.append(ValueProblem(unknown: member, at: path, known: Self.keys))
        continue
      }
      do {
        files[member.key] = try SettingKind<String>.file.read(member.value)
      } catch {
        problems += error.list.map {
          ValueProblem(subpath: "\(path).\(member.key)", line: $0.line, message: $0.message)
        }
      }
    }
    for key in Self.keys where !members.contains(where: { $0.key == key }) {
      problems.append(
        ValueProblem(
          subpath: path, line: node.line,
          message: "has no \(key); a pair is { certificate: chain.pem, key: key.pem }"))
    }
    guard let certificate = files["certificate"], let key = files["key"] else { return }
    let pair = GatewayConfiguration.TLS.Pair(certificate: certificate, key: key)
    if let earlier = lines[pair] {
      let place = earlier.map { " on line \($0)" } ?? " before"
      problems.append(
        ValueProblem(
          subpath: path, line: node.line, message: "is the pair that stands\(place) already; keep one of the two"))
      return
    }
    lines.updateValue(node.line, forKey: pair)
    pairs.append(pair)
  }
}

extension GatewayConfiguration.TLS.Pair: CustomStringConvertible {
  /// As YAML in one line.
  package var description: String { "{ certificate: \(quoted(certificate)), key: \(quoted(key)) }" }

  /// A file may have any name: in double quotes only these two characters mean something else.
  private func quoted(_ name: String) -> String {
    "\"\(name.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined())\""
  }
}
