/// A value given on the command line.
package struct ConfigurationFlag: Sendable {
  /// The setting's, as in `SettingTable`.
  package var path: String
  /// As the person typed it: `--listen`.
  package var spelling: String
  package var value: String

  package init(path: String, spelling: String, value: String) {
    self.path = path
    self.spelling = spelling
    self.value = value
  }
}

/// A configuration that passed every check, and where each of its values came from.
package struct LoadedConfiguration: Sendable {
  package var configuration: GatewayConfiguration
  /// The file that was read, if one was named.
  package var file: String?
  /// Of every path in `SettingTable`.
  package var origins: [String: SettingOrigin]

  package func origin(of path: String) -> SettingOrigin { origins[path] ?? .defaultValue }
}

/// Puts the sources together, the weakest first: defaults, file, environment, flags.
package enum ConfigurationLoader {
  /// Pure but for `fileContents`, which is called for at most one path.
  ///
  /// - Parameters:
  ///   - file: the file named on the command line; else `SLUICE_CONFIG` names it, else there is none.
  ///   - fileContents: the file's text, or an error whose description says why not.
  /// - Throws: everything that is wrong in all of the sources.
  package static func load(
    file: String? = nil,
    fileContents: (String) throws -> String = { _ in "" },
    environment: [String: String] = [:],
    flags: [ConfigurationFlag] = []
  ) throws(ConfigurationErrors) -> LoadedConfiguration {
    var loading = Loading()
    let file = file ?? environment["SLUICE_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
    if let file { loading.read(file: file, fileContents) }
    loading.read(environment: environment)
    loading.read(flags: flags)
    loading.checkRules()
    guard loading.errors.isEmpty else { throw ConfigurationErrors(errors: loading.errors) }
    return LoadedConfiguration(configuration: loading.configuration, file: file, origins: loading.origins)
  }
}

/// The configuration while its sources are laid over each other.
private struct Loading {
  var configuration = GatewayConfiguration()
  var origins: [String: SettingOrigin] = [:]
  var errors: [ConfigurationError] = []
  /// The settings with a value that could not be read.
  private var unread: Set<String> = []

  private mutating func set(_ setting: Setting, _ node: ConfigurationNode, from origin: SettingOrigin) {
    do {
      try setting.read(node, &configuration)
      origins[setting.path] = origin
    } catch {
      unread.insert(setting.path)
      for problem in error.list {
        var place = origin
        if case .file(let path, _) = origin, let line = problem.line { place = .file(path, line: line) }
        errors.append(
          ConfigurationError(
            place: place.description, path: setting.path + problem.subpath, message: problem.message))
      }
    }
  }

  // MARK: - File

  mutating func read(file: String, _ fileContents: (String) throws -> String) {
    let text: String
    do {
      text = try fileContents(file)
    } catch {
      errors.append(ConfigurationError(place: file, path: nil, message: "cannot be read: \(error)"))
      return
    }
    do {
      let (root, repeated) = try ConfigurationFile.parse(text)
      errors += repeated.map { ConfigurationError(place: place(file, $0.line), path: nil, message: $0.message) }
      switch root.content {
      case .nothing: break
      case .group(let members): read(members, below: "", file: file)
      case .text, .list:
        errors.append(
          ConfigurationError(
            place: place(file, root.line), path: nil,
            message: "found \(root.found), expected settings such as listen: 127.0.0.1:8080"))
      }
    } catch {
      errors += error.list.map { ConfigurationError(place: place(file, $0.line), path: nil, message: $0.message) }
    }
  }

  private mutating func read(_ members: [ConfigurationNode.Member], below prefix: String, file: String) {
    for member in members {
      let path = prefix + member.key
      if let setting = SettingTable.setting(path) {
        set(setting, member.value, from: .file(file, line: member.line ?? 0))
      } else if SettingTable.groupNames.contains(path) {
        switch member.value.content {
        case .nothing: break
        case .group(let members): read(members, below: path + ".", file: file)
        case .text, .list:
          let example = SettingTable.settings.first { $0.path.hasPrefix(path + ".") }
          let below = example.map { " such as \($0.key): \($0.defaultText)" } ?? ""
          errors.append(
            ConfigurationError(
              place: place(file, member.line), path: path,
              message: "found \(member.value.found), expected a group of settings\(below)"))
        }
      } else {
        let known = SettingTable.keys(below: prefix)
        errors.append(
          ConfigurationError(
            place: place(file, member.line), path: path,
            message: "is unknown\(suggestion(for: member.key, among: known)); see sluice config reference"))
      }
    }
  }

  /// A key of the same group, else a setting of that name in another group: somebody forgot or mistook the group.
  private func suggestion(for key: String, among known: [String]) -> String {
    if let nearest = Suggestion.nearest(to: key, among: known) { return " (did you mean \(nearest)?)" }
    let everywhere = SettingTable.settings
    guard let elsewhere = Suggestion.nearest(to: key, among: everywhere.map { String($0.key) }),
      let setting = everywhere.first(where: { $0.key == elsewhere })
    else { return "" }
    return " (did you mean \(setting.path)?)"
  }

  private func place(_ file: String, _ line: Int?) -> String { line.map { "\(file):\($0)" } ?? file }

  // MARK: - Environment and flags

  mutating func read(environment: [String: String]) {
    let byName = Dictionary(uniqueKeysWithValues: SettingTable.settings.map { ($0.environmentName, $0) })
    for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("SLUICE_") {
      if let setting = byName[name] {
        set(setting, text: value, from: .environment(name))
      } else if !EnvironmentNames.isNoSetting(name, value: value) {
        let nearest = Suggestion.phrase(for: name, among: byName.keys.sorted() + EnvironmentNames.others)
        errors.append(
          ConfigurationError(
            place: name, path: nil, message: "no setting has this variable\(nearest); unset it or mend it"))
      }
    }
  }

  mutating func read(flags: [ConfigurationFlag]) {
    for flag in flags {
      if let setting = SettingTable.setting(flag.path) {
        set(setting, text: flag.value, from: .flag(flag.spelling))
      } else {
        errors.append(ConfigurationError(place: flag.spelling, path: flag.path, message: "is no setting"))
      }
    }
  }

  private mutating func set(_ setting: Setting, text: String, from origin: SettingOrigin) {
    let node: ConfigurationNode
    switch setting.textForm {
    case .scalar:
      node = ConfigurationNode(content: .text(text))
    case .commaList:
      let items = text.split(separator: ",").map { item in
        ConfigurationNode(content: .text(item.filter { $0 != " " }))
      }
      node = ConfigurationNode(content: .list(items))
    case .yaml:
      do throws(ValueProblems) {
        let (root, repeated) = try ConfigurationFile.parse(text)
        guard repeated.isEmpty else { throw ValueProblems(repeated) }
        node = root.withoutLines
      } catch {
        unread.insert(setting.path)
        errors += error.list.map {
          ConfigurationError(place: origin.description, path: setting.path, message: $0.message)
        }
        return
      }
    }
    set(setting, node, from: origin)
  }

  // MARK: - Rules

  /// Rules about a setting whose value could not be read say nothing that helps.
  mutating func checkRules() {
    for rule in ConfigurationRule.all where unread.isDisjoint(with: rule.paths) && !rule.holds(configuration) {
      let values = rule.paths.compactMap(SettingTable.setting).map { setting in
        let text = setting.text(configuration)
        return "\(setting.path) is \(text.isEmpty ? "empty" : text) (\(origins[setting.path] ?? .defaultValue))"
      }
      errors.append(
        ConfigurationError(
          place: nil, path: nil, message: "\(values.joined(separator: " and ")): \(rule.advice)"))
    }
  }
}
