import Transports

extension SettingKind where Value == [TransportKind] {
  /// Some of the transports, best first.
  static var transports: Self {
    let all = TransportKind.names.joined(separator: ", ")
    let words = SettingKind<[String]>.words(
      expected: "a list of some of \(all), best first", one: "a transport",
      fault: { word in
        TransportKind.names.contains(word)
          ? nil : "is not one of \(all)\(Suggestion.phrase(for: word, among: TransportKind.names))"
      },
      faultOfAll: { words in
        if words.isEmpty { return "is empty; a gateway needs a transport: some of \(all)" }
        return Set(words).count < words.count ? "names a transport twice; write each once" : nil
      })
    return SettingKind(
      textForm: words.textForm, expected: words.expected,
      read: { node throws(ValueProblems) in
        let names = try words.read(node)
        guard !names.isEmpty else {
          throw ValueProblems("is empty; a gateway needs a transport: some of \(all)", at: node)
        }
        return names.compactMap(TransportKind.init)
      },
      text: { words.text($0.map(\.rawValue)) })
  }
}

extension SettingKind where Value == String? {
  /// Where clients reach the gateway: http:// or https://, a host, perhaps a path; or nothing.
  static var publicURL: Self {
    let expected = "a URL such as https://rt.example.com, or nothing"
    return SettingKind(
      expected: expected,
      read: { node throws(ValueProblems) in
        switch node.content {
        case .nothing, .text(""): return nil
        case .list, .group: throw ValueProblems(found: node, expected: expected)
        case .text(let word):
          let rest = ["https://", "http://"].first { word.hasPrefix($0) }.map { word.dropFirst($0.count) }
          guard let rest, let host = rest.first, host != "/", host != ":" else {
            throw ValueProblems("\"\(word)\" is no URL of a gateway; write https://host or http://host:port", at: node)
          }
          guard !word.contains(where: { "?#@\" ".contains($0) }) else {
            throw ValueProblems("\"\(word)\" has more than scheme, host, port and path; leave that out", at: node)
          }
          guard !word.hasSuffix("/") else {
            throw ValueProblems("\"\(word)\" ends with a slash; leave it out", at: node)
          }
          return word
        }
      },
      text: { $0 ?? "" })
  }
}
