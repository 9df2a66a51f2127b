package import NIOCore

/// One connection to one server. Commands are pipelined in the order in which they are given; replies come on the event
/// loop, in that order, and each command has exactly one outcome.
///
/// There is no waiting list: what is given to a connection that has ended is refused at once. It lives until it is
/// closed or lost, whoever holds it. Any thread may call it.
package final class RedisConnection: Sendable {
  package typealias Outcome = Result<RESPValue, RedisError>

  /// What the server said of itself in its greeting.
  package struct Server: Sendable, Equatable {
    package let address: RedisEndpoint.Host
    /// `7.0.15`
    package let version: String
    /// `standalone`, `cluster` or `sentinel`
    package let mode: String
    /// `master` or `replica`; empty of a sentinel.
    package let role: String
  }

  package let server: Server
  private let link: RedisLink

  init(_ link: RedisLink, server: Server) {
    self.link = link
    self.server = server
  }

  /// Gives a command to the server. What is given during one turn of the event loop leaves in one write.
  ///
  /// - Parameters:
  ///   - timeout: how long the reply may take before the connection is given up with everything that is unanswered;
  ///     nil: for ever (a reading that blocks).
  ///   - completion: called on the event loop, once. It must not wait.
  package func send(
    _ command: [RedisArgument], timeout: TimeAmount?, completion: @escaping @Sendable (Outcome) -> Void
  ) {
    link.send(command, timeout: timeout, completion: completion)
  }

  /// With the settings' `replyTimeout`.
  package func send(_ command: [RedisArgument], completion: @escaping @Sendable (Outcome) -> Void) {
    link.send(command, timeout: link.replyTimeout, completion: completion)
  }

  /// With the settings' `replyTimeout`. Not ended by the task's cancellation: the command is on its way.
  package func send(_ command: [RedisArgument]) async throws(RedisError) -> RESPValue {
    try await link.send(command, timeout: link.replyTimeout)
  }

  package func send(_ command: [RedisArgument], timeout: TimeAmount?) async throws(RedisError) -> RESPValue {
    try await link.send(command, timeout: timeout)
  }

  /// Ends it now. What was written and is unanswered fails as `lost`, the rest as `unreachable`.
  package func close() { link.close() }

  /// Succeeds when the connection has ended, for whatever reason, and every command has had its outcome.
  package var closed: EventLoopFuture<Void> { link.channel.closeFuture }
  package var eventLoop: any EventLoop { link.channel.eventLoop }
}
