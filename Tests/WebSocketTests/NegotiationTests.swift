import Testing
import WebSocket

/// `Sec-WebSocket-Extensions` (RFC 6455 section 9.1, RFC 7692 section 7.1).
struct NegotiationTests {
  static let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
  static let full = plain + "; server_max_window_bits=15"

  @Test(
    arguments: [
      ("permessage-deflate", plain),
      ("permessage-deflate; client_max_window_bits", plain),
      ("permessage-deflate; client_max_window_bits=10", plain),
      ("permessage-deflate;client_max_window_bits=\"10\"", plain),
      ("permessage-deflate; client_max_window_bits=\"1\\0\"", plain),
      (" permessage-deflate ; server_no_context_takeover ; client_no_context_takeover ", plain),
      ("permessage-deflate ; client_max_window_bits = 10\t", plain),
      (plain, plain),
      (", ,permessage-deflate,", plain),
      ("x-webkit-deflate-frame, permessage-deflate", plain),
      ("permessage-deflate; server_max_window_bits=15", full),
      ("permessage-deflate; server_max_window_bits=10, permessage-deflate", plain),
      ("permessage-deflate; server_max_window_bits=10, permessage-deflate; server_max_window_bits=15", full),
      ("permessage-deflate; unknown, permessage-deflate; client_max_window_bits", plain),
      ("bbf-usp-protocol; eid=\"doc\", permessage-deflate", plain),
    ])
  func `an offer is accepted`(offer: String, answer: String) throws {
    #expect(try PermessageDeflate.answer(to: [offer]) == answer)
  }

  @Test(
    arguments: [
      "x-webkit-deflate-frame", "permessage-bzip2; level=9", "Permessage-Deflate",
      "permessage-deflate; unknown", "permessage-deflate; unknown=1",
      "permessage-deflate; server_max_window_bits=14", "permessage-deflate; server_max_window_bits=8",
      "permessage-deflate; server_max_window_bits", "permessage-deflate; server_max_window_bits=7",
      "permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits=015",
      "permessage-deflate; server_max_window_bits=15; server_max_window_bits=15",
      "permessage-deflate; server_max_window_bits=99999999999999999999",
      "permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=16",
      "permessage-deflate; client_max_window_bits=08", "permessage-deflate; client_max_window_bits=+9",
      "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
      "permessage-deflate; server_no_context_takeover=1", "permessage-deflate; client_no_context_takeover=true",
      "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
      "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
      "permessage-deflate; Server_No_Context_Takeover",
    ])
  func `an offer is declined`(offer: String) throws {
    #expect(try PermessageDeflate.answer(to: [offer]) == nil)
  }

  @Test(
    arguments: [
      "", " ", ",", ";", "permessage-deflate;", "permessage-deflate; ;", "; a", "permessage-deflate a",
      "permessage-deflate; a=", "permessage-deflate; =1", "permessage-deflate; a=\"", "permessage-deflate; a=\"b",
      "permessage-deflate; a=\"\"", "permessage-deflate; a=\"b c\"", "permessage-deflate; a=\"b\\",
      "permessage-deflate; a=b=c",
      "permessage-deflate; a=\"b\"c", "permessage-déflate", "permessage-deflate\r\n", "(permessage-deflate)",
      "permessage-deflate, a b",
    ])
  func `what is not a list of extensions is an error`(value: String) {
    let error = HandshakeError.invalidHeader(field: "Sec-WebSocket-Extensions", value: value)
    #expect(throws: error) { try PermessageDeflate.answer(to: [value]) }
    #expect(throws: error) { try PermessageDeflate.accept([value]) }
    #expect(error.status == 400)
  }

  @Test func `offers in several lines are one list`() throws {
    #expect(
      try PermessageDeflate.answer(to: ["permessage-deflate; server_max_window_bits=9", Self.plain]) == Self.plain)
    #expect(try PermessageDeflate.answer(to: []) == nil)
  }

  @Test func `our client's offer is accepted by our server, and the answer by our client`() throws {
    let answer = try #require(try PermessageDeflate.answer(to: [PermessageDeflate.offer]))
    #expect(try PermessageDeflate.accept([answer]))
  }

  @Test(
    arguments: [
      "permessage-deflate; server_no_context_takeover",
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=10",
      "permessage-deflate; client_no_context_takeover; server_no_context_takeover; server_max_window_bits=\"15\"",
    ])
  func `a client takes what its offer allows`(answer: String) throws {
    #expect(try PermessageDeflate.accept([answer]))
  }

  @Test(
    arguments: [
      "permessage-deflate", "permessage-deflate; client_no_context_takeover", "permessage-bzip2",
      "permessage-deflate; server_no_context_takeover; client_max_window_bits=10",
      "permessage-deflate; server_no_context_takeover; client_max_window_bits",
      "permessage-deflate; server_no_context_takeover; server_max_window_bits",
      "permessage-deflate; server_no_context_takeover; unknown",
      "\(plain), \(plain)", "permessage-deflate; server_no_context_takeover, x",
    ])
  func `a client refuses what its offer does not allow`(answer: String) {
    #expect(throws: HandshakeError.unexpectedExtension(answer)) { try PermessageDeflate.accept([answer]) }
  }

  @Test func `a server that declines is no error`() throws {
    #expect(try PermessageDeflate.accept([]) == false)
  }
}
