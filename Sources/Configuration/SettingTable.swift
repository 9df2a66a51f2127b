/// Every setting there is. Parsing, the names of environment variables, unknown keys, `sluice config show` and the
/// reference file all come from this table; the defaults are `GatewayConfiguration`'s initial values.
package enum SettingTable {
  package static let groups: [SettingGroup] = [
    SettingGroup(
      nil, "Where the gateway listens and what it keeps.",
      [
        Setting("listen", \.listen, .address, "where clients and publishers connect; port 0 takes a free one"),
        Setting("admin", \.admin, .addressOrOff, "admin, metrics and health; off for none. Not for the open internet"),
        Setting(
          "store", \.store, .store,
          "what keeps messages: memory, sqlite:PATH, or redis://HOST:PORT for several nodes"
        ),
        Setting(
          "event_loops", \.eventLoops, .count(0...1024), "threads that serve connections; 0 is one per core it may use"),
      ]),
    SettingGroup(
      nil, "What clients are offered.",
      [
        Setting(
          "transports", \.transports, .transports, "best first; a topic rule may allow less: transports: [poll]"),
        Setting(
          "public_url", \.publicURL, .publicURL, "where clients reach the gateway; nothing: as their requests say"),
        Setting("demo", \.demo, .flag, "the page /demo: one stream over four transports"),
      ]),
    SettingGroup(
      "history", "What is kept of a topic that no rule matches, and of what a rule leaves out.",
      [
        Setting("history.messages", \.history.messages, .historyMessages, "the newest so many; 0 keeps none"),
        Setting("history.age", \.history.age, .historyAge, "no older than this"),
        Setting("history.bytes", \.history.bytes, .historyBytes, "no more bytes than this, per topic"),
      ]),
    SettingGroup(
      nil, "Topic rules: the first whose pattern matches a topic rules it; a part left out is taken from history.",
      [
        Setting("topics", \.topics, .topicRules, "in order; * is one segment, a final > one or more")
      ]),
    SettingGroup(
      "sqlite", "The store sqlite:PATH, which survives restarts; one gateway has the file.",
      [
        Setting(
          "sqlite.synchronous", \.sqlite.synchronous, .word,
          "full: a power cut takes nothing acknowledged; normal: the last moments, and it is faster"),
        Setting(
          "sqlite.lock_wait", \.sqlite.lockWait, .timer,
          "how long publishes wait while another program has the file locked"),
      ]),
    SettingGroup(
      "redis", "The store redis://HOST:PORT/DB, which nodes share; rediss: with TLS; redis+sentinel://H1,H2/MASTER.",
      [
        Setting("redis.prefix", \.redis.prefix, .keyPrefix, "before every key; the nodes' own"),
        Setting("redis.password_file", \.redis.passwordFile, .file, "a file: the password, instead of one in the URL"),
        Setting(
          "redis.sentinel_password_file", \.redis.sentinelPasswordFile, .file, "a file: the password of the sentinels"),
        Setting("redis.ca", \.redis.ca, .file, "a file: who vouches for the server; nothing: whom the system trusts"),
        Setting("redis.certificate", \.redis.certificate, .file, "a file: what is shown to a server that asks for one"),
        Setting("redis.key", \.redis.key, .file, "a file: the certificate's key"),
        Setting(
          "redis.wait", \.redis.wait, .wait(atMost: .seconds(60)),
          "how long publishes wait for a Redis that is away, before they are refused"),
        Setting("redis.reply_time", \.redis.replyTime, .timer, "a Redis that is silent for this long is away"),
        Setting(
          "redis.log_messages", \.redis.logMessages, .count(1000...100_000_000),
          "how many messages a node may be behind before it reads topics' histories"),
        Setting(
          "redis.topics", \.redis.topics, .count(1...1_000_000_000),
          "remembered at most; then those longest without a message are forgotten"),
      ]),
    SettingGroup(
      "tls", "TLS for clients and publishers. Paths are relative to the working directory; files are PEM.",
      [
        Setting(
          "tls.certificates", \.tls.certificates, .certificates,
          "such as [{ certificate: FILE, key: FILE }]; none is clear text"
        ),
        Setting(
          "tls.client_certificates", \.tls.clientCertificates, .word,
          "off, optional or required: whether clients show one"),
        Setting(
          "tls.client_authorities", \.tls.clientAuthorities, .file, "a file: who signs the certificates of clients"),
        Setting(
          "tls.ticket_key", \.tls.ticketKey, .file,
          "a file that nodes share: head -c 80 /dev/urandom; none: a node's own"),
        Setting(
          "tls.reload_interval", \.tls.reloadInterval, .timer, "how often it is looked whether the files have changed"),
      ]),
    SettingGroup(
      "proxy", "Proxies before the gateway, and what they say about their clients.",
      [
        Setting(
          "proxy.trusted", \.proxy.trusted, .addressRanges,
          "who may name the client, in Forwarded or X-Forwarded-For; such as 10.0.0.0/8"),
        Setting(
          "proxy.protocol", \.proxy.protocol, .word,
          "v2: every connection begins with a PROXY header, and comes from proxy.trusted"),
      ]),
    SettingGroup(
      "limits", "What one client, one request and all of them together may take.",
      [
        Setting("limits.message_bytes", \.limits.messageBytes, .size(1...(1 << 30)), "one message's payload"),
        Setting("limits.header_bytes", \.limits.headerBytes, .size(1024...(1 << 20)), "all header fields of a request"),
        Setting(
          "limits.request_line_bytes", \.limits.requestLineBytes, .size(256...(1 << 20)),
          "the request line; topic lists stand in it"),
        Setting(
          "limits.topics_per_subscriber", \.limits.topicsPerSubscriber, .count(1...1_000_000),
          "topics and patterns of one connection"),
        Setting(
          "limits.patterns_per_subscriber", \.limits.patternsPerSubscriber, .count(1...1_000_000),
          "of those, the ones with wildcards: each is looked at for every message"),
        Setting(
          "limits.connections", \.limits.connections, .count(1...10_000_000), "open connections; see ulimit -n too"),
        Setting(
          "limits.connections_per_address", \.limits.connectionsPerAddress, .count(1...10_000_000),
          "from one address; those of proxy.trusted are not counted"),
        Setting(
          "limits.batch_messages", \.limits.batchMessages, .count(1...100_000),
          "messages of one batch publish, each counted for every topic"),
        Setting(
          "limits.batch_bytes", \.limits.batchBytes, .size(1...(1 << 30)),
          "one request's body, and what it publishes to all topics"),
        Setting("limits.poll_wait", \.limits.pollWait, .timer, "the longest a poll may ask to wait"),
        Setting("limits.poll_messages", \.limits.pollMessages, .count(1...100_000), "messages of one poll's answer"),
        Setting(
          "limits.history_messages", \.limits.historyMessages, .count(1...100_000), "messages of one page of history"),
        Setting(
          "limits.request_head_time", \.limits.requestHeadTime, .timer, "from a request's first byte to its last header"
        ),
        Setting("limits.request_body_time", \.limits.requestBodyTime, .timer, "for a request's body to arrive"),
        Setting(
          "limits.tls_handshake_time", \.limits.tlsHandshakeTime, .timer,
          "from connecting to the end of TLS's handshake"),
        Setting("limits.idle_time", \.limits.idleTime, .timer, "an unused connection is closed after this"),
        Setting(
          "limits.pong_time", \.limits.pongTime, .timer, "a websocket peer that answers no ping for this long is gone"),
        Setting(
          "limits.stalled_write_time", \.limits.stalledWriteTime, .timer,
          "a reader that takes nothing for this long is closed"),
        Setting(
          "limits.http2_streams", \.limits.http2Streams, .count(1...10_000), "open requests of one HTTP/2 connection"),
        Setting(
          "limits.http2_resets", \.limits.http2Resets, .count(1...1_000_000),
          "streams it may reset at once; a tenth comes back each second"),
        Setting(
          "limits.http2_control_frames", \.limits.http2ControlFrames, .count(1...1_000_000),
          "its pings, settings and the like at once; a tenth comes back each second"),
        Setting(
          "limits.http2_continuations", \.limits.http2Continuations, .count(1...1000),
          "frames that go on with one request's headers"),
        Setting(
          "limits.idempotency_keys", \.limits.idempotencyKeys, .count(1...100_000_000),
          "remembered at once; a full table refuses keyed publishes"),
        Setting(
          "limits.uncommitted_bytes", \.limits.uncommittedBytes, .size((1 << 20)...(1 << 40)),
          "publishes that wait for the store"),
        Setting(
          "limits.memory", \.limits.memory, .size((16 << 20)...(1 << 40)), "history and buffers of the whole process"),
      ]),
    SettingGroup(
      "idempotency", "Publishing again with the same key is answered, not repeated.",
      [
        Setting(
          "idempotency.window", \.idempotency.window, .duration(atMost: .seconds(7 * 86_400)),
          "how long a key is remembered")
      ]),
    SettingGroup(
      "heartbeat", "Silence after which a connection is told that it lives; below your proxy's idle timeout.",
      [
        Setting("heartbeat.sse", \.heartbeat.sse, .timer, "event streams"),
        Setting("heartbeat.ndjson", \.heartbeat.ndjson, .timer, "line streams"),
        Setting("heartbeat.websocket", \.heartbeat.websocket, .timer, "websockets, a ping beside it"),
      ]),
    SettingGroup(
      "reconnect", "How long clients are advised to wait before they come back.",
      [
        Setting("reconnect.min", \.reconnect.min, .timer, "the shortest; also the retry: of event streams"),
        Setting("reconnect.max", \.reconnect.max, .timer, "the longest, after many failures"),
      ]),
    SettingGroup(
      "compression", "permessage-deflate on websockets: a message is compressed once, whoever reads it.",
      [
        Setting("compression.websocket", \.compression.websocket, .flag, "accept the offer of clients that make it"),
        Setting("compression.level", \.compression.level, .count(1...9), "1 is the fastest, 9 the smallest"),
        Setting(
          "compression.min_bytes", \.compression.minBytes, .size(0...(1 << 30)), "smaller messages go as they are"),
      ]),
    SettingGroup(
      "cors", "Which web pages may speak to this gateway from another origin.",
      [
        Setting("cors.origins", \.cors.origins, .origins, "exact, such as https://app.example.com, or * alone")
      ]),
    SettingGroup(
      "drain", "How a gateway that shuts down sends its clients away.",
      [
        Setting("drain.window", \.drain.window, .timer, "their returns are spread over this"),
        Setting("drain.timeout", \.drain.timeout, .timer, "what is still open after this is cut"),
      ]),
    SettingGroup(
      "log", "What the gateway writes to standard error.",
      [
        Setting("log.level", \.log.level, .word, "trace, debug, info, notice, warning, error or critical"),
        Setting("log.format", \.log.format, .word, "text for people, json for machines"),
      ]),
    SettingGroup(
      "diagnostics", "For measuring a gateway, not for running one.",
      [
        Setting("diagnostics.echo", \.diagnostics.echo, .flag, "a websocket that sends back what it gets")
      ]),
  ]

  package static let settings = groups.flatMap(\.settings)

  package static func setting(_ path: String) -> Setting? { byPath[path] }

  package static let groupNames = Set(groups.compactMap(\.name))

  /// What may stand at the top of the file (`""`) or in the group `limits.`, in the table's order.
  static func keys(below prefix: String) -> [String] {
    guard prefix.isEmpty else {
      return settings.filter { $0.path.hasPrefix(prefix) }.map { String($0.key) }
    }
    return groups.flatMap { group in group.name.map { [$0] } ?? group.settings.map(\.path) }
  }

  private static let byPath = Dictionary(uniqueKeysWithValues: settings.map { ($0.path, $0) })
}

extension SettingKind where Value == Duration {
  /// What one connection or one client waits for.
  fileprivate static var timer: Self { .duration(atMost: .seconds(86_400)) }
}
