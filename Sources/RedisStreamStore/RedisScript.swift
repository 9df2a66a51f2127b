import CRedisScripts
import NIOCore
import RedisClient
import StreamStores

/// The scripts, each of which does one thing whole. They are sent by their digest; a server that does not know it is sent
/// the text.
enum RedisScript: String, CaseIterable, Sendable {
  case publish, open, history, erase

  private var source: [UInt8] {
    let file =
      switch self {
      case .publish: sluice_publish_lua()
      case .open: sluice_open_lua()
      case .history: sluice_history_lua()
      case .erase: sluice_erase_lua()
      }
    return [UInt8](UnsafeBufferPointer(start: file.bytes, count: file.count))
  }

  /// Runs the script with arguments alone: which keys it takes follows from the prefix, the first of them.
  ///
  /// - Parameter digests: what the server calls its scripts.
  func run(
    on connection: RedisConnection, _ digests: [RedisScript: String], _ arguments: [RedisArgument],
    completion: @escaping @Sendable (Result<RESPValue, RedisError>) -> Void
  ) {
    guard let digest = digests[self] else { return completion(.failure(.unreachable("the script is not loaded"))) }
    connection.send(["EVALSHA", .text(digest), 0] + arguments) { [self] result in
      // Forgotten by SCRIPT FLUSH: nothing was done.
      guard case .failure(let error) = result, error.code == "NOSCRIPT" else { return completion(result) }
      connection.send(["EVAL", .bytes(source), 0] + arguments, completion: completion)
    }
  }

  func run(
    on connection: RedisConnection, _ digests: [RedisScript: String], _ arguments: [RedisArgument]
  ) async throws(RedisError) -> RESPValue {
    try await withCheckedContinuation { continuation in
      run(on: connection, digests, arguments) { continuation.resume(returning: $0) }
    }.get()
  }

  /// Loads all of them.
  static func load(on connection: RedisConnection) async throws(RedisError) -> [RedisScript: String] {
    var digests: [RedisScript: String] = [:]
    for script in allCases {
      digests[script] = try await connection.send(["SCRIPT", "LOAD", .bytes(script.source)]).string
    }
    return digests
  }
}
