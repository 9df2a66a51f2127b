import Locking
package import StreamLog
import Synchronization
package import WireFormat

/// The default store: one lock, one order, everything in memory, forgotten at exit.
package final class MemoryStore: StreamStore {
  package let tape: Tape
  private let state: Guarded<MemoryState>
  private let ledger: MemoryLedger
  private let now: @Sendable () -> Instant

  package init(
    settings: StoreSettings, epoch: Epoch, ledger: MemoryLedger, now: @escaping @Sendable () -> Instant
  ) {
    let state = MemoryState(settings: settings, epoch: epoch)
    self.ledger = ledger
    self.now = now
    tape = Tape(
      lineage: state.lineage,
      capacity: Tape.Capacity(entries: settings.tapeEntries, bytes: min(8 << 20, settings.memoryBytes / 8)))
    self.state = Guarded(state)
  }

  private var elsewhere: Int { ledger.total + tape.heldBytes.load(ordering: .relaxed) }

  package func append(
    _ items: [PublishItem], publisher: String, completion: @escaping @Sendable ([PublishOutcome]) -> Void
  ) {
    let (outcomes, wakes) = state.withLock { state in
      let now = now()
      var wakes: [@Sendable () -> Void] = []
      state.keys.expire(now: now.monotonic)
      let outcomes = items.map { item in
        var committed: [Message] = []
        let outcome = state.publish(item, publisher: publisher, now: now, into: &committed)
        // Under the lock, so that the tape has the same order; item by item, so that a batch does not outgrow the bound.
        wakes += tape.append(committed)
        state.enforceBound(elsewhere: elsewhere)
        return outcome
      }
      return (outcomes, wakes)
    }
    for wake in wakes { wake() }
    completion(outcomes)
  }

  package func resolve(
    _ start: ReadStart, patterns: [TopicPattern],
    completion: @escaping @Sendable (Result<StartPoint, StoreRefusal>) -> Void
  ) {
    completion(
      state.withLock { state in
        do throws(StoreRefusal) {
          return .success(try state.resolve(start, patterns: patterns, now: now()))
        } catch {
          return .failure(error)
        }
      })
  }

  package func read(_ request: ReadRequest, completion: @escaping @Sendable (Result<Page, StoreRefusal>) -> Void) {
    // The tape alone serves nearly everyone, without the store's lock.
    if let page = tape.page(request) { return completion(.success(page)) }
    let page = state.withLock { state in
      // Nothing is appended while the lock is held, so the floor stands still.
      guard let floor = tape.floor(below: request.after) else { return tape.page(request)! }
      return state.historyPage(request, through: min(floor, request.through), tape: tape, now: now())
    }
    completion(.success(page))
  }

  package func summary(
    of topic: TopicName, completion: @escaping @Sendable (Result<TopicSummary?, StoreRefusal>) -> Void
  ) {
    completion(
      .success(
        state.withLock { state in
          guard let slot = state.topics.slot(of: topic) else { return nil }
          state.trim(slot, now: now())
          return state.topics[slot].summary(in: state.lineage)
        }))
  }

  package func summaries(
    matching pattern: TopicPattern?, after: TopicName?, limit: Int,
    completion: @escaping @Sendable (Result<[TopicSummary], StoreRefusal>) -> Void
  ) {
    let chosen = TopicListing.choose(
      from: state.withLock { Array($0.topics.names) }, matching: pattern, after: after, limit: limit)
    let summaries = state.withLock { state in
      let now = now()
      return chosen.compactMap { name -> TopicSummary? in
        guard let slot = state.topics.slot(of: name) else { return nil }
        state.trim(slot, now: now)
        return state.topics[slot].summary(in: state.lineage)
      }
    }
    completion(.success(summaries))
  }

  package func erase(
    _ topic: TopicName, completion: @escaping @Sendable (Result<TopicSummary?, StoreRefusal>) -> Void
  ) {
    completion(
      .success(
        state.withLock { state in
          let summary = state.erase(topic)
          // The tape may still have messages of a topic that is forgotten.
          tape.erase(topic, at: state.lossClock)
          return summary
        }))
  }

  package func statistics() -> StoreStatistics {
    state.withLock { $0.currentStatistics(elsewhere: elsewhere) }
  }

  package var trouble: String? { nil }

  package func sweep() {
    state.withLock { state in
      state.sweep(now: now(), topics: 1000)
      state.enforceBound(elsewhere: elsewhere)
    }
  }

  package func perform(
    _ task: StoreTask, completion: @escaping @Sendable (Result<StoreReport, StoreTaskRefusal>) -> Void
  ) {
    guard task == .info else {
      return completion(
        .failure(StoreTaskRefusal(.unsupported, "the memory store has no file: start with --store sqlite:PATH")))
    }
    let (lineage, head) = state.withLock { ($0.lineage, $0.head) }
    let statistics = statistics()
    completion(
      .success(
        StoreReport([
          ("store", .text("memory")), ("head", .text(lineage.position(head).description)),
          ("topics", .number(statistics.topics)), ("messages", .number(statistics.messages)),
          ("keys", .number(statistics.idempotencyKeys)), ("memory_bytes", .bytes(statistics.bytes)),
        ])))
  }

  package func close() {}
}
