package import RedisClient
package import StreamLog
package import StreamStores
package import Transports

/// Everything an operator can set. A property's initial value is the setting's default, and this is the only place
/// where the default is written; names, units, ranges and explanations stand in `SettingTable`.
///
/// Sizes are bytes. A value made in code is not checked; one that comes from `ConfigurationLoader` has passed every
/// range and every rule of `ConfigurationRules`.
package struct GatewayConfiguration: Sendable, Equatable {
  package var listen = ListenAddress(host: "127.0.0.1", port: 8080)
  /// `nil`: no admin listener.
  package var admin: ListenAddress? = ListenAddress(host: "127.0.0.1", port: 8081)
  package var store = StoreConfiguration.memory
  /// Where clients reach the gateway, without a slash at the end; nil: what their requests say.
  package var publicURL: String?
  /// Best first.
  package var transports = TransportKind.allCases
  /// Whether /demo is there.
  package var demo = true
  /// 0 is one per core.
  package var eventLoops = 0
  package var history = HistoryBounds()
  /// The first rule whose pattern matches a topic rules it.
  package var topics: [TopicRule] = []
  package var sqlite = SQLite()
  package var redis = Redis()
  package var tls = TLS()
  package var proxy = Proxy()
  package var limits = Limits()
  package var idempotency = Idempotency()
  package var heartbeat = Heartbeat()
  package var reconnect = Reconnect()
  package var compression = Compression()
  package var cors = CORS()
  package var drain = Drain()
  package var log = Log()
  package var diagnostics = Diagnostics()

  package init() {}

  /// What is kept of `topic`: the first matching rule, its missing parts taken from `history`.
  package func history(of topic: TopicName) -> HistoryBounds {
    topics.first { $0.match.matches(topic) }.map(bounds) ?? history
  }

  /// A rule's bounds, its missing parts taken from `history`.
  package func bounds(of rule: TopicRule) -> HistoryBounds {
    HistoryBounds(
      messages: rule.history.messages ?? history.messages,
      age: rule.history.age ?? history.age,
      bytes: rule.history.bytes ?? history.bytes)
  }
}

extension GatewayConfiguration {
  /// What the listener for clients and publishers shows and asks for. Files are named as they were written, relative
  /// to the working directory, and are not looked at here.
  package struct TLS: Sendable, Equatable {
    /// PEM files: a certificate with its chain, and its key.
    package struct Pair: Sendable, Hashable {
      package var certificate: String
      package var key: String

      package init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
      }
    }

    package enum ClientCertificates: String, Sendable, Equatable, CaseIterable {
      case off, optional, required
    }

    /// None: clear text.
    package var certificates: [Pair] = []
    package var clientCertificates = ClientCertificates.off
    package var clientAuthorities: String?
    package var ticketKey: String?
    package var reloadInterval = Duration.seconds(10)
    package init() {}
  }

  /// The durable store of one node.
  package struct SQLite: Sendable, Equatable {
    package var synchronous = SQLiteSynchronous.full
    package var lockWait = Duration.seconds(2)
    package init() {}
  }

  /// The store of several nodes.
  package struct Redis: Sendable, Equatable {
    package var prefix = "sluice"
    /// Files, as they were written.
    package var passwordFile: String?
    package var sentinelPasswordFile: String?
    package var ca: String?
    package var certificate: String?
    package var key: String?
    package var wait = Duration.zero
    package var replyTime = Duration.seconds(5)
    package var logMessages = 100_000
    package var topics = 1_000_000
    package init() {}
  }

  /// Whose word about clients counts.
  package struct Proxy: Sendable, Equatable {
    package enum HeaderVersion: String, Sendable, Equatable, CaseIterable {
      case off, v2
    }

    /// Addresses and CIDR ranges, each good for `AddressRange`.
    package var trusted: [String] = []
    package var `protocol` = HeaderVersion.off
    package init() {}
  }

  /// Every bound that protects the gateway from one client, one message, or too many of them.
  package struct Limits: Sendable, Equatable {
    package var messageBytes = 64 * 1024
    package var headerBytes = 16 * 1024
    package var requestLineBytes = 8 * 1024
    package var topicsPerSubscriber = 1000
    package var patternsPerSubscriber = 50
    package var connections = 100_000
    package var connectionsPerAddress = 20_000
    package var batchMessages = 1000
    package var batchBytes = 8 * 1024 * 1024
    package var pollWait = Duration.seconds(60)
    package var pollMessages = 1000
    package var historyMessages = 1000
    package var requestHeadTime = Duration.seconds(10)
    package var requestBodyTime = Duration.seconds(30)
    package var tlsHandshakeTime = Duration.seconds(10)
    package var idleTime = Duration.seconds(75)
    package var pongTime = Duration.seconds(10)
    package var stalledWriteTime = Duration.seconds(60)
    package var http2Streams = 256
    /// At once; a tenth of it comes back each second. So is the next.
    package var http2Resets = 500
    package var http2ControlFrames = 1000
    package var http2Continuations = 8
    package var idempotencyKeys = 100_000
    package var uncommittedBytes = 64 * 1024 * 1024
    package var memory = 1024 * 1024 * 1024

    package init() {}
  }

  package struct Idempotency: Sendable, Equatable {
    package var window = Duration.seconds(5 * 60)
    package init() {}
  }

  /// The silence after which each transport says that the connection lives (protocol section 4).
  package struct Heartbeat: Sendable, Equatable {
    package var sse = Duration.seconds(15)
    package var ndjson = Duration.seconds(15)
    package var websocket = Duration.seconds(25)
    package init() {}
  }

  /// Advice to clients, as `/v1/negotiate` gives it; `min` is also the event stream's `retry:`.
  package struct Reconnect: Sendable, Equatable {
    package var min = Duration.milliseconds(500)
    package var max = Duration.seconds(20)
    package init() {}
  }

  /// permessage-deflate (RFC 7692).
  package struct Compression: Sendable, Equatable {
    package var websocket = true
    /// zlib's: 1 is the fastest, 9 the smallest.
    package var level = 1
    package var minBytes = 64
    package init() {}
  }

  package struct CORS: Sendable, Equatable {
    /// Exact origins as browsers send them, or `*` alone.
    package var origins: [String] = []
    package init() {}

    package func allows(origin: String) -> Bool { origins.contains { $0 == "*" || $0 == origin } }
  }

  package struct Drain: Sendable, Equatable {
    package var window = Duration.seconds(10)
    package var timeout = Duration.seconds(30)
    package init() {}
  }

  package struct Log: Sendable, Equatable {
    package var level = LogLevel.info
    package var format = LogFormat.text
    package init() {}
  }

  package struct Diagnostics: Sendable, Equatable {
    package var echo = false
    package init() {}
  }
}

/// The names are swift-log's.
package enum LogLevel: String, Sendable, Equatable, CaseIterable {
  case trace, debug, info, notice, warning, error, critical
}

package enum LogFormat: String, Sendable, Equatable, CaseIterable {
  case text, json
}

/// Where messages are ordered and kept.
package enum StoreConfiguration: Sendable, Equatable {
  /// Forgotten at exit.
  case memory
  /// A file's path, relative to the working directory.
  case sqlite(path: String)
  case redis(RedisEndpoint)
}
