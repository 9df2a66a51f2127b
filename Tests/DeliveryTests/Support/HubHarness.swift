import Delivery
import LoopTurns
import NIOCore
import NIOEmbedded
import StreamLog
import StreamStores
import Testing
import WireFormat

/// When a store answers its hub.
enum StoreAnswers: String, CaseIterable, CustomTestStringConvertible {
  /// Before the question returns, as the memory store does.
  case atOnce
  /// Later, as one with a file or a network behind it.
  case later

  var testDescription: String { rawValue }
}

/// A hub on a loop whose time the test moves, over a store that answers as the test wants.
final class HubHarness {
  let loop = EmbeddedEventLoop()
  let store: SlowStore
  let hub: Hub
  let ledger = MemoryLedger()
  let encoding: Int
  let answers: StoreAnswers
  private(set) var subscribers: [SubscriberHandle: RecordingSink] = [:]

  init(
    _ answers: StoreAnswers = .atOnce, keeping messages: Int = 1000, tapeEntries: Int = 8192,
    hub settings: HubSettings = HubSettings()
  ) {
    var storeSettings = StoreSettings()
    storeSettings.retention.standard.messages = messages
    storeSettings.tapeEntries = tapeEntries
    let memory = MemoryStore(settings: storeSettings, epoch: Epoch("e1")!, ledger: ledger) {
      Instant(wall: 1_000_000, monotonic: 0)
    }
    self.answers = answers
    store = SlowStore(memory, isSlow: answers == .later)
    hub = Hub(eventLoop: loop, turns: LoopTurns(loop), among: [loop], store: store, settings: settings, ledger: ledger)
    { 1_000_000 }
    encoding = hub.register(OffsetEncoding())
  }

  // MARK: Publishing

  /// - Returns: the last offset.
  @discardableResult
  func publish(_ topics: String...) -> Offset { publish(topics) }

  @discardableResult
  func publish(_ topics: [String]) -> Offset {
    let draft = MessageDraft(kind: .json, data: Array("1".utf8))
    store.append(
      topics.map { PublishItem(topics: [try! TopicName($0)], draft: draft) }, publisher: "p"
    ) { outcomes in
      for case .refused(let refusal) in outcomes { Issue.record("\(refusal)") }
    }
    return store.tape.head
  }

  func erase(_ topic: String) throws { store.erase(try TopicName(topic)) { _ in } }

  // MARK: Subscribing

  func subscribe(
    _ patterns: String..., start: ReadStart? = nil, maxMessages: Int = .max, heartbeat: Int32 = 15,
    sink: RecordingSink = RecordingSink()
  ) throws -> (SubscriberHandle, RecordingSink) {
    try subscribe(
      patterns.map { try TopicPattern($0) }, start: start, maxMessages: maxMessages, heartbeat: heartbeat, sink: sink)
  }

  func subscribe(
    _ patterns: [TopicPattern], start: ReadStart? = nil, maxMessages: Int = .max, heartbeat: Int32 = 15,
    sink: RecordingSink = RecordingSink()
  ) throws -> (SubscriberHandle, RecordingSink) {
    let handle = hub.subscribe(
      Hub.Request(
        patterns: patterns, start: start, encoding: encoding, maxMessages: maxMessages,
        heartbeatSeconds: Int(heartbeat)), sink: sink)
    subscribers[handle] = sink
    return (handle, sink)
  }

  func since(_ offset: Offset) -> ReadStart { .since("e1-\(offset)") }

  // MARK: Time

  /// One turn of the loop and of the store.
  func turn() {
    loop.run()
    store.answer()
    loop.advanceTime(by: .microseconds(20))
  }

  /// The loop alone: what was asked of the store stays unanswered.
  func runLoop() { loop.run() }

  func advance(seconds: Int64) { loop.advanceTime(by: .seconds(seconds)) }

  /// Turns until nothing is left to do.
  func work() {
    for _ in 0..<40 { turn() }
    var told = -1
    while told != hub.currentCounters.progress {
      told = hub.currentCounters.progress
      for _ in 0..<40 { turn() }
    }
  }
}

extension HubCounters {
  /// Changes with everything a subscriber is told.
  fileprivate var progress: Int { Int(deliveries) + gaps.values.reduce(0) { $0 + Int($1) } + reading + subscribers }
}

/// Writes a message as its offset, so that a test reads what was sent.
final class OffsetEncoding: StreamEncoding {
  func append(_ message: Message, isRewound: Bool, to buffer: inout ByteBuffer) {
    buffer.writeString(isRewound ? "r\(message.offset)," : "\(message.offset),")
  }

  func append(_ control: Control, isRewinding: Bool, to buffer: inout ByteBuffer) {
    guard case .gap(let gap) = control else { return }
    buffer.writeString(
      "gap|\(gap.topic?.string ?? "")|\(gap.after?.offset ?? 0)|\(gap.through.offset)|\(gap.reason.rawValue),")
  }
}
