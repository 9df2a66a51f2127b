/// What is wrong with the text of an address or range, worded to stand after it.
package struct AddressSyntaxError: Error, Equatable {
  package let message: String
  init(_ message: String) { self.message = message }
}

/// One address, or all that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32` (CIDR, RFC 4632 and 4291).
package struct AddressRange: Sendable, Equatable {
  private let first: IPAddress
  /// Of the family's width: the bits that all have in common.
  private let mask: UInt128

  /// - Throws: what is wrong with `text` and how to write it.
  package init(_ text: String) throws(AddressSyntaxError) {
    let slash = text.firstIndex(of: "/")
    let addressText = text[..<(slash ?? text.endIndex)]
    guard let address = IPAddress(addressText) else { throw Self.fault(ofAddress: addressText) }
    let width = address.family.width
    var prefix = width
    if let slash {
      if addressText.contains(":"), address.family == .v4 {
        throw AddressSyntaxError("is a range of IPv4 addresses written as IPv6; write it like \(address)/\(width)")
      }
      let digits = text[slash...].dropFirst()
      guard !digits.isEmpty, digits.utf8.count <= 3, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let bits = Int(digits), bits <= width
      else {
        throw AddressSyntaxError("needs a prefix from 0 to \(width) after the slash, such as \(address)/\(width)")
      }
      prefix = bits
    }
    // All bits at once cannot be shifted by the whole width.
    mask = prefix == 0 ? 0 : ~UInt128(0) << UInt128(width - prefix)
    let common = address.number & mask
    first = address.family == .v4 ? IPAddress(v4: UInt32(common)) : IPAddress(v6: common)
    guard first == address else {
      throw AddressSyntaxError(
        "has bits set beyond its prefix; write \(first)/\(prefix) for the range or \(address) for the one address")
    }
  }

  /// A range of IPv6 has no IPv4 addresses in it, `::/0` neither.
  func contains(_ address: IPAddress) -> Bool {
    address.family == first.family && address.number & mask == first.number
  }

  private static func fault(ofAddress text: Substring) -> AddressSyntaxError {
    if text.isEmpty { return AddressSyntaxError("has no address; write it like 10.0.0.0/8 or 2001:db8::1") }
    if text.contains("%") { return AddressSyntaxError("has a zone; leave out the part from % on") }
    if text.hasPrefix("[") { return AddressSyntaxError("has brackets; write the address alone, without a port") }
    if text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }) {
      return AddressSyntaxError("is no IPv4 address; write four numbers from 0 to 255 without leading zeros")
    }
    if text.contains(":") {
      return AddressSyntaxError("is no IPv6 address; write it like 2001:db8::1, without a port")
    }
    return AddressSyntaxError("is a name or no address at all; write the address it stands for, such as 10.0.0.7")
  }
}

/// The ranges that somebody trusts, parsed once.
package struct AddressRanges: Sendable, Equatable {
  private let ranges: [AddressRange]

  package init() { ranges = [] }

  /// - Parameter texts: each has passed `AddressRange`.
  package init(_ texts: [String]) {
    ranges = texts.map { text in
      do throws(AddressSyntaxError) {
        return try AddressRange(text)
      } catch {
        preconditionFailure("the range \"\(text)\" \(error.message)")
      }
    }
  }

  package var isEmpty: Bool { ranges.isEmpty }

  /// - Parameter address: without port and brackets; what is no address is in no range.
  package func contains(_ address: String) -> Bool { IPAddress(address).map(contains) ?? false }

  func contains(_ address: IPAddress) -> Bool { ranges.contains { $0.contains(address) } }
}
