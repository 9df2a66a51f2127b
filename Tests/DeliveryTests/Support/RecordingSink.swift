import Delivery
import NIOCore
import StreamLog
import StreamStores
import Testing
import WireFormat

/// What a subscriber was told.
enum Heard: Equatable, CustomStringConvertible {
  case opened(Offset?)
  case message(Offset)
  case rewound(Offset)
  case gap(String, after: Offset, through: Offset, String)
  case caughtUp(Offset, [Ref?])
  case heartbeat(Offset)
  case refused(StoreRefusal)
  case dismissed(DismissalReason)

  /// A run of messages.
  static func messages(_ offsets: ClosedRange<Offset>) -> [Heard] { offsets.map { .message($0) } }

  var description: String {
    switch self {
    case .opened(let offset): "opened \(offset.map(String.init) ?? "nowhere yet")"
    case .message(let offset): "\(offset)"
    case .rewound(let offset): "rewound \(offset)"
    case .gap(let topic, let after, let through, let reason): "gap \(topic) (\(after), \(through)] \(reason)"
    case .caughtUp(let offset, let refs): "caught up \(offset) for \(refs.count)"
    case .heartbeat(let offset): "heartbeat \(offset)"
    case .refused(let refusal): "refused \(refusal)"
    case .dismissed(let reason): "dismissed \(reason)"
    }
  }
}

/// A transport that takes what the test lets it take, and remembers it.
final class RecordingSink: SubscriberSink {
  private(set) var heard: [Heard] = []
  /// How many times it was handed bytes.
  private(set) var deliveries = 0
  private(set) var position: Offset = 0
  /// What `deliver` answers.
  var takesMore = true
  /// Whether it said that it takes no more; deliveries from then on are a fault.
  private(set) var isStopped = false
  /// Runs inside `deliver`, after the bytes are remembered.
  var onDeliver: (() -> Void)?
  var onHeard: ((Heard) -> Void)?

  var offsets: [Offset] {
    heard.compactMap {
      switch $0 {
      case .message(let offset), .rewound(let offset): offset
      default: nil
      }
    }
  }

  var gaps: [Heard] { heard.filter { if case .gap = $0 { true } else { false } } }

  /// What was heard since the last call.
  func take() -> [Heard] {
    defer { heard = [] }
    return heard
  }

  /// The test lets it take more again.
  func resume() {
    takesMore = true
    isStopped = false
  }

  private func hear(_ what: Heard) {
    heard.append(what)
    onHeard?(what)
  }

  // MARK: SubscriberSink

  func opened(at offset: Offset?, isRewinding: Bool) {
    if let offset { position = offset }
    hear(.opened(offset))
  }

  func deliver(_ bytes: ByteBuffer, through: Offset) -> Bool {
    if isStopped { Issue.record("handed bytes after it took no more") }
    if bytes.readableBytes == 0 { Issue.record("handed no bytes") }
    deliveries += 1
    for word in String(buffer: bytes).split(separator: ",") {
      let parts = word.split(separator: "|", omittingEmptySubsequences: false)
      if parts[0] == "gap" {
        hear(.gap(String(parts[1]), after: Offset(parts[2])!, through: Offset(parts[3])!, String(parts[4])))
      } else if word.first == "r" {
        hear(.rewound(Offset(word.dropFirst())!))
      } else {
        hear(.message(Offset(word)!))
      }
    }
    position = through
    onDeliver?()
    isStopped = !takesMore
    return takesMore
  }

  var socket: Int32 { -1 }
  func caughtUp(at offset: Offset, refs: [Ref?]) { hear(.caughtUp(offset, refs)) }
  func heartbeat(at offset: Offset) { hear(.heartbeat(offset)) }
  func refused(_ refusal: StoreRefusal) { hear(.refused(refusal)) }
  func dismissed(_ reason: DismissalReason) { hear(.dismissed(reason)) }

  var description: SinkDescription { SinkDescription(session: "s", transport: "test", address: "here") }
}
