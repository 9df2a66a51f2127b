import NIOCore

/// Asks one sentinel after the other where the master is, until one names a server that says it is one.
struct SentinelSearch {
  let master: String
  let sentinels: RedisDialing
  let masters: RedisDialing

  /// - Throws: what each of them said: `misconfigured` if it would be the same at the next attempt for all of them.
  func find() async throws(RedisError) -> RedisConnection {
    var said: [String] = []
    var mayHelpLater = false
    for address in sentinels.settings.endpoint.hosts {
      do throws(RedisError) {
        return try await ask(address)
      } catch {
        if case .misconfigured = error {} else { mayHelpLater = true }
        said.append("\(address): \(error)")
      }
    }
    let words = "no sentinel leads to the master \"\(master)\"; \(said.joined(separator: "; "))"
    throw mayHelpLater ? .unreachable(words) : .misconfigured(words)
  }

  private func ask(_ address: RedisEndpoint.Host) async throws(RedisError) -> RedisConnection {
    let sentinel = try await sentinels.dial(address)
    defer { sentinel.close() }
    guard sentinel.server.mode == "sentinel" else {
      throw .misconfigured("it is no sentinel; a Redis by itself is named as redis://\(address)")
    }
    let reply = try await sentinel.send(
      ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", .text(master)], timeout: sentinels.settings.connectTimeout)
    guard let place = reply.array, place.count == 2, let host = place[0].string, let port = place[1].integer,
      (1...65535).contains(port)
    else { throw .misconfigured("it knows no master of that name") }
    return try await masters.master(at: RedisEndpoint.Host(host: host, port: Int(port)), isHearsay: true)
  }
}
