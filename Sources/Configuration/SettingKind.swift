import RedisClient
import HTTPServer
import StreamLog

/// How values of one type are read, checked and written back.
struct SettingKind<Value: Sendable & Equatable>: Sendable {
  var textForm = TextForm.scalar
  /// Completes "expected …".
  let expected: String
  let read: @Sendable (ConfigurationNode) throws(ValueProblems) -> Value
  /// The canonical text: `read` gives the same value for it.
  let text: @Sendable (Value) -> String
}

extension SettingKind {
  /// A kind whose value is one word. `parse` throws what is wrong with the word.
  private init(
    expected: String,
    parse: @escaping @Sendable (String) throws(SettingSyntaxError) -> Value,
    text: @escaping @Sendable (Value) -> String
  ) {
    self.init(
      expected: expected,
      read: { node throws(ValueProblems) in
        guard case .text(let word) = node.content, !word.isEmpty else {
          throw ValueProblems(found: node, expected: expected)
        }
        do throws(SettingSyntaxError) {
          return try parse(word)
        } catch {
          throw ValueProblems("\"\(word)\" \(error.message)", at: node)
        }
      },
      text: text)
  }
}

// MARK: - Numbers, sizes, durations, switches and words

extension SettingKind where Value == Int {
  static func count(_ range: ClosedRange<Int>) -> Self {
    let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
    return SettingKind(
      expected: expected,
      parse: { word throws(SettingSyntaxError) in
        guard let value = Int(decimal: word) else {
          throw SettingSyntaxError("is not \(expected)")
        }
        guard range.contains(value) else { throw SettingSyntaxError("is out of range; use \(expected)") }
        return value
      },
      text: { "\($0)" })
  }

  static func size(_ range: ClosedRange<Int>) -> Self {
    let bounds = "\(ByteSize.text(range.lowerBound)) to \(ByteSize.text(range.upperBound))"
    return SettingKind(
      expected: "a size such as 64KiB, from \(bounds)",
      parse: { word throws(SettingSyntaxError) in
        let value = try ByteSize.parse(word)
        guard range.contains(value) else { throw SettingSyntaxError("is out of range; use \(bounds)") }
        return value
      },
      text: { ByteSize.text($0) })
  }
}

extension SettingKind where Value == Duration {
  /// More than nothing, up to `most`.
  /// A time that may be none: `0s`.
  static func wait(atMost most: Duration) -> Self {
    let bounds = "0s to \(DurationText.text(most))"
    return SettingKind(
      expected: "a duration such as 15s or 1m30s, from \(bounds)",
      parse: { word throws(SettingSyntaxError) in
        let value = try DurationText.parse(word)
        guard value >= .zero, value <= most else { throw SettingSyntaxError("is out of range; use \(bounds)") }
        return value
      },
      text: { DurationText.text($0) })
  }

  static func duration(atMost most: Duration) -> Self {
    let bounds = "1ms to \(DurationText.text(most))"
    return SettingKind(
      expected: "a duration such as 15s or 1m30s, from \(bounds)",
      parse: { word throws(SettingSyntaxError) in
        let value = try DurationText.parse(word)
        guard value > .zero, value <= most else { throw SettingSyntaxError("is out of range; use \(bounds)") }
        return value
      },
      text: { DurationText.text($0) })
  }
}

extension SettingKind where Value == Bool {
  static var flag: Self {
    SettingKind(
      expected: "true or false",
      parse: { word throws(SettingSyntaxError) in
        guard let value = Bool(word) else { throw SettingSyntaxError("is not true or false") }
        return value
      },
      text: { "\($0)" })
  }
}

extension SettingKind where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
  static var word: Self {
    let words = Value.allCases.map(\.rawValue)
    return SettingKind(
      expected: "one of \(words.joined(separator: ", "))",
      parse: { word throws(SettingSyntaxError) in
        guard let value = Value(rawValue: word) else {
          throw SettingSyntaxError(
            "is not one of \(words.joined(separator: ", "))\(Suggestion.phrase(for: word, among: words))")
        }
        return value
      },
      text: { $0.rawValue })
  }
}

// MARK: - Lists of words, and files

extension SettingKind where Value == [String] {
  /// A list, or one word alone.
  ///
  /// - Parameters:
  ///   - one: completes "expected …" for what stands in the list.
  ///   - fault: what is wrong with a word, to stand after it. A good word never holds a quote or a comma.
  ///   - faultOfAll: what is wrong with the words together.
  static func words(
    expected: String, one: String,
    fault: @escaping @Sendable (String) -> String?,
    faultOfAll: @escaping @Sendable ([String]) -> String? = { _ in nil }
  ) -> Self {
    SettingKind(
      textForm: .commaList,
      expected: expected,
      read: { node throws(ValueProblems) in
        let items: [ConfigurationNode]
        switch node.content {
        case .nothing: return []
        case .text: items = [node]
        case .list(let list): items = list
        case .group: throw ValueProblems(found: node, expected: expected)
        }
        var words: [String] = []
        var problems: [ValueProblem] = []
        for (index, item) in items.enumerated() {
          guard case .text(let word) = item.content else {
            problems.append(
              ValueProblem(subpath: "[\(index)]", line: item.line, message: "found \(item.found), expected \(one)"))
            continue
          }
          if let fault = fault(word) {
            problems.append(ValueProblem(subpath: "[\(index)]", line: item.line, message: "\"\(word)\" \(fault)"))
          }
          words.append(word)
        }
        if let fault = faultOfAll(words) { problems.append(ValueProblem(line: node.line, message: fault)) }
        guard problems.isEmpty else { throw ValueProblems(problems) }
        return words
      },
      text: { "[\($0.map { "\"\($0)\"" }.joined(separator: ", "))]" })
  }

  /// Addresses and CIDR ranges.
  static var addressRanges: Self {
    words(
      expected: "a list of addresses and ranges such as 10.0.0.0/8 or 2001:db8::1", one: "an address or a range",
      fault: { text in
        do throws(AddressSyntaxError) {
          _ = try AddressRange(text)
          return nil
        } catch {
          return error.message
        }
      })
  }
}

extension SettingKind where Value == String {
  /// What begins the keys in Redis.
  static var keyPrefix: Self {
    let expected = "1 to 64 of A-Z a-z 0-9 - _ . :"
    return SettingKind(
      expected: expected,
      parse: { word throws(SettingSyntaxError) in
        guard (1...64).contains(word.utf8.count),
          word.utf8.allSatisfy({ byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F, 0x2E, 0x3A: true
            default: false
            }
          })
        else { throw SettingSyntaxError("is not \(expected)") }
        return word
      },
      text: { $0 })
  }

  /// The name of a file, as it was written; it is not looked at.
  static var file: Self {
    SettingKind(
      expected: "the name of a file",
      parse: { word throws(SettingSyntaxError) in
        guard !word.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
          throw SettingSyntaxError("holds a control character and names no file")
        }
        return word
      },
      text: { $0 })
  }
}

extension SettingKind where Value == String? {
  /// A file, or nothing for none.
  static var file: Self {
    let named = SettingKind<String>.file
    return SettingKind(
      expected: "\(named.expected), or nothing",
      read: { node throws(ValueProblems) in
        switch node.content {
        case .nothing, .text(""): nil
        case .text: try named.read(node)
        case .list, .group: throw ValueProblems(found: node, expected: "\(named.expected), or nothing")
        }
      },
      text: { $0 ?? "" })
  }
}

// MARK: - Addresses and stores

extension SettingKind where Value == ListenAddress {
  static var address: Self {
    SettingKind(
      expected: "HOST:PORT such as 127.0.0.1:8080",
      parse: { word throws(SettingSyntaxError) in try ListenAddress(word) },
      text: { $0.description })
  }
}

extension SettingKind where Value == ListenAddress? {
  static var addressOrOff: Self {
    SettingKind(
      expected: "HOST:PORT such as 127.0.0.1:8081, or off",
      parse: { word throws(SettingSyntaxError) in word == "off" ? nil : try ListenAddress(word) },
      text: { $0?.description ?? "off" })
  }
}

extension SettingKind where Value == StoreConfiguration {
  static var store: Self {
    SettingKind(
      expected: "memory, sqlite:PATH or redis://HOST:PORT",
      parse: { word throws(SettingSyntaxError) in
        if word == "memory" { return .memory }
        guard let colon = word.firstIndex(of: ":") else {
          throw SettingSyntaxError(
            word == "sqlite"
              ? "names no file; use sqlite:PATH" : "is no store; use memory, sqlite:PATH or redis://HOST:PORT")
        }
        let rest = String(word[word.index(after: colon)...])
        switch word[..<colon] {
        case "sqlite":
          guard !rest.isEmpty, rest != ":memory:" else {
            throw SettingSyntaxError("names no file; use sqlite:PATH, or memory")
          }
          guard !rest.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw SettingSyntaxError("holds a control character and names no file")
          }
          return .sqlite(path: rest)
        case "redis", "rediss", "redis+sentinel", "rediss+sentinel":
          do throws(RedisEndpointError) {
            return .redis(try RedisEndpoint(word))
          } catch {
            throw SettingSyntaxError("\(error)")
          }
        default: throw SettingSyntaxError("is no store; use memory, sqlite:PATH or redis://HOST:PORT")
        }
      },
      text: {
        switch $0 {
        case .memory: "memory"
        case .sqlite(let path): "sqlite:\(path)"
        case .redis(let endpoint): "\(endpoint)"
        }
      })
  }
}
