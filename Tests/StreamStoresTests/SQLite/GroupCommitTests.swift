import Foundation
import Locking
import SQLite
import StreamLog
import StreamStores
import Synchronization
import Testing
import WireFormat

/// Publishes that wait together commit together, or not at all.
@Suite(.timeLimit(.minutes(10))) struct GroupCommitTests {
  /// Holds the file's write lock, so that publishes wait.
  private func lock(_ file: StoreFile) throws -> SQLiteDatabase {
    let database = try file.connect()
    try database.execute("BEGIN IMMEDIATE")
    return database
  }

  @Test func `publishes that waited together share a commit, and are answered in their order`() async throws {
    let file = StoreFile { $0.busyMilliseconds = 60_000 }
    try await file.start { store in
      try await store.publish("a")
      let holder = try lock(file)
      let answered = Guarded<[Int]>([])
      let item = try PublishItem.test(["a"])
      let all = AsyncStream<Void>.makeStream()
      for number in 0..<50 {
        store.store.append([item], publisher: "p") { outcomes in
          #expect(outcomes[0].published?.seq == UInt64(number) + 2)
          if answered.withLock({
            $0.append(number); return $0.count
          }) == 50 {
            all.continuation.finish()
          }
        }
      }
      let early = answered.withLock { $0.count }
      #expect(early == 0)
      #expect(try file.number("SELECT offset FROM head") == 1)
      // Commits as somebody else sees them: the file changes from one look to the next.
      let watch = try file.connect(.readOnly)
      var versions: Set<Int64> = []
      holder.rollBack()
      while answered.withLock({ $0.count < 50 }) {
        versions.insert(try #require(try watch.number("PRAGMA data_version")))
        await Task.yield()
      }
      versions.insert(try #require(try watch.number("PRAGMA data_version")))
      for await _ in all.stream {}
      // The first may have been on its way alone.
      #expect(versions.count <= 3)
      let order = answered.withLock { $0 }
      #expect(order == Array(0..<50))
    }
  }

  @Test func `more bytes than may wait are refused with words, and taken once there is room`() async throws {
    let file = StoreFile {
      $0.busyMilliseconds = 60_000
      $0.waitingBytes = 10_000
    }
    try await file.start { store in
      let holder = try lock(file)
      let outcomes = Guarded<[PublishOutcome]>([])
      let item = try PublishItem.test(["a"], text: "\"\(String(repeating: "x", count: 1000))\"")
      let count = 100
      let all = AsyncStream<Void>.makeStream()
      for _ in 0..<count {
        store.store.append([item], publisher: "p") { outcome in
          if outcomes.withLock({
            $0 += outcome; return $0.count
          }) == count {
            all.continuation.finish()
          }
        }
      }
      let refused = outcomes.withLock { $0 }
      #expect(refused.count >= 80)
      let reason = "publishes wait for the disk, as many as limits.uncommitted_bytes lets wait"
      #expect(refused.allSatisfy { $0.refusal == .unavailable(reason) })
      holder.rollBack()
      for await _ in all.stream {}
      #expect(try await store.summary("a")?.messages == count - refused.count)
      #expect(try await store.publish("a").refusal == nil)
    }
  }

  @Test func `a lock that stays refuses all that waits, and nothing of it is there`() async throws {
    let file = StoreFile { $0.busyMilliseconds = 50 }
    try await file.start { store in
      try await store.publish("a", key: "0")
      let holder = try lock(file)
      let items = try (0..<10).map { try PublishItem.test(["a", "b\($0)"], key: "k\($0)") }
      for outcome in await store.append(items) {
        #expect(outcome.refusal == .unavailable("another program has the store locked"))
      }
      #expect(store.store.trouble == "another program has \(file.path) locked")
      // Reading goes on.
      var reader = try await store.reader(.earliest, ">")
      #expect(try await reader.all() == [.message("a", 1)])
      #expect(store.store.tape.head == 1 && store.store.statistics().topics == 1)
      #expect(store.store.statistics().idempotencyKeys == 1)
      holder.rollBack()
      try await store.sweep()
      #expect(store.store.trouble == nil)
      let later = await store.append(items).map { $0.published?.id.offset }
      let expected: [Offset?] = (0..<10).map { 2 + 2 * $0 }
      #expect(later == expected)
    }
    let kept = try await file.start { try await $0.summary("a")?.messages }
    #expect(kept == 11)
  }

  @Test func `a page that is damaged is told to who reads it, and no wrong page is`() async throws {
    let file = StoreFile()
    try await file.start(.keeping(1000, tapeEntries: 10)) { store in
      let item = try PublishItem.test(["a"], text: "\"\(String(repeating: "x", count: 2000))\"")
      for _ in 0..<5 { _ = await store.append(Array(repeating: item, count: 40)) }
    }
    // Everything is in the file after a close; the middle of it becomes something else.
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: file.path))
    let pages = try handle.seekToEnd() / 4096
    for page in 20..<(pages - 20) {
      try handle.seek(toOffset: page * 4096)
      try handle.write(contentsOf: Data(repeating: 0xa5, count: 4096))
    }
    try handle.close()
    try await file.start(.keeping(1000, tapeEntries: 10)) { store in
      var reader = try await store.reader(since: 0, "a")
      var heard: [Offset] = []
      let refusal = await #expect(throws: StoreRefusal.self) {
        while reader.position < store.store.tape.head {
          heard += try await reader.page(messages: 5).map(\.offset)
        }
      }
      #expect(refusal == .unavailable("the store's file is damaged"))
      let inOrder = heard.indices.map { Offset($0) + 1 }
      #expect(heard == inOrder)
      #expect(store.store.trouble?.contains("sluice store check") == true)
    }
  }
}
