/// The negotiation of permessage-deflate (RFC 7692 section 7.1). Neither side keeps its window from one message to
/// the next, so that the gateway compresses a message once for all its readers and keeps no state per connection.
package enum PermessageDeflate {
  static let name = "permessage-deflate"

  /// What our own client offers.
  package static let offer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

  /// A server's answer to the offers in the request's `Sec-WebSocket-Extensions` lines: the value of the response's
  /// field, or nil if none can be accepted and the field is left out.
  ///
  /// Offers are taken in the client's order. One with an unknown, repeated or malformed parameter is declined, and
  /// so is one that wants a window of ours below 15 bits: the shared compressed bytes need it whole.
  /// - Throws: `HandshakeError.invalidHeader`.
  package static func answer(to lines: [String]) throws(HandshakeError) -> String? {
    if lines.isEmpty { return nil }
    for item in try ExtensionList.parse(lines) where item.name == name {
      guard let parameters = Parameters(item, windowBitsNeedValue: false) else { continue }
      switch parameters.serverMaxWindowBits {
      case nil: return offer
      // Section 7.1.2.1: who is asked for a window accepts by naming one.
      case 15: return offer + "; server_max_window_bits=15"
      default: continue
      }
    }
    return nil
  }

  /// A client's check of the response to `offer`: true if messages may be compressed, false if the server declined.
  /// - Throws: `invalidHeader`; `unexpectedExtension` for anything that our offer did not allow, with which the
  ///   connection must not go on (section 7.1).
  package static func accept(_ lines: [String]) throws(HandshakeError) -> Bool {
    if lines.isEmpty { return false }
    let items = try ExtensionList.parse(lines)
    guard items.count == 1, items[0].name == name, let parameters = Parameters(items[0], windowBitsNeedValue: true),
      parameters.serverNoContextTakeover, parameters.clientMaxWindowBits == nil
    else { throw .unexpectedExtension(lines.joined(separator: ", ")) }
    return true
  }

  /// The parameters of one offer or response, each at most once and well formed.
  private struct Parameters {
    var serverNoContextTakeover = false
    var clientNoContextTakeover = false
    var serverMaxWindowBits: Int?
    /// 15 if it stood without a value, which only an offer may do.
    var clientMaxWindowBits: Int?

    /// Nil if a parameter is unknown, repeated, or has a value that it must not have.
    init?(_ item: ExtensionItem, windowBitsNeedValue: Bool) {
      for parameter in item.parameters {
        switch (parameter.name, parameter.value) {
        case ("server_no_context_takeover", nil) where !serverNoContextTakeover:
          serverNoContextTakeover = true
        case ("client_no_context_takeover", nil) where !clientNoContextTakeover:
          clientNoContextTakeover = true
        case ("server_max_window_bits", let value?) where serverMaxWindowBits == nil:
          guard let bits = Self.windowBits(value) else { return nil }
          serverMaxWindowBits = bits
        case ("client_max_window_bits", nil) where clientMaxWindowBits == nil && !windowBitsNeedValue:
          clientMaxWindowBits = 15
        case ("client_max_window_bits", let value?) where clientMaxWindowBits == nil:
          guard let bits = Self.windowBits(value) else { return nil }
          clientMaxWindowBits = bits
        default:
          return nil
        }
      }
    }

    /// 8 to 15 in decimal without leading zeroes (section 7.1.2).
    private static func windowBits(_ value: String) -> Int? {
      (8...15).first { String($0) == value }
    }
  }
}
