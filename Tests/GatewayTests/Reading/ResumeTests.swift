import Configuration
import Gateway
import GatewayClient
import StreamLog
import Synchronization
import Testing
import WireFormat

/// Two transports: where a reader was, and where it goes on.
struct Change: CustomTestStringConvertible {
  var from: StreamTransport
  var to: StreamTransport

  static let all = StreamTransport.allCases.flatMap { from in
    StreamTransport.allCases.map { Change(from: from, to: $0) }
  }

  var testDescription: String { "\(from.rawValue) to \(to.rawValue)" }
}

extension OverSockets {
  @Suite(.serialized) struct ResumeTests {
    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `a reader killed in mid-stream at full speed resumes without loss or repetition`(
      kind: StreamTransport
    ) async throws {
      try await withGateway {
        $0.history.messages = 100_000
      } _: { gateway in
        let start = gateway.head
        let pace = Pace()
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await pace.publish(to: "t", of: gateway) }
          var reader = try await Reader.open(kind, gateway.url, Reading("t", since: start, more: pageLimit(kind)))
          var kills = 0
          for seq in 1...5000 {
            let item = try await reader.next()
            #expect(item.isMessage && item.seq == seq && item.data == "\(seq)", "\(item)")
            guard item.seq == seq else { break }
            pace.read(seq)
            if seq % 611 == 0 {
              try await reader.kill()
              kills += 1
              reader = try await Reader.open(kind, gateway.url, Reading("t", since: item.id, more: pageLimit(kind)))
            }
          }
          #expect(kills == 8)
          pace.stop()
          try await group.waitForAll()
        }
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: Change.all)
    func `a reader goes on with the same id on any transport`(change: Change) async throws {
      try await withGateway { gateway in
        let start = gateway.head
        try await gateway.publish("a", 1...60)
        try await gateway.publish("b.x", 1...60)
        let last = try await gateway.publish("a", 61...120)
        let first = try await Reader.open(change.from, gateway.url, Reading("a", "b.*", since: start))
        let before = try await first.next(77)
        try await first.kill()
        // The id of the last message is a position, and so is what a poll calls `next`.
        for position in Set([before.last?.id, change.from == .poll ? before.last?.id : first.position]) {
          let second = try await Reader.open(change.to, gateway.url, Reading("a", "b.*", since: position))
          let items = before + (try await second.upTo(last))
          #expect(items.count == 180 && !items.contains { !$0.isMessage })
          #expect(items.map(\.offset) == Array(1...180))
          #expect(items.filter { $0.topic == "a" }.map(\.seq) == Array(1...120))
          #expect(items.filter { $0.topic == "b.x" }.map(\.seq) == Array(1...60))
        }
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `the position that a reader was told without any message is one to resume from`(
      kind: StreamTransport
    ) async throws {
      try await withGateway { gateway in
        try await gateway.publish("t", 1...3)
        let reader = try await Reader.open(kind, gateway.url, Reading("t"))
        #expect(reader.position == gateway.head)
        try await reader.kill()
        let id = try await gateway.publish("t", "4")
        let again = try await Reader.open(kind, gateway.url, Reading("t", since: reader.position))
        let item = try await again.next()
        #expect(item.id == id && item.seq == 4)
      }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a topic that was quiet while others moved 100000 messages has no gap`() async throws {
      try await withGateway {
        $0.history.messages = 50
      } _: { gateway in
        let first = try await gateway.publish("quiet", "1")
        let before = gateway.head
        try await gateway.publish("busy", 1...100_000)
        let second = try await gateway.publish("quiet", "2")
        for kind in StreamTransport.allCases {
          for since in [first, before, gateway.id(offset(first)! + 50_000)] {
            let reader = try await Reader.open(kind, gateway.url, Reading("quiet", since: since))
            let item = try await reader.next()
            #expect(item.isMessage && item.id == second && item.seq == 2, "\(kind) \(since): \(item)")
          }
          // A pattern needs it of all topics, those that do not exist too.
          let pattern = try await Reader.open(kind, gateway.url, Reading("quiet.>", "quiet", "never", since: first))
          #expect(try await pattern.next().id == second)
        }
      }
    }

    @Test(.timeLimit(.minutes(10)), arguments: StreamTransport.allCases)
    func `the bytes of a message are the same on every transport`(kind: StreamTransport) async throws {
      try await withGateway { gateway in
        let published = try await gateway.call(
          "POST", "/v1/topics/t/messages",
          headers: [("Content-Type", "application/json"), ("Event", "created")], body: #"{ "total" : 12, "s":"ü\n" }"#)
        let id = published.string("id") ?? ""
        let reader = try await Reader.open(kind, gateway.url, Reading("t", since: "earliest"))
        let item = try await reader.next()
        let time = item.object.integer("time") ?? 0
        #expect(
          item.text
            == #"{"id":"\#(id)","topic":"t","seq":1,"time":\#(time),"event":"created","data":{"total":12,"s":"ü\n"}}"#)
      }
    }
  }
}

/// Pages small enough that a poll takes many.
private func pageLimit(_ kind: StreamTransport) -> [(String, String)] { kind == .poll ? [("limit", "100")] : [] }

/// A publisher that goes at full speed, but never so far ahead of its reader that retention could pass it.
final class Pace: Sendable {
  private let reached = Atomic<Int>(0)
  private let isStopped = Atomic<Bool>(false)
  private static let most = 3000

  func read(_ number: Int) { reached.store(number, ordering: .relaxed) }
  func stop() { isStopped.store(true, ordering: .relaxed) }

  /// Publishes 1, 2, 3 …
  func publish(to topic: String, of gateway: TestGateway) async throws {
    var number = 0
    while !isStopped.load(ordering: .relaxed) {
      guard number < reached.load(ordering: .relaxed) + Self.most else {
        try await Task.sleep(for: .milliseconds(1))
        continue
      }
      number += 1
      try await gateway.publish(topic, "\(number)")
    }
  }
}
