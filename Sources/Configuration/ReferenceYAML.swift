extension GatewayConfiguration {
  /// Every setting with its default and one line of why: the text of `Configuration/sluice.yaml`, made from
  /// `SettingTable`. Reading it gives exactly the defaults.
  package static let referenceYAML: String = {
    var text = """
      # Every setting of the gateway, with its default. Leave out what you do not change.
      #
      # Each can also be an environment variable, SLUICE_ and its path in upper case with _ for nesting
      # (SLUICE_LIMITS_MESSAGE_BYTES=128KiB), which wins over this file; flags win over both.
      # Sizes: B KiB MiB GiB KB MB GB. Durations: ms s m h d, also 1m30s. Check with: sluice config check

      """
    for group in SettingTable.groups {
      text += "\n# \(group.why)\n"
      if let name = group.name { text += "\(name):\n" }
      text += lines(of: group)
    }
    return text
  }()

  /// The settings of a group with their comments in one column.
  private static func lines(of group: SettingGroup) -> String {
    let indent = group.name == nil ? "" : "  "
    let settings = group.settings.map { setting in
      // A list of rules is written below its key, so that the example needs only its comment marks taken away.
      (setting, setting.path == "topics" ? "topics:" : "\(indent)\(setting.key): \(setting.defaultText)")
    }
    let width = settings.map { $0.1.count }.max() ?? 0
    return settings.map { setting, assignment in
      let padding = String(repeating: " ", count: width - assignment.count + 2)
      let example = setting.path == "topics" ? topicRulesExample : ""
      return "\(assignment)\(padding)# \(setting.why)\n\(example)"
    }.joined()
  }

  /// Also read by the tests, with its comment marks taken away.
  package static let topicRulesExample = """
    #  - match: "orders.>"
    #    history: { messages: 100, age: 1h, bytes: 1MiB }
    #  - match: "presence.*"
    #    history: { messages: 1 }

    """
}
