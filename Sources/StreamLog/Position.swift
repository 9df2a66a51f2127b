/// A place in the log; it only ever grows. 0 is before every message.
package typealias Offset = UInt64

/// A random name for one unbroken stretch of the log's life: 1 to 32 bytes of `a-z 0-9`.
package struct Epoch: Hashable, Sendable, CustomStringConvertible {
  package let string: String

  package init?(_ string: some StringProtocol) {
    guard (1...32).contains(string.utf8.count),
      string.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) })
    else { return nil }
    self.string = String(string)
  }

  /// A new epoch: 8 random characters, 40 bits.
  package static func random(using generator: inout some RandomNumberGenerator) -> Epoch {
    Epoch(RandomName.make(8, using: &generator))!
  }

  package var description: String { string }
}

/// An id as clients see it, `<epoch>-<offset>`: of a message, or up to which a subscriber has been told everything.
package struct Position: Hashable, Sendable, CustomStringConvertible {
  package let epoch: Epoch
  package let offset: Offset

  package init(epoch: Epoch, offset: Offset) {
    self.epoch = epoch
    self.offset = offset
  }

  /// - Returns: nil for what no gateway ever wrote: such a text is a position of an unknown epoch (section 4).
  package init?(_ text: some StringProtocol) {
    let text = String(text)
    guard let dash = text.utf8.lastIndex(of: UInt8(ascii: "-")), let epoch = Epoch(text[..<dash]) else { return nil }
    let digits = text[text.utf8.index(after: dash)...]
    guard let first = digits.utf8.first, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      first != UInt8(ascii: "0") || digits.utf8.count == 1, let offset = Offset(digits)
    else { return nil }
    self.init(epoch: epoch, offset: offset)
  }

  package var description: String { "\(epoch.string)-\(offset)" }
}
