package import NIOCore
import TLS

extension RedisConnection {
  /// Finds the master, gets in and chooses the database. Sentinels are asked anew each time.
  ///
  /// - Throws: `unreachable`, where another attempt may help; `misconfigured`, where it will not.
  package static func connect(
    _ settings: RedisSettings, on eventLoop: any EventLoop
  ) async throws(RedisError) -> RedisConnection {
    let tls = try settings.tlsContext()
    let masters = RedisDialing(settings: settings, login: settings.login, tls: tls, eventLoop: eventLoop)
    guard let name = settings.endpoint.masterName else {
      return try await masters.master(at: settings.endpoint.hosts[0])
    }
    let sentinels = RedisDialing(settings: settings, login: settings.sentinelLogin, tls: tls, eventLoop: eventLoop)
    return try await SentinelSearch(master: name, sentinels: sentinels, masters: masters).find()
  }
}

extension RedisSettings {
  /// nil: in clear.
  fileprivate func tlsContext() throws(RedisError) -> TLSContext? {
    guard endpoint.isSecure else { return nil }
    do throws(TLSConfigurationErrors) {
      return try .client(authorities: caFile, certificate: certificate)
    } catch {
      throw .misconfigured("TLS to Redis: \(error)")
    }
  }
}

extension RedisDialing {
  /// - Parameter isHearsay: whether a sentinel has named it, which may not have heard yet that it is a replica now.
  /// - Throws: what `dial` throws; also for a server that is no master.
  func master(at address: RedisEndpoint.Host, isHearsay: Bool = false) async throws(RedisError) -> RedisConnection {
    let connection = try await dial(address)
    do throws(RedisError) {
      try check(connection.server, isHearsay: isHearsay)
      try await select(connection)
    } catch {
      connection.close()
      throw error
    }
    return connection
  }

  private func check(_ server: RedisConnection.Server, isHearsay: Bool) throws(RedisError) {
    guard server.mode != "sentinel" else {
      throw .misconfigured(
        "\(server.address) is a sentinel; it is named as redis+sentinel://\(server.address)/ and the master's name")
    }
    guard server.mode != "cluster" else {
      throw .misconfigured("Redis at \(server.address) is part of a cluster; one by itself, or sentinels, are wanted")
    }
    guard server.role == "master" else {
      if isHearsay { throw .unreachable("it names \(server.address), which is a replica now") }
      throw .misconfigured(
        "Redis at \(server.address) is a replica, which takes no writes; name its master, or sentinels")
    }
  }

  private func select(_ connection: RedisConnection) async throws(RedisError) {
    let database = settings.endpoint.database
    guard database != 0 else { return }
    do throws(RedisError) {
      _ = try await connection.send(["SELECT", .integer(Int64(database))], timeout: settings.connectTimeout)
    } catch {
      switch error {
      case .server(let text):
        throw .misconfigured("Redis at \(connection.server.address) does not give database \(database): \(text)")
      case .lost(let words): throw .unreachable(words)
      case .unreachable, .misconfigured: throw error
      }
    }
  }
}
