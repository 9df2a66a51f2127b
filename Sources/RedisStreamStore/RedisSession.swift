import NIOCore
import RedisClient
import StreamStores

/// The connections to one server: publishes, readings and the following of the log do not wait for each other.
struct RedisSession: Sendable {
  let publishing: RedisConnection
  let reading: RedisConnection
  let following: RedisConnection
  let digests: [RedisScript: String]
  /// Of this server since its start: another one has other data, or other data left.
  let runID: String

  /// Connects, and looks whether this is a Redis that loses nothing by itself.
  static func connect(_ settings: RedisStoreSettings, on eventLoop: any EventLoop) async throws(RedisError)
    -> RedisSession
  {
    var connections: [RedisConnection] = []
    do {
      var runID: String?
      for role in ["publish", "read", "follow"] {
        var settings = settings.connection
        settings.clientName = "\(settings.clientName)-\(role)"
        let connection = try await RedisConnection.connect(settings, on: eventLoop)
        connections.append(connection)
        let id = try await check(connection)
        guard runID == nil || runID == id else { throw RedisError.unreachable("the primary changed while connecting") }
        runID = id
      }
      let session = RedisSession(
        publishing: connections[0], reading: connections[1], following: connections[2],
        digests: try await RedisScript.load(on: connections[0]), runID: runID ?? "")
      // One alone is of no use.
      for connection in connections { connection.closed.whenComplete { _ in session.close() } }
      return session
    } catch {
      for connection in connections { connection.close() }
      throw error as? RedisError ?? .unreachable("\(error)")
    }
  }

  func close() {
    for connection in [publishing, reading, following] { connection.close() }
  }

  /// - Returns: the server's run id.
  private static func check(_ connection: RedisConnection) async throws(RedisError) -> String {
    let info = try await connection.send(["INFO"]).string ?? ""
    var fields: [Substring: Substring] = [:]
    for line in info.split(whereSeparator: \.isNewline) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[line[..<colon]] = line[line.index(after: colon)...]
    }
    let version = fields["redis_version"] ?? ""
    guard let major = Int(version.prefix { $0 != "." }), major >= 7 else {
      throw .misconfigured("this is Redis \(version): the gateway needs Redis 7 or later")
    }
    if fields["redis_mode"] == "cluster" {
      throw .misconfigured("this is a Redis Cluster: the gateway needs one primary, with or without Sentinel")
    }
    if let policy = fields["maxmemory_policy"], policy != "noeviction" {
      throw .misconfigured(
        """
        Redis has maxmemory-policy \(policy), by which it drops what it was given to keep: set it to noeviction, with \
        CONFIG SET maxmemory-policy noeviction and in its configuration file
        """)
    }
    guard let runID = fields["run_id"] else { throw .misconfigured("the Redis user may not see INFO: allow it +info") }
    return String(runID)
  }
}
