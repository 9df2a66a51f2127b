import HTTPSyntax

/// For whom a trusted proxy made a request: `Forwarded` (RFC 7239), or `X-Forwarded-For`, `X-Forwarded-Proto` and
/// `X-Forwarded-Host`.
///
/// A proxy appends the address that it saw, and passes on what was there before, which anybody may have written. So the
/// lists are read from their end, up to the first address that is not a trusted proxy's: that is the client's. What
/// cannot be read ends the reading, and the address before it is as near to the client as is known.
package enum ForwardedFields {
  /// Ask only about a request that came from a trusted address.
  ///
  /// - Returns: the client's address without port, nil if no field tells one; `http` or `https`, nil if neither was
  ///   told; and the host, perhaps with a port, that the client asked, nil if none was told or it is none. A proxy sets
  ///   one of the two kinds of field and may pass the other on, as a client made it up: where both are there and tell
  ///   different addresses, neither is believed.
  package static func client(
    of fields: RequestFields, trusted: AddressRanges
  ) -> (address: String?, scheme: String?, authority: String?) {
    let forwarded = elements(fields["forwarded"]).map { ForwardedElement($0) }
    let listed = elements(fields["x-forwarded-for"]).map { ForwardedElement(node: $0) }
    let named = forwarded.isEmpty ? listed : forwarded
    let place = clientPlace(in: named, trusted)
    let address = place.flatMap { named[$0].address }
    if !forwarded.isEmpty, !listed.isEmpty {
      guard address == clientPlace(in: listed, trusted).flatMap({ listed[$0].address }) else {
        return (nil, nil, nil)
      }
    }
    // A list as long as that of the addresses is of the same proxies. Of any other the nearest proxy wrote the end.
    func told(in name: StaticString) -> ArraySlice<UInt8>? {
      let list = elements(fields[name])
      return list.count == named.count ? place.map { list[$0] } : list.first
    }
    let element = place.map { named[$0] }
    return (
      address?.description, (element?.proto ?? told(in: "x-forwarded-proto")).flatMap(scheme),
      (element?.host ?? told(in: "x-forwarded-host")).flatMap(authority)
    )
  }

  /// - Parameter hops: the nearest first.
  private static func clientPlace(in hops: [ForwardedElement], _ trusted: AddressRanges) -> Int? {
    var last: Int?
    for (place, hop) in hops.enumerated() {
      guard let address = hop.address else { break }
      last = place
      if !trusted.contains(address) { break }
    }
    return last
  }

  private static func scheme(_ text: ArraySlice<UInt8>) -> String? {
    if equalIgnoringCase(text, "https") { return "https" }
    return equalIgnoringCase(text, "http") ? "http" : nil
  }

  private static func authority(_ text: ArraySlice<UInt8>) -> String? {
    Authority.isValid(text) ? String(decoding: text, as: UTF8.self) : nil
  }

  // MARK: - Lists from their end

  /// A list's elements, the last one first: what a client wrote before them changes nothing about how the proxies'
  /// own are told apart, as a quote without its partner would from the other end.
  private static func elements(_ lines: [String]) -> [ArraySlice<UInt8>] {
    var elements: [ArraySlice<UInt8>] = []
    for line in lines.reversed() {
      var rest = Array(line.utf8)[...]
      while !rest.isEmpty {
        let comma = lastComma(in: rest)
        let element = rest[(comma.map { $0 + 1 } ?? rest.startIndex)...].trimmingBlanks
        if !element.isEmpty { elements.append(element) }
        rest = rest[..<(comma ?? rest.startIndex)]
      }
    }
    return elements
  }

  /// The last one that is not between quotes.
  private static func lastComma(in bytes: ArraySlice<UInt8>) -> Int? {
    var isQuoted = false
    for index in bytes.indices.reversed() {
      switch bytes[index] {
      case UInt8(ascii: ",") where !isQuoted: return index
      case UInt8(ascii: "\""):
        let escapes = bytes[..<index].reversed().prefix { $0 == UInt8(ascii: "\\") }.count
        if !isQuoted || escapes.isMultiple(of: 2) { isQuoted.toggle() }
      default: break
      }
    }
    return nil
  }
}
