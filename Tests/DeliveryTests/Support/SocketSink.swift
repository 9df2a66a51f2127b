import Delivery
import DirectWriter
import NIOCore
import StreamLog
import StreamStores
import TestSupport
import Testing
import WireFormat

/// A transport on a real socket that the hub may write to straight. What it is handed it keeps until the test lets it
/// go, as a channel does while its peer takes nothing.
final class SocketSink: SubscriberSink {
  let pair: SocketPair
  private(set) var pending = ByteBuffer()
  private(set) var position: Offset = 0
  /// How many times it was handed bytes.
  private(set) var deliveries = 0
  /// Runs inside `deliver`.
  var onDeliver: (() -> Void)?
  private var received = ""

  init(_ pair: SocketPair = SocketPair()) { self.pair = pair }

  /// What the peer has read so far, after reading what there is.
  var heard: [Offset] {
    received += String(decoding: pair.read(), as: UTF8.self)
    return received.split(separator: ",").compactMap { Offset($0.prefix { $0 != "." }) }
  }

  /// The peer takes what is there and the socket what was kept, until nothing is left.
  func flush(_ hub: Hub, _ handle: SubscriberHandle) {
    while pending.readableBytes > 0 {
      received += String(decoding: pair.read(), as: UTF8.self)
      guard write() > 0 else { return }
    }
    hub.ready(handle)
  }

  private func write() -> Int {
    let taken = pending.withUnsafeReadableBytes { DirectWriter.send($0, to: pair.near) }
    pending.moveReaderIndex(forwardBy: taken)
    return taken
  }

  // MARK: SubscriberSink

  /// For as long as it has something of its own to write.
  var isBusy = false
  var socket: Int32 { pending.readableBytes == 0 && !isBusy ? pair.near : -1 }

  func opened(at offset: Offset?, isRewinding: Bool) {}

  func deliver(_ bytes: ByteBuffer, through: Offset) -> Bool {
    if pending.readableBytes > 0 { Issue.record("handed bytes while some were waiting") }
    deliveries += 1
    position = through
    pending = bytes
    onDeliver?()
    _ = write()
    return pending.readableBytes == 0
  }

  func caughtUp(at offset: Offset, refs: [Ref?]) {}
  func heartbeat(at offset: Offset) {}
  func refused(_ refusal: StoreRefusal) { Issue.record("refused: \(refusal)") }
  func dismissed(_ reason: DismissalReason) {}
  var description: SinkDescription { SinkDescription(session: "s", transport: "socket", address: "here") }
}

/// Writes a message as its offset, filled up with dots to a number of bytes.
final class PaddedEncoding: StreamEncoding {
  private let size: Int

  init(size: Int) { self.size = size }

  func append(_ message: Message, isRewound: Bool, to buffer: inout ByteBuffer) {
    let start = buffer.writerIndex
    buffer.writeString("\(message.offset)")
    buffer.writeRepeatingByte(UInt8(ascii: "."), count: size - 1 - (buffer.writerIndex - start))
    buffer.writeStaticString(",")
  }

  func append(_ control: Control, isRewinding: Bool, to buffer: inout ByteBuffer) {}
}
