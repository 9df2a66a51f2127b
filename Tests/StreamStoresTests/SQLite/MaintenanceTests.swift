import Foundation
import SQLite
import StreamLog
import StreamStores
import Testing
import WireFormat

/// What an operator asks of a store that runs.
@Suite(.timeLimit(.minutes(10))) struct MaintenanceTests {
  private let file = StoreFile()

  private func perform(_ task: StoreTask, _ store: TestStore) async throws -> [String: StoreReport.Value] {
    let report = try await withCheckedThrowingContinuation { answer in
      store.store.perform(task) { answer.resume(with: $0.mapError { $0 as any Error }) }
    }
    return Dictionary(uniqueKeysWithValues: report.fields.map { ($0.name, $0.value) })
  }

  private func faults(_ store: TestStore) async throws -> [String] {
    guard case .texts(let faults) = try await perform(.check, store)["faults"] else { return ["no report"] }
    return faults
  }

  @Test func `info says where the store is and what it holds`() async throws {
    try await file.start { store in
      try await store.publish("a", count: 3)
      try await store.publish("b", key: "k")
      let info = try await perform(.info, store)
      #expect(info["file"] == .text(file.path) && info["synchronous"] == .text("normal"))
      #expect(info["head"] == .text("e1-4") && info["epochs"] == .number(1) && info["topics"] == .number(2))
      #expect(info["messages"] == .number(4) && info["rows"] == .number(4) && info["keys"] == .number(1))
    }
  }

  @Test(arguments: [
    ("UPDATE messages SET predecessor = 0 WHERE offset = 3", "message 3 of a does not follow message 1"),
    ("UPDATE messages SET seq = 7 WHERE offset = 3", "message 3 of a does not follow message 1"),
    ("DELETE FROM messages WHERE offset = 4", "b holds 1 messages and counts 2"),
    ("UPDATE messages SET topic = 99 WHERE offset = 2", "message 2 has no topic"),
    ("UPDATE head SET offset = 3", "message 4 lies above the head"),
  ])
  func `check finds what contradicts itself`(breach: String, fault: String) async throws {
    try await file.start { store in
      for topic in ["a", "b", "a", "b"] { try await store.publish(topic) }
      #expect(try await faults(store) == [])
      try file.connect().execute(breach)
      #expect(try await faults(store).contains(fault))
    }
  }

  @Test func `compact gives the space of what is gone back to the disk`() async throws {
    try await file.start(.keeping(10_000, tapeEntries: 1)) { store in
      let item = try PublishItem.test(["a"], text: "\"\(String(repeating: "x", count: 2000))\"")
      _ = await store.append(Array(repeating: item, count: 1000))
      try await store.publish("b")
      try await store.erase("a")
      for _ in 0..<2 { try await store.sweep() }
      guard case .bytes(let freed) = try await perform(.compact, store)["freed_bytes"] else {
        return #expect(Bool(false), "no report")
      }
      #expect(freed > 1_500_000)
      #expect(try file.number("PRAGMA freelist_count") == 0)
      #expect(try await faults(store) == [])
    }
  }

  @Test func `a backup beside publishes is a store of its own`() async throws {
    let path = file.folderPath + "/backup.db"
    try await file.start { store in
      try await store.publish("a", count: 100)
      async let published: Void = store.publish("a", count: 5000)
      _ = try await perform(.backup(to: path), store)
      try await published
    }
    let restored = StoreFile(clock: file.clock)
    try FileManager.default.moveItem(atPath: path, toPath: restored.path)
    #expect(!FileManager.default.fileExists(atPath: path + ".partial"))
    try await restored.start { store in
      #expect(try await faults(store) == [])
      let summary = try #require(try await store.summary("a"))
      #expect(summary.lastSeq >= 100 && summary.lastSeq == store.store.tape.head)
      #expect(try await store.publish("a").published?.seq == summary.lastSeq + 1)
    }
  }

  @Test func `a backup is refused to a relative path, over a file, and into no folder`() async throws {
    try await file.start { store in
      for (path, kind) in [
        ("backup.db", StoreTaskRefusal.Kind.invalid), (file.path, .invalid), (file.folderPath + "/no/b.db", .failed),
      ] {
        let refusal = await #expect(throws: StoreTaskRefusal.self) { try await perform(.backup(to: path), store) }
        #expect(refusal?.kind == kind, "\(path)")
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: file.folderPath)
      #expect(!left.contains { $0.contains("partial") })
    }
  }
}
