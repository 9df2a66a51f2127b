/// One thing wrong with the configuration, where it stands and what to do about it.
package struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// `sluice.yaml:12`, `SLUICE_LIMITS_MEMORY` or `--listen`; `nil` if it is no one place.
  package var place: String?
  /// `limits.memory`, `topics[2].match`; `nil` if it is not about one setting.
  package var path: String?
  package var message: String

  package init(place: String?, path: String?, message: String) {
    self.place = place
    self.path = path
    self.message = message
  }

  package var description: String {
    [place, path, message].compactMap { $0 }.joined(separator: ": ")
  }
}

/// Everything wrong with the configuration: all sources are read to their end before any of it is told.
package struct ConfigurationErrors: Error, Equatable, Sendable, CustomStringConvertible {
  /// In the order of the sources, then the rules between settings; never empty.
  package var errors: [ConfigurationError]

  /// One a line.
  package var description: String { errors.map(\.description).joined(separator: "\n") }
}

/// Where a setting's value came from.
package enum SettingOrigin: Equatable, Sendable, CustomStringConvertible {
  case defaultValue
  case file(String, line: Int)
  /// The variable's name.
  case environment(String)
  /// The flag as it is spelled: `--listen`.
  case flag(String)

  package var description: String {
    switch self {
    case .defaultValue: "default"
    case .file(let path, let line): "\(path):\(line)"
    case .environment(let name): name
    case .flag(let spelling): spelling
    }
  }
}
