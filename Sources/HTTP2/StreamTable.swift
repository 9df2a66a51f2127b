import NIOCore

/// What is known of a stream besides what nghttp2 knows.
struct HTTP2Stream {
  let identifier: Int32
  /// What is to be sent, from `firstPending` on.
  private var pending: [ByteBuffer] = []
  private var firstPending = 0
  private(set) var pendingBytes = 0
  /// Its end is to be sent behind what is pending.
  var isFinished = false
  /// nghttp2 waits to be told that there is something to send.
  var isDeferred = false
  var isResponded = false
  /// We asked for its reset.
  var isResetByUs = false
  /// Its head is an event, or was.
  var hasHead = false
  /// Somebody has its head.
  var isTaken = false

  init(_ identifier: Int32) { self.identifier = identifier }

  mutating func append(_ bytes: ByteBuffer) {
    pendingBytes += bytes.readableBytes
    pending.append(bytes)
  }

  /// Moves the first `count` bytes of what is pending to the end of `output`.
  mutating func move(_ count: Int, to output: inout ByteBuffer) {
    pendingBytes -= count
    var rest = count
    while rest > 0 {
      let part = min(rest, pending[firstPending].readableBytes)
      pending[firstPending].withUnsafeReadableBytes { bytes in
        _ = output.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[..<part]))
      }
      rest -= part
      if part == pending[firstPending].readableBytes {
        // Let go of now: the array outlives it.
        pending[firstPending] = Self.nothing
        firstPending += 1
      } else {
        pending[firstPending].moveReaderIndex(forwardBy: part)
      }
    }
    if firstPending == pending.count {
      pending.removeAll(keepingCapacity: pending.count <= 4)
      firstPending = 0
    } else if firstPending >= 32, firstPending * 2 >= pending.count {
      pending.removeFirst(firstPending)
      firstPending = 0
    }
  }

  private static let nothing = ByteBuffer()
}

/// The open streams, in slots that nghttp2 is given the numbers of.
struct StreamTable {
  private var slots: [HTTP2Stream?] = []
  private var free: [Int] = []
  private var numbers: [Int32: Int] = [:]

  var count: Int { numbers.count }

  /// - Returns: the slot's number.
  mutating func insert(_ stream: HTTP2Stream) -> Int {
    let slot: Int
    if let last = free.popLast() {
      slot = last
      slots[slot] = stream
    } else {
      slot = slots.count
      slots.append(stream)
    }
    numbers[stream.identifier] = slot
    return slot
  }

  mutating func remove(_ identifier: Int32) -> HTTP2Stream? {
    guard let slot = numbers.removeValue(forKey: identifier) else { return nil }
    let stream = slots[slot]
    slots[slot] = nil
    free.append(slot)
    return stream
  }

  func slot(of identifier: Int32) -> Int? { numbers[identifier] }

  subscript(slot: Int) -> HTTP2Stream {
    get { slots[slot]! }
    _modify { yield &slots[slot]! }
  }
}
