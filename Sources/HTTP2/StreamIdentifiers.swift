/// Which streams a client has opened, as far as it matters: opening one closes those below that were never opened (RFC
/// 9113 section 5.1.1), and nghttp2 does not look.
struct StreamIdentifiers {
  private var highest: Int32 = -1
  /// Those that were left out.
  private var skipped: [ClosedRange<Int32>] = []
  private let limit: Int

  /// - Parameter limit: how many times identifiers may be left out.
  init(limit: Int) { self.limit = limit }

  /// A HEADERS frame came.
  ///
  /// - Returns: whether it may open, or go on with, this stream, as far as the order of identifiers goes.
  mutating func open(_ stream: Int32) -> Bool {
    guard stream > highest else { return !skipped.contains { $0.contains(stream) } }
    if stream > highest + 2 {
      guard skipped.count < limit else { return false }
      skipped.append(highest + 2...stream - 2)
    }
    highest = stream
    return true
  }
}
