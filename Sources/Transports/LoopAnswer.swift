package import NIOCore

/// What is to be done with an answer that may come on any thread: it is done on the loop that asked.
package struct LoopAnswer<Value: Sendable>: Sendable {
  private let eventLoop: any EventLoop
  private let body: NIOLoopBound<(Value) -> Void>

  /// - Precondition: on `eventLoop`.
  package init(_ eventLoop: any EventLoop, _ body: @escaping (Value) -> Void) {
    self.eventLoop = eventLoop
    self.body = NIOLoopBound(body, eventLoop: eventLoop)
  }

  package func execute(_ value: Value) {
    if eventLoop.inEventLoop {
      body.value(value)
    } else {
      eventLoop.execute { body.value(value) }
    }
  }
}
