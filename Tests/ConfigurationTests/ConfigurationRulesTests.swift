import Configuration
import Testing

struct ConfigurationRulesTests {
  @Test(arguments: [
    (
      "listen: 127.0.0.1:8081",
      "admin is 127.0.0.1:8081 (default) and listen is 127.0.0.1:8081 (s.yaml:1): give each its own port"
    ),
    (
      "limits: { message_bytes: 2MiB, memory: 16MiB }",
      "limits.message_bytes is 2MiB (s.yaml:1) and limits.memory is 16MiB (s.yaml:1): a message may take a sixteenth"
    ),
    (
      "reconnect: { min: 21s }",
      "reconnect.min is 21s (s.yaml:1) and reconnect.max is 20s (default): min must not be longer than max"
    ),
    (
      "tls: { certificates: [{ certificate: c, key: k }], client_certificates: required }",
      "tls.client_certificates is required (s.yaml:1) and tls.client_authorities is empty (default): name the file with the authorities that sign the certificates of clients"
    ),
    (
      "tls: { client_authorities: ca.pem, client_certificates: optional }",
      "tls.client_certificates is optional (s.yaml:1) and tls.certificates is [] (default): only a gateway with certificates of its own can look at those of clients"
    ),
    (
      "tls: { client_authorities: ca.pem }",
      "tls.client_authorities is ca.pem (s.yaml:1) and tls.certificates is [] (default): only a gateway with certificates of its own can look at those of clients"
    ),
    (
      "proxy: { protocol: v2 }",
      "proxy.protocol is v2 (s.yaml:1) and proxy.trusted is [] (default): say which addresses the proxies have"
    ),
    (
      "drain: { timeout: 5s }",
      "drain.window is 10s (default) and drain.timeout is 5s (s.yaml:1): the timeout must not cut the window"
    ),
  ])
  func `a broken rule tells both values and where they came from`(yaml: String, told: String) {
    #expect(configurationErrors(yaml) == [told])
  }

  @Test(arguments: [
    "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0", "limits: { message_bytes: 1MiB, memory: 16MiB }",
    "tls: { certificates: [{ certificate: c, key: k }], client_certificates: optional, client_authorities: ca.pem }",
    "tls: { certificates: [{ certificate: c, key: k }], client_authorities: ca.pem }",
    "proxy: { protocol: v2, trusted: 127.0.0.1 }", "proxy: { trusted: 127.0.0.1 }",
    "reconnect: { min: 20s }", "drain: { window: 30s }", "listen: 127.0.0.1:8081\nadmin: off",
  ])
  func `a rule holds up to its edge`(yaml: String) {
    #expect(configurationErrors(yaml) == [])
  }

  @Test func `a rule about a value that could not be read is not judged`() {
    #expect(configurationErrors("drain: { window: 40s, timeout: 5 }").count == 1)
  }

  @Test func `the rule is judged on what all sources give together`() throws {
    #expect(configurationErrors("drain: { timeout: 5s }", environment: ["SLUICE_DRAIN_WINDOW": "5s"]) == [])
    #expect(configurationErrors("drain: { timeout: 5s }", environment: ["SLUICE_DRAIN_WINDOW": "6s"]).count == 1)
  }

  @Test(arguments: [
    ("event_loops", "1025"), ("history.messages", "100000001"), ("history.bytes", "0"), ("history.age", "3651d"),
    ("limits.message_bytes", "0"), ("limits.message_bytes", "1025MiB"), ("limits.header_bytes", "1023"),
    ("limits.request_line_bytes", "255"), ("limits.topics_per_subscriber", "0"), ("limits.connections", "0"),
    ("limits.connections_per_address", "0"), ("limits.batch_messages", "0"), ("limits.batch_bytes", "0"),
    ("limits.poll_wait", "25h"), ("limits.poll_messages", "0"), ("limits.history_messages", "0"),
    ("limits.request_head_time", "0s"), ("limits.idempotency_keys", "0"), ("limits.memory", "15MiB"),
    ("limits.tls_handshake_time", "0s"), ("limits.tls_handshake_time", "25h"), ("tls.reload_interval", "0s"),
    ("limits.http2_streams", "0"), ("limits.http2_streams", "10001"), ("limits.http2_resets", "0"),
    ("limits.http2_resets", "1000001"), ("limits.http2_control_frames", "0"),
    ("limits.http2_control_frames", "1000001"), ("limits.http2_continuations", "0"),
    ("limits.http2_continuations", "1001"),
    ("idempotency.window", "8d"), ("heartbeat.sse", "0s"), ("compression.level", "0"), ("compression.level", "10"),
    ("drain.window", "0s"),
  ])
  func `a value out of its range is refused`(path: String, value: String) throws {
    let setting = try #require(SettingTable.setting(path))
    let told = configurationErrors(environment: [setting.environmentName: value])
    #expect(told.count == 1)
    #expect(told.first?.contains("\"\(value)\" is out of range; use ") == true, "\(told)")
  }
}
