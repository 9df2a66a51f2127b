import Configuration

/// For every setting a good value that is not its default, in canonical form.
let settingSamples: [String: String] = [
  "listen": "[::1]:0",
  "admin": "off",
  "store": "sqlite:/var/lib/sluice/store.db",
  "sqlite.synchronous": "normal",
  "sqlite.lock_wait": "3s",
  "redis.prefix": "shop.live:1",
  "redis.password_file": "/run/secrets/redis",
  "redis.sentinel_password_file": "/run/secrets/sentinel",
  "redis.ca": "ca.pem",
  "redis.certificate": "node.pem",
  "redis.key": "node.key",
  "redis.wait": "2s",
  "redis.reply_time": "8s",
  "redis.log_messages": "5000",
  "redis.topics": "77",
  "limits.uncommitted_bytes": "5MiB",
  "public_url": "https://rt.example.com/base",
  "transports": #"["sse", "websocket"]"#,
  "demo": "false",
  "event_loops": "3",
  "history.messages": "0",
  "history.age": "2d3h",
  "history.bytes": "3MB",
  "topics":
    #"[{ match: "orders.*", history: { messages: 5, age: 1h, bytes: 1MiB } }, { match: "a:b", transports: ["poll"] }]"#,
  "tls.certificates": #"[{ certificate: "a \"b\\.pem", key: "/etc/key.pem" }, { certificate: "c", key: "d" }]"#,
  "tls.client_certificates": "optional",
  "tls.client_authorities": "../clients.pem",
  "tls.ticket_key": "/run/secrets/tickets",
  "tls.reload_interval": "1m",
  "proxy.trusted": #"["10.0.0.0/8", "2001:db8::1"]"#,
  "proxy.protocol": "v2",
  "limits.message_bytes": "65537B",
  "limits.header_bytes": "32KiB",
  "limits.request_line_bytes": "4KiB",
  "limits.topics_per_subscriber": "7",
  "limits.patterns_per_subscriber": "8",
  "limits.connections": "11",
  "limits.connections_per_address": "12",
  "limits.batch_messages": "13",
  "limits.batch_bytes": "1MiB",
  "limits.poll_wait": "1m30s",
  "limits.poll_messages": "14",
  "limits.history_messages": "15",
  "limits.request_head_time": "3s",
  "limits.request_body_time": "4s",
  "limits.tls_handshake_time": "11s",
  "limits.idle_time": "5s",
  "limits.pong_time": "6s",
  "limits.stalled_write_time": "7s",
  "limits.http2_streams": "17",
  "limits.http2_resets": "18",
  "limits.http2_control_frames": "19",
  "limits.http2_continuations": "20",
  "limits.idempotency_keys": "16",
  "limits.memory": "256MiB",
  "idempotency.window": "1d",
  "heartbeat.sse": "8s",
  "heartbeat.ndjson": "9s",
  "heartbeat.websocket": "250ms",
  "reconnect.min": "1s",
  "reconnect.max": "1m",
  "compression.websocket": "false",
  "compression.level": "9",
  "compression.min_bytes": "0B",
  "cors.origins": #"["https://app.example.com", "http://localhost:3000"]"#,
  "drain.window": "11s",
  "drain.timeout": "2m",
  "log.level": "debug",
  "log.format": "json",
  "diagnostics.echo": "true",
]

/// The settings whose values are words with commas between, in text that is no YAML.
private let wordLists: Set = ["cors.origins", "proxy.trusted", "transports"]

/// For the settings whose samples are good only beside other settings, flags that set those.
func companions(of path: String) -> [ConfigurationFlag] {
  let paths: [String] =
    switch path {
    case "tls.client_certificates": ["tls.certificates", "tls.client_authorities"]
    case "tls.client_authorities": ["tls.certificates"]
    case "proxy.protocol": ["proxy.trusted"]
    default: []
    }
  return paths.map {
    ConfigurationFlag(path: $0, spelling: "--companion", value: asPlainText(settingSamples[$0] ?? "", path: $0))
  }
}

/// The sample as an environment variable or a flag holds it.
func asPlainText(_ sample: String, path: String) -> String {
  wordLists.contains(path) ? sample.filter { !"[]\"".contains($0) } : sample
}

/// The sample as a file that sets nothing else.
func asFile(_ sample: String, path: String) -> String {
  let value = sample.hasPrefix("[{") || wordLists.contains(path) ? sample : "\"\(sample)\""
  let parts = path.split(separator: ".")
  return parts.count == 1 ? "\(parts[0]): \(value)\n" : "\(parts[0]):\n  \(parts[1]): \(value)\n"
}

func loadConfiguration(
  _ yaml: String? = nil, environment: [String: String] = [:], flags: [ConfigurationFlag] = []
) throws(ConfigurationErrors) -> LoadedConfiguration {
  try ConfigurationLoader.load(
    file: yaml.map { _ in "s.yaml" }, fileContents: { _ in yaml ?? "" }, environment: environment, flags: flags)
}

/// The errors as a person reads them; empty if it loads.
func configurationErrors(
  _ yaml: String? = nil, environment: [String: String] = [:], flags: [ConfigurationFlag] = []
) -> [String] {
  do {
    _ = try loadConfiguration(yaml, environment: environment, flags: flags)
    return []
  } catch {
    return error.errors.map(\.description)
  }
}
