package import NIOCore

/// A hub that may be held anywhere and entered on its loop only.
package struct HubHandle: Sendable {
  package let eventLoop: any EventLoop
  private let hub: NIOLoopBound<Hub>

  /// - Precondition: on the hub's loop.
  package init(_ hub: Hub) {
    eventLoop = hub.eventLoop
    self.hub = NIOLoopBound(hub, eventLoop: hub.eventLoop)
  }

  /// Runs on the hub's loop: now if that is where the caller is, else soon.
  package func execute(_ body: @escaping @Sendable (Hub) -> Void) {
    if eventLoop.inEventLoop {
      body(hub.value)
    } else {
      eventLoop.execute { body(hub.value) }
    }
  }

  /// Runs on the hub's loop, never before the caller returns.
  func executeLater(_ body: @escaping @Sendable (Hub) -> Void) {
    eventLoop.execute { body(hub.value) }
  }

  /// Runs on the hub's loop and hands back what it returns.
  package func submit<Value: Sendable>(_ body: @escaping @Sendable (Hub) -> Value) async throws -> Value {
    try await eventLoop.submit { body(hub.value) }.get()
  }
}
