import Locking
import SQLite
import StreamLog
import StreamStores
import Synchronization
import TestSupport
import Testing
import WireFormat

/// The file as a crash leaves it, at moments nobody chose, while publishers publish.
@Suite(.timeLimit(.minutes(10))) struct CrashTests {
  @Test(arguments: [StoreOptions.keeping(10_000), .keeping(20, tapeEntries: 16)].indices)
  func `every acknowledged message survives, and numbers have no holes`(kind: Int) async throws {
    var options = [StoreOptions.keeping(10_000), .keeping(20, tapeEntries: 16)][kind]
    options.idempotencyKeys = 1_000_000
    let file = StoreFile()
    try await file.start(options) { store in
      let acknowledged = Acknowledged()
      try await store.publish("t.0")
      try await withThrowingTaskGroup(of: Void.self) { group in
        for publisher in 0..<4 {
          group.addTask {
            var number = 0
            while !Task.isCancelled {
              number += 1
              let topic = "t.\((number + publisher) % 8)"
              if let seq = try await store.publish(topic, key: "\(publisher).\(number)").published?.seq {
                acknowledged.note(topic, seq)
              }
            }
          }
        }
        var random = SeededGenerator(seed: UInt64(kind) + 1)
        for _ in 0..<12 {
          let target = store.store.tape.head + UInt64(random.below(150))
          while store.store.tape.head < target { await Task.yield() }
          let known = acknowledged.seqs
          try await check(try file.crashed(), options, known)
        }
        group.cancelAll()
      }
    }
  }

  private func check(_ crashed: StoreFile, _ options: StoreOptions, _ acknowledged: [String: UInt64]) async throws {
    let words = try crashed.connect().texts("PRAGMA integrity_check")
    #expect(words == ["ok"])
    try await crashed.start(options) { store in
      for (topic, seq) in acknowledged {
        #expect(try await store.summary(topic)?.lastSeq ?? 0 >= seq, "\(topic)")
      }
      let summaries = try await store.summaries()
      let seqs = summaries.reduce(0) { $0 + $1.lastSeq }
      #expect(seqs == store.store.tape.head)
      var reader = try await store.reader(.earliest, ">")
      var held: [String: Int] = [:]
      for case .message(let topic, _) in try await reader.all() { held[topic, default: 0] += 1 }
      #expect(summaries.allSatisfy { held[$0.topic.string] ?? 0 >= $0.messages })
      #expect(try await store.publish("t.0").published?.id.offset == store.store.tape.head)
    }
  }
}

/// By topic, the last seq that was acknowledged.
private final class Acknowledged: Sendable {
  private let state = Guarded<[String: UInt64]>([:])

  var seqs: [String: UInt64] { state.withLock { $0 } }

  func note(_ topic: String, _ seq: UInt64) {
    state.withLock { $0[topic] = max($0[topic] ?? 0, seq) }
  }
}
