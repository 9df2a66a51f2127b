package import NIOCore
package import StreamStores
import StreamLog
import Synchronization
package import WireFormat

/// How everything that is published reaches the store, over HTTP or a websocket; it counts what goes in.
package final class Publisher: Sendable {
  package struct Counts: Sendable {
    package var messages: UInt64
    package var bytes: UInt64
    package var repeated: UInt64
    package var refused: UInt64
  }

  private let store: any StreamStore
  private let messages = Atomic<UInt64>(0)
  private let bytes = Atomic<UInt64>(0)
  private let repeated = Atomic<UInt64>(0)
  private let refused = Atomic<UInt64>(0)

  package init(store: any StreamStore) { self.store = store }

  package var counts: Counts {
    Counts(
      messages: messages.load(ordering: .relaxed), bytes: bytes.load(ordering: .relaxed),
      repeated: repeated.load(ordering: .relaxed), refused: refused.load(ordering: .relaxed))
  }

  /// Commits items in order. Call on `eventLoop`; `done` runs there, perhaps before this returns.
  package func publish(
    _ items: [PublishItem], on eventLoop: any EventLoop, done: @escaping ([PublishOutcome]) -> Void
  ) {
    let answer = LoopAnswer(eventLoop, done)
    store.append(items, publisher: "") { [self] outcomes in
      count(outcomes, of: items)
      answer.execute(outcomes)
    }
  }

  private func count(_ outcomes: [PublishOutcome], of items: [PublishItem]) {
    for (outcome, item) in zip(outcomes, items) {
      switch outcome {
      case .committed(let published):
        messages.add(UInt64(published.count), ordering: .relaxed)
        bytes.add(UInt64(item.draft.data.count * published.count), ordering: .relaxed)
      case .repeated: repeated.add(1, ordering: .relaxed)
      case .refused: refused.add(1, ordering: .relaxed)
      }
    }
  }
}
