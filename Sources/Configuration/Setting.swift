/// One setting: where it stands, how it is read and written, and why somebody would change it.
package struct Setting: Sendable {
  /// Dotted, as in errors and in `sluice config show`: `limits.message_bytes`.
  package let path: String
  /// One line, for the reference file.
  package let why: String
  /// Completes "expected …".
  package let expected: String

  let textForm: TextForm
  /// Puts the value into the configuration.
  let read: @Sendable (ConfigurationNode, inout GatewayConfiguration) throws(ValueProblems) -> Void
  /// The value in canonical form, as the file and the environment accept it.
  package let text: @Sendable (GatewayConfiguration) -> String

  init<Value>(
    _ path: String,
    _ property: any WritableKeyPath<GatewayConfiguration, Value> & Sendable,
    _ kind: SettingKind<Value>,
    _ why: String
  ) {
    self.path = path
    self.why = why
    self.expected = kind.expected
    self.textForm = kind.textForm
    self.read = { node, configuration throws(ValueProblems) in configuration[keyPath: property] = try kind.read(node) }
    self.text = { kind.text($0[keyPath: property]) }
  }

  /// `SLUICE_LIMITS_MESSAGE_BYTES`.
  package var environmentName: String {
    "SLUICE_" + String(path.uppercased().map { $0 == "." ? "_" : $0 })
  }

  /// The last part of the path.
  package var key: Substring { path.split(separator: ".").last ?? path[...] }

  package var defaultText: String { text(GatewayConfiguration()) }
}

/// What an environment variable or a flag, which is only text, stands for.
enum TextForm {
  case scalar
  case commaList
  case yaml
}

/// Settings that share the first part of their path, in the order of the reference file.
package struct SettingGroup: Sendable {
  /// `nil`: the settings of the top level.
  package let name: String?
  package let why: String
  package let settings: [Setting]

  init(_ name: String?, _ why: String, _ settings: [Setting]) {
    self.name = name
    self.why = why
    self.settings = settings
  }
}
