import NIOCore
import NIOPosix
import RedisClient
import TestSupport

extension RedisServer {
  func settings(_ login: String = "", path: String = "") throws -> RedisSettings {
    .patient(try RedisEndpoint("redis://\(login)\(host):\(port)\(path)"))
  }

  func settings(trusting files: TLSFiles, host: String = "127.0.0.1") throws -> RedisSettings {
    var settings = RedisSettings.patient(try RedisEndpoint("rediss://\(host):\(port)"))
    settings.caFile = files.path("ca.pem")
    return settings
  }

  func connect(_ login: String = "", path: String = "") async throws -> RedisConnection {
    try await .connect(try settings(login, path: path))
  }
}

extension RedisConnection {
  static func connect(_ settings: RedisSettings) async throws(RedisError) -> RedisConnection {
    try await .connect(settings, on: MultiThreadedEventLoopGroup.singleton.next())
  }
}

extension RedisSettings {
  /// For a machine that has much else to do.
  static func patient(_ endpoint: RedisEndpoint) -> RedisSettings {
    var settings = RedisSettings(endpoint)
    settings.connectTimeout = .seconds(60)
    settings.replyTimeout = .seconds(120)
    return settings
  }
}
