/// Records that were made and nobody has sent yet. One per event loop, shared by its sessions, so that a session that
/// is idle keeps no buffer: whoever calls a session sends what is here, and clears it, before another is called.
package final class TLSOutput {
  private var bytes: [UInt8] = []

  /// More space than this is given back.
  private static let kept = 256 << 10

  package init() {}

  package var isEmpty: Bool { bytes.isEmpty }
  package var count: Int { bytes.count }

  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R { bytes.withUnsafeBytes(body) }

  package func clear() {
    if bytes.capacity > Self.kept { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
  }

  func append(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }
}
