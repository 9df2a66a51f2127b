import StreamLog
import StreamStores
import TestSupport
import Testing
import WireFormat

/// Pages read from the file: by topics where there are few, by the log where there are many.
@Suite(.timeLimit(.minutes(10))) struct ReadingTests {
  private let file = StoreFile()

  /// Publishes at random to `topics` topics. - Returns: each message's topic, by its offset less one.
  private func fill(_ store: TestStore, topics: Int, messages: Int, seed: UInt64) async throws -> [String] {
    var random = SeededGenerator(seed: seed)
    var sent: [String] = []
    while sent.count < messages {
      let names = (0..<100).map { _ in "t.\(random.below(topics))" }
      let size = random.below(300)
      _ = await store.append(
        try names.map { try .test([$0], text: "\"\(String(repeating: "x", count: size))\"") })
      sent += names
    }
    return sent
  }

  /// 64 topics are read one by one, 65 by the log.
  @Test(arguments: [1, 3, 64, 65, 200])
  func `pages of any size bring every message once, in order`(topics: Int) async throws {
    try await file.start(.keeping(100_000, tapeEntries: 1)) { store in
      let sent = try await fill(store, topics: topics, messages: 3000, seed: UInt64(topics))
      var random = SeededGenerator(seed: 7)
      for _ in 0..<3 {
        var reader = try await store.reader(since: 0, "t.*")
        var told: [Told] = []
        while reader.position < store.store.tape.head {
          let page = try await reader.page(messages: 1 + random.below(200), bytes: 1 + random.below(20_000))
          told += page
        }
        #expect(told == sent.enumerated().map { .message($1, Offset($0) + 1) })
      }
    }
  }

  /// The same history and the same pages, with and without 70 quiet topics that make the store read the log.
  @Test(arguments: Soak.values(gate: 1...2, soak: 1...20) as ClosedRange<UInt64>)
  func `few topics and many are told the same losses`(seed: UInt64) async throws {
    var told: [[Told]] = []
    for isMany in [false, true] {
      let file = StoreFile()
      told.append(
        try await file.start(.keeping(20, tapeEntries: 1)) { store in
          // The last of the quiet ones is published after everything else, so that it is not lost.
          for number in 0..<70 { try await store.publish(isMany ? "t.q\(number)" : "other.q\(number)") }
          _ = try await fill(store, topics: 9, messages: 1000, seed: seed)
          try await store.erase("t.3")
          _ = try await fill(store, topics: 9, messages: 200, seed: seed + 100)
          for number in 0..<70 { try await store.publish(isMany ? "t.q\(number)" : "other.q\(number)") }
          var random = SeededGenerator(seed: seed)
          var reader = try await store.reader(since: 70, "t.*", "t.3", "t.4")
          var all: [Told] = []
          while reader.position < store.store.tape.head {
            all += try await reader.page(messages: 1 + random.below(20))
          }
          return all.filter { if case .message(let topic, _) = $0 { !topic.hasPrefix("t.q") } else { true } }
        })
    }
    #expect(told[0] == told[1])
    #expect(told[0].contains { if case .gap = $0 { true } else { false } })
  }

  @Test func `a rewind goes back over histories that are longer than a page`() async throws {
    try await file.start(.keeping(5000, tapeEntries: 1)) { store in
      for topic in ["a", "b", "a", "b"] { try await store.publish(topic, count: 1000) }
      var reader = try await store.reader(.rewind(1500), "a", "b")
      let told = try await reader.all(messages: 100)
      #expect(told.map(\.offset) == Array(501...1000) + Array(1501...4000))
    }
  }

  @Test func `a reader from the start misses nothing unsaid while full topics drop under it`() async throws {
    try await file.start(.keeping(50, tapeEntries: 32)) { store in
      for topic in 0..<5 { try await store.publish("t.\(topic)", count: 50) }
      let publisher = Task {
        for _ in 0..<100 { for topic in 0..<5 { try await store.publish("t.\(topic)", count: 10) } }
      }
      for round in 0..<10 {
        var reader = try await store.reader(since: 0, "t.*")
        let head = store.store.tape.head
        var told: [Told] = []
        while reader.position < head { told += try await reader.page(messages: 7, through: head) }
        // A gap stands where it ends: messages of other topics that lie in it come before it.
        var accounted = Set<Offset>()
        var last: Offset = 0
        for told in told {
          #expect(told.offset > last, "round \(round)")
          last = told.offset
          switch told {
          case .message(_, let offset): accounted.insert(offset)
          case .gap(_, let after, let through, _, _): accounted.formUnion(after + 1..<through + 1)
          }
        }
        #expect(accounted.isSuperset(of: 1...head), "round \(round)")
      }
      try await publisher.value
    }
  }
}
