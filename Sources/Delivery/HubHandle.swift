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

  /// Has the hub look at the tape, from any thread.
  ///
  /// On one of `loops` the word goes out when the loop has served the sockets that are ready now: what comes in with
  /// them is one burst everywhere, and no loop begins with the first message alone. Every word is out before this loop
  /// turns to its own burst.
  func wake(from loops: [any EventLoop]) {
    let tick = { @Sendable in hub.value.tick() }
    if let current = loops.first(where: \.inEventLoop) {
      current.execute { eventLoop.execute(tick) }
    } else {
      eventLoop.execute(tick)
    }
  }

  /// Runs on the hub's loop and hands back what it returns.
  package func submit<Value: Sendable>(_ body: @escaping @Sendable (Hub) -> Value) async throws -> Value {
    try await eventLoop.submit { body(hub.value) }.get()
  }
}
