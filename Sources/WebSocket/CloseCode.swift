/// The codes of RFC 6455 section 7.4.1 and the IANA registry that we send, and the payload that carries one.
package enum CloseCode {
  package static let normal: UInt16 = 1000
  package static let goingAway: UInt16 = 1001
  package static let protocolError: UInt16 = 1002
  package static let unsupportedData: UInt16 = 1003
  package static let invalidData: UInt16 = 1007
  package static let policyViolation: UInt16 = 1008
  package static let messageTooBig: UInt16 = 1009
  package static let internalError: UInt16 = 1011
  package static let serviceRestart: UInt16 = 1012
  package static let tryAgainLater: UInt16 = 1013

  // Ours: from 4000 on come back, from 4500 on do not (protocol section 4).
  package static let disconnectedByOperator: UInt16 = 4000
  package static let noPong: UInt16 = 4001

  /// The most a control frame carries, less the two bytes of the code (section 5.5).
  package static let maxReasonBytes = 123

  /// Whether a close frame may carry `code`: 1004 to 1006 and 1015 are never sent, 3000–3999 are for libraries,
  /// 4000–4999 for applications, and the rest is unassigned.
  package static func isValidOnTheWire(_ code: UInt16) -> Bool {
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }

  /// `reason` as UTF-8, cut to 123 bytes between two characters as a reader sees them where that is possible.
  static func reasonBytes(_ reason: String) -> [UInt8] {
    if reason.utf8.count <= maxReasonBytes { return Array(reason.utf8) }
    var kept: [UInt8] = []
    kept.reserveCapacity(maxReasonBytes)
    for character in reason {
      if kept.count + character.utf8.count > maxReasonBytes { break }
      kept.append(contentsOf: character.utf8)
    }
    return kept
  }

  /// Reads the payload of a close frame (section 5.5.1).
  /// - Throws: `closePayloadOfOneByte`, `invalidCloseCode`, `invalidCloseReason`.
  static func parse(_ payload: [UInt8]) throws(WebSocketError) -> (code: UInt16?, reason: String) {
    if payload.isEmpty { return (nil, "") }
    if payload.count == 1 { throw .closePayloadOfOneByte }
    let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
    guard isValidOnTheWire(code) else { throw .invalidCloseCode(code) }
    let reason = payload[2...]
    var validator = UTF8Validator()
    if let offset = reason.withUnsafeBytes({ validator.firstInvalid(in: $0) }) {
      throw .invalidCloseReason(offset: offset)
    }
    guard validator.isComplete else { throw .invalidCloseReason(offset: reason.count) }
    return (code, String(decoding: reason, as: UTF8.self))
  }
}
