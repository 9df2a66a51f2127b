import DirectWriter
import NIOCore
import StreamLog

/// One burst's messages in one encoding, back to back, with where each ends: what the encoding's subscribers share.
/// Kept from burst to burst.
final class Arena {
  let encoding: any StreamEncoding
  var batch = WriteBatch()
  private var buffer = ByteBuffer()
  private var ends: ContiguousArray<Int> = []
  private var burst: UInt32 = 0

  /// More space than this is given back after a burst that needed it.
  private static let kept = 256 << 10

  init(_ encoding: any StreamEncoding) { self.encoding = encoding }

  /// Encodes the burst's messages, once.
  @inline(__always)
  func fill(with burst: Burst) {
    if self.burst != burst.number { encode(burst) }
  }

  private func encode(_ burst: Burst) {
    self.burst = burst.number
    if buffer.capacity > Self.kept { buffer = ByteBuffer() }
    // Slices of the last burst that are still on their way keep its bytes.
    buffer.clear(minimumCapacity: burst.messages.reduce(0) { $0 + $1.encoded.count + 96 })
    ends.removeAll(keepingCapacity: true)
    for message in burst.messages {
      encoding.append(message, isRewound: false, to: &buffer)
      ends.append(buffer.writerIndex)
    }
  }

  /// Where a run of messages lies.
  @inline(__always)
  func range(_ run: Range<Int>) -> Range<Int> {
    (run.lowerBound == 0 ? 0 : ends[run.lowerBound - 1])..<ends[run.upperBound - 1]
  }

  /// Puts what a subscriber gets into the batch. - Returns: how many bytes that is.
  func stage(_ slot: HotSlot, in burst: Burst, owner: Int32) -> Int {
    burst.forEachRun(of: slot) { batch.append(range($0)) }
    return batch.end(to: slot.socket, owner: owner)
  }

  /// Writes what was put into the batch; what was not taken whole is the batch's `unfinished`.
  func submit() { buffer.withUnsafeReadableBytes { batch.submit($0) } }

  /// What a subscriber gets, for a transport that takes it itself: one run is a slice, several are copied together.
  func bytes(of slot: HotSlot, in burst: Burst) -> ByteBuffer {
    var bytes = ByteBuffer()
    burst.forEachRun(of: slot) { run in
      let range = range(run)
      let slice = buffer.getSlice(at: range.lowerBound, length: range.count)!
      if bytes.readableBytes == 0 { bytes = slice } else { bytes.writeImmutableBuffer(slice) }
    }
    return apart(bytes)
  }

  /// A slice would keep all of the burst for as long as it is on its way.
  private func apart(_ slice: ByteBuffer) -> ByteBuffer {
    buffer.readableBytes > 2 * slice.readableBytes ? ByteBuffer(bytes: slice.readableBytesView) : slice
  }

  /// How many bytes a subscriber gets.
  func length(of slot: HotSlot, in burst: Burst) -> Int {
    var length = 0
    burst.forEachRun(of: slot) { length += range($0).count }
    return length
  }

  /// What is left of the message in which a write ended that took `taken` bytes.
  ///
  /// - Returns: the message's index, its missing bytes, and how many of the subscriber's messages come after it.
  func cut(_ slot: HotSlot, in burst: Burst, taken: Int) -> (message: Int, rest: ByteBuffer, after: Int) {
    var left = taken
    var found: (message: Int, start: Int)?
    var after = 0
    burst.forEachRun(of: slot) { run in
      for message in run {
        let range = range(message..<message + 1)
        if found != nil {
          after += 1
        } else if left < range.count {
          found = (message, range.lowerBound + left)
        } else {
          left -= range.count
        }
      }
    }
    guard let found else { preconditionFailure("a write that took everything was not cut") }
    let count = ends[found.message] - found.start
    return (found.message, apart(buffer.getSlice(at: found.start, length: count)!), after)
  }
}
