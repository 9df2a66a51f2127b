import Configuration
import Testing

struct ConfigurationLoaderTests {
  // MARK: - Files

  @Test(arguments: ["", "\n\n", "# only a comment\n", "---\n", "limits:\n", "{}", "~", "cors:\ntopics:\n"])
  func `a file without settings is the defaults`(yaml: String) throws {
    #expect(try loadConfiguration(yaml).configuration == GatewayConfiguration())
  }

  @Test(arguments: [
    ("limits:\n\tmemory: 1GiB\n", "s.yaml:2: is not YAML", "indent with spaces, not tabs"),
    ("listen: [::1]:0\n", "s.yaml:1: is not YAML", "put quotes around"),
    ("a: b: c\n", "s.yaml:1: is not YAML", "mapping values"),
    ("listen: \"x\n", "s.yaml:", "is not YAML"),
    ("%%%\n{{{", "s.yaml:1: is not YAML", ""),
    ("listen: a\u{1}\n", "s.yaml:1: is not text", ""),
    ("--- {}\n--- {}\n", "s.yaml:2: is not YAML", "expected a single document"),
    ("listen: *nobody\n", "s.yaml:1: is not YAML", "undefined alias"),
    ("? [a]\n: b\n", "s.yaml:1: a key must be a word", ""),
    ("just words", "s.yaml:1: found \"just words\", expected settings", ""),
    ("- listen", "s.yaml:1: found a list, expected settings", ""),
  ])
  func `a file that is no configuration is refused with its line`(yaml: String, start: String, part: String) {
    let told = configurationErrors(yaml)
    #expect(told.count == 1)
    #expect(told.first?.hasPrefix(start) == true, "\(told)")
    if !part.isEmpty { #expect(told.first?.contains(part) == true, "\(told)") }
  }

  @Test(.timeLimit(.minutes(10)), arguments: UInt64(1)...20)
  func `a file damaged anywhere is refused or read, and every refusal says something`(seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15
    func random(below bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let damage = Array("\t\n:#-[]{}&*!|>'\"%@`?, 0a~\u{0}\u{FEFF}\u{85}é")
    for _ in 0..<10 {
      var text = Array(GatewayConfiguration.referenceYAML.filter { $0 != "#" })
      for _ in 0...random(below: 3) { text[random(below: text.count)] = damage[random(below: damage.count)] }
      for error in configurationErrors(String(text)) { #expect(!error.isEmpty) }
      let whole = Array(GatewayConfiguration.referenceYAML)
      for error in configurationErrors(String(whole.prefix(random(below: whole.count)))) { #expect(!error.isEmpty) }
    }
  }

  @Test func `a file that cannot be read is named`() {
    struct NotThere: Error, CustomStringConvertible { let description = "No such file or directory" }
    #expect {
      try ConfigurationLoader.load(file: "/etc/sluice.yaml", fileContents: { _ in throw NotThere() })
    } throws: {
      "\($0)" == "/etc/sluice.yaml: cannot be read: No such file or directory"
    }
  }

  @Test func `SLUICE_CONFIG names the file unless a flag does`() throws {
    let files = ["a.yaml": "event_loops: 1", "b.yaml": "event_loops: 2"]
    func load(_ file: String?, _ environment: [String: String]) throws -> LoadedConfiguration {
      try ConfigurationLoader.load(file: file, fileContents: { files[$0] ?? "" }, environment: environment)
    }
    let named = try load(nil, ["SLUICE_CONFIG": "a.yaml"])
    #expect(named.configuration.eventLoops == 1)
    #expect(named.file == "a.yaml")
    #expect(named.origin(of: "event_loops").description == "a.yaml:1")
    #expect(try load("b.yaml", ["SLUICE_CONFIG": "a.yaml"]).configuration.eventLoops == 2)
    #expect(try load(nil, ["SLUICE_CONFIG": ""]).file == nil)
  }

  @Test func `an anchor may be used again`() throws {
    let limits = try loadConfiguration("limits: { batch_bytes: &size 1MiB, message_bytes: *size }").configuration.limits
    #expect(limits.messageBytes == 1 << 20)
  }

  // MARK: - Keys

  @Test(arguments: [
    ("lisen: a:1", "s.yaml:1: lisen: is unknown (did you mean listen?); see sluice config reference"),
    ("limit: {}", "s.yaml:1: limit: is unknown (did you mean limits?); see sluice config reference"),
    (
      "limits:\n  message_byte: 1",
      "s.yaml:2: limits.message_byte: is unknown (did you mean message_bytes?); see sluice config reference"
    ),
    (
      "connections: 1",
      "s.yaml:1: connections: is unknown (did you mean limits.connections?); see sluice config reference"
    ),
    (
      "limits: { window: 1s }",
      "s.yaml:1: limits.window: is unknown (did you mean idempotency.window?); see sluice config reference"
    ),
    ("zebra: 1", "s.yaml:1: zebra: is unknown; see sluice config reference"),
    ("<<: { listen: a:1 }", "s.yaml:1: <<: is unknown; see sluice config reference"),
  ])
  func `an unknown key is refused with its line and the nearest known one`(yaml: String, told: String) {
    #expect(configurationErrors(yaml) == [told])
  }

  @Test func `a group that is no group is refused`() {
    #expect(
      configurationErrors("limits: 5") == [
        "s.yaml:1: limits: found \"5\", expected a group of settings such as message_bytes: 64KiB"
      ])
  }

  @Test(arguments: [
    (
      "listen: a:1\nadmin: off\nlisten: b:2\n", "s.yaml:3: \"listen\" stands here a second time; the first is on line 1"
    ),
    (
      "limits:\n  memory: 1GiB\n  \"memory\": 2GiB\n",
      "s.yaml:3: \"memory\" stands here a second time; the first is on line 2"
    ),
    ("limits:\n  memory: 1GiB\nlimits:\n", "s.yaml:3: \"limits\" stands here a second time; the first is on line 1"),
    ("limits: { memory: 1GiB, memory: 2GiB }", "s.yaml:1: \"memory\" stands twice in one group; keep one of the two"),
    (
      "topics:\n  - match: a\n    match: b\n  - match: c\n",
      "s.yaml:3: \"match\" stands here a second time; the first is on line 2"
    ),
  ])
  func `a repeated key is refused with both lines`(yaml: String, told: String) {
    #expect(configurationErrors(yaml) == [told])
  }

  @Test func `a repeated key does not hide what else is wrong`() {
    #expect(
      configurationErrors("listen: a:1\nlimits:\n  memory: 1\n  memory: 2GiB\nlisten: b:2\nzebra: 1\n") == [
        "s.yaml:4: \"memory\" stands here a second time; the first is on line 3",
        "s.yaml:5: \"listen\" stands here a second time; the first is on line 1",
        "s.yaml:3: limits.memory: \"1\" is out of range; use 16MiB to 1024GiB",
        "s.yaml:6: zebra: is unknown; see sluice config reference",
      ])
  }

  // MARK: - Environment and flags

  @Test(arguments: [
    ("SLUICE_LISTN", " (did you mean SLUICE_LISTEN?)"),
    ("SLUICE_LIMIT_MEMORY", " (did you mean SLUICE_LIMITS_MEMORY?)"),
    ("SLUICE_URI", " (did you mean SLUICE_URL?)"), ("SLUICE_ZEBRA_CROSSING", ""), ("SLUICE_PORT", ""),
  ])
  func `an unknown variable is refused with the nearest known one`(name: String, suggestion: String) {
    #expect(
      configurationErrors(environment: [name: "1"]) == [
        "\(name): no setting has this variable\(suggestion); unset it or mend it"
      ])
  }

  @Test func `variables of others are left alone`() throws {
    let environment = [
      "SLUICE_URL": "http://x", "SLUICE_ADMIN_URL": "http://y", "PATH": "/bin", "sluice_listen": "x", "SLUICE": "x",
      // What Kubernetes adds for services named sluice and sluice-admin.
      "SLUICE_SERVICE_HOST": "10.0.0.1", "SLUICE_SERVICE_PORT": "8080", "SLUICE_SERVICE_PORT_HTTP": "8080",
      "SLUICE_PORT": "tcp://10.0.0.1:8080", "SLUICE_PORT_8080_TCP": "tcp://10.0.0.1:8080",
      "SLUICE_PORT_8080_TCP_ADDR": "10.0.0.1", "SLUICE_ADMIN_PORT": "tcp://10.0.0.1:8081",
      "SLUICE_ADMIN_PORT_8081_TCP_PROTO": "tcp",
    ]
    #expect(try loadConfiguration(environment: environment).configuration == GatewayConfiguration())
  }

  @Test func `a flag is named as it was spelled`() {
    let flag = ConfigurationFlag(path: "log.format", spelling: "--log-format", value: "jsn")
    let told = "--log-format: log.format: \"jsn\" is not one of text, json (did you mean json?)"
    #expect(configurationErrors(flags: [flag]) == [told])
  }

  @Test func `a flag of no setting is refused`() {
    #expect(
      configurationErrors(flags: [ConfigurationFlag(path: "a", spelling: "--a", value: "")]) == [
        "--a: a: is no setting"
      ])
  }

  @Test func `a key with nothing after it says what belongs there`() {
    #expect(
      configurationErrors("log:\n  format:\n") == ["s.yaml:2: log.format: found nothing, expected one of text, json"])
    #expect(
      configurationErrors(environment: ["SLUICE_LOG_FORMAT": ""]) == [
        "SLUICE_LOG_FORMAT: log.format: found \"\", expected one of text, json"
      ])
  }

  @Test func `the errors of all sources are told together, in their order`() {
    let told = configurationErrors(
      "lisen: a:1\nlimits: { memory: 1, pong_time: 5 }\n", environment: ["SLUICE_ADMIN": "x", "SLUICE_WHAT": ""],
      flags: [ConfigurationFlag(path: "store", spelling: "--store", value: "sqlite:")])
    #expect(
      told.map { String($0.prefix { $0 != " " }) } == [
        "s.yaml:1:", "s.yaml:2:", "s.yaml:2:", "SLUICE_ADMIN:", "SLUICE_WHAT:", "--store:",
      ])
  }
}
