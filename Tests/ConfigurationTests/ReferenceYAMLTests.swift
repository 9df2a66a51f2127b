import Configuration
import FoundationEssentials
import StreamLog
import Testing

struct ReferenceYAMLTests {
  @Test func `the file in the repository is the table's`() throws {
    let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = repository.appending(path: "Configuration/sluice.yaml")
    let text = try String(contentsOf: file, encoding: .utf8)
    #expect(
      text == GatewayConfiguration.referenceYAML, "write it anew: sluice config reference > Configuration/sluice.yaml")
  }

  @Test func `it sets every setting, each to its default`() throws {
    let loaded = try loadConfiguration(GatewayConfiguration.referenceYAML)
    #expect(loaded.configuration == GatewayConfiguration())
    #expect(Set(loaded.origins.keys) == Set(SettingTable.settings.map(\.path)))
  }

  @Test func `no line is longer than a screen`() {
    for line in GatewayConfiguration.referenceYAML.split(separator: "\n") {
      #expect(line.count <= 120, "\(line)")
    }
  }

  @Test func `the example of topic rules works when its comment marks are taken away`() throws {
    let example = GatewayConfiguration.topicRulesExample
    let uncommented = example.split(separator: "\n").map { $0.dropFirst() }.joined(separator: "\n") + "\n"
    let yaml = GatewayConfiguration.referenceYAML.replacing(example, with: uncommented)
    #expect(
      try loadConfiguration(yaml).configuration.topics == [
        TopicRule(
          match: try TopicPattern("orders.>"), history: .init(messages: 100, age: .seconds(3600), bytes: 1 << 20)),
        TopicRule(match: try TopicPattern("presence.*"), history: .init(messages: 1)),
      ])
  }

  @Test func `the defaults obey every rule`() throws {
    #expect(try loadConfiguration().configuration == GatewayConfiguration())
    #expect(try loadConfiguration().origin(of: "listen") == .defaultValue)
  }
}
