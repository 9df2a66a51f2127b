/// The four bytes a client covers a frame's payload with (RFC 6455 section 5.3): byte i is XORed with key byte i mod 4.
package struct MaskingKey: Equatable, Sendable {
  /// The key byte of the next payload byte is the lowest, so that turning the key is a rotation.
  private var turned: UInt32

  /// - Parameter wire: the four bytes as they stand in the frame, the first in the highest place.
  package init(wire: UInt32) {
    turned = wire.byteSwapped
  }

  /// A fresh key. Section 5.3 asks for one that cannot be guessed: pass a `SystemRandomNumberGenerator` in service.
  package static func random(using generator: inout some RandomNumberGenerator) -> MaskingKey {
    MaskingKey(wire: generator.next())
  }

  /// The key as it stands in the frame, the first byte in the highest place.
  package var wire: UInt32 { turned.byteSwapped }

  /// The key for what follows `count` bytes of payload.
  func advanced(by count: Int) -> MaskingKey {
    let bits = UInt32(truncatingIfNeeded: count & 3) &* 8
    var key = self
    key.turned = bits == 0 ? turned : turned &>> bits | turned &<< (32 &- bits)
    return key
  }

  /// Masks or unmasks `count` bytes from `source` into `target`, eight at a time. The two may be the same place.
  func apply(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, count: Int) {
    let pair = (UInt64(turned) << 32 | UInt64(turned)).littleEndian
    var index = 0
    while index &+ 8 <= count {
      let word = source.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      target.storeBytes(of: word ^ pair, toByteOffset: index, as: UInt64.self)
      index &+= 8
    }
    while index < count {
      let byte = UInt8(truncatingIfNeeded: turned &>> (UInt32(truncatingIfNeeded: index & 3) &* 8))
      target.storeBytes(
        of: source.load(fromByteOffset: index, as: UInt8.self) ^ byte, toByteOffset: index, as: UInt8.self)
      index &+= 1
    }
  }

  /// Appends `bytes`, masked or unmasked, to `target`. An empty target is filled in one pass, without zeroing, with
  /// room for `expected` bytes.
  func append(_ bytes: UnsafeRawBufferPointer, expecting expected: Int = 0, to target: inout [UInt8]) {
    guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
    if target.isEmpty, target.capacity < bytes.count {
      target = [UInt8](unsafeUninitializedCapacity: max(bytes.count, expected)) { buffer, initialized in
        guard let start = buffer.baseAddress else { return }
        apply(from: source, to: UnsafeMutableRawPointer(start), count: bytes.count)
        initialized = bytes.count
      }
      return
    }
    let start = target.count
    target.append(contentsOf: bytes)
    target.withUnsafeMutableBytes { buffer in
      let added = UnsafeMutableRawBufferPointer(rebasing: buffer[start...])
      guard let place = added.baseAddress else { return }
      apply(from: place, to: place, count: added.count)
    }
  }
}
