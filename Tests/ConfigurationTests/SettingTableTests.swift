import Configuration
import Testing

struct SettingTableTests {
  static let paths = SettingTable.settings.map(\.path)

  @Test func `every setting has a sample and every sample a setting`() {
    #expect(Set(settingSamples.keys) == Set(Self.paths))
  }

  @Test func `paths and environment names are unique`() {
    #expect(Set(Self.paths).count == Self.paths.count)
    #expect(Set(SettingTable.settings.map(\.environmentName)).count == Self.paths.count)
  }

  @Test func `an environment name is the path in upper case`() throws {
    let setting = try #require(SettingTable.setting("limits.message_bytes"))
    #expect(setting.environmentName == "SLUICE_LIMITS_MESSAGE_BYTES")
  }

  @Test(arguments: paths)
  func `a setting is read from a file and knows its line`(path: String) throws {
    let (setting, sample) = try Self.sample(path)
    let companions = companions(of: path)
    let loaded = try loadConfiguration("# comment\n" + asFile(sample, path: path), flags: companions)
    #expect(setting.text(loaded.configuration) == sample)
    #expect(loaded.origin(of: path) == .file("s.yaml", line: path.contains(".") ? 3 : 2))
    #expect(loaded.origins.count == 1 + companions.count)
    Self.expectOnly(setting, changedIn: loaded)
  }

  @Test(arguments: paths)
  func `a setting is read from its environment variable`(path: String) throws {
    let (setting, sample) = try Self.sample(path)
    let companions = companions(of: path)
    let loaded = try loadConfiguration(
      environment: [setting.environmentName: asPlainText(sample, path: path)], flags: companions)
    #expect(setting.text(loaded.configuration) == sample)
    #expect(loaded.origin(of: path) == .environment(setting.environmentName))
    #expect(loaded.origins.count == 1 + companions.count)
    Self.expectOnly(setting, changedIn: loaded)
  }

  @Test(arguments: paths)
  func `a setting is read from a flag, which wins over the environment and the file`(path: String) throws {
    let (setting, sample) = try Self.sample(path)
    let defaultText = asPlainText(setting.defaultText, path: path)
    let flag = ConfigurationFlag(path: path, spelling: "--it", value: asPlainText(sample, path: path))
    let loaded = try loadConfiguration(
      asFile(sample, path: path), environment: [setting.environmentName: defaultText],
      flags: [flag] + companions(of: path))
    #expect(setting.text(loaded.configuration) == sample)
    #expect(loaded.origin(of: path) == .flag("--it"))
  }

  @Test(arguments: paths)
  func `the environment wins over the file`(path: String) throws {
    let (setting, sample) = try Self.sample(path)
    let defaultText = asPlainText(setting.defaultText, path: path)
    let loaded = try loadConfiguration(asFile(sample, path: path), environment: [setting.environmentName: defaultText])
    #expect(loaded.configuration == GatewayConfiguration())
    #expect(loaded.origins == [path: .environment(setting.environmentName)])
  }

  @Test(arguments: paths)
  func `a value that is no such thing is refused with the path, the line and what is expected`(path: String) throws {
    let setting = try #require(SettingTable.setting(path))
    let parts = path.split(separator: ".")
    let yaml = parts.count == 1 ? "\(path): { a: 1 }" : "\(parts[0]):\n  \(parts[1]): { a: 1 }"
    #expect(
      configurationErrors(yaml) == [
        "s.yaml:\(parts.count): \(path): found a group of settings, expected \(setting.expected)"
      ])
  }

  // Any word may be a file's name.
  @Test(arguments: paths.filter { SettingTable.setting($0)?.expected.contains("the name of a file") == false })
  func `a word that is no value is refused in the environment, and the variable is named`(path: String) throws {
    let setting = try #require(SettingTable.setting(path))
    let told = configurationErrors(environment: [setting.environmentName: "?"])
    #expect(told.count == 1)
    #expect(told.first?.hasPrefix("\(setting.environmentName): \(path)") == true)
  }

  private static func sample(_ path: String) throws -> (Setting, String) {
    (try #require(SettingTable.setting(path)), try #require(settingSamples[path]))
  }

  private static func expectOnly(_ changed: Setting, changedIn loaded: LoadedConfiguration) {
    for setting in SettingTable.settings where loaded.origin(of: setting.path) == .defaultValue {
      #expect(setting.text(loaded.configuration) == setting.defaultText, "\(changed.path) changed \(setting.path)")
    }
  }
}
