import HTTPServer
import Testing

struct ProxyProtocolTests {
  // MARK: - Headers that proxies sent

  /// As HAProxy 2.6 sent them, with the client's first bytes after them.
  @Test(arguments: [
    // A client at 127.0.0.1, by send-proxy-v2.
    ("0d0a0d0a000d0a515549540a 2111000c 7f000001 7f000001 9d02 4a9d 6869", 28, "127.0.0.1"),
    // A client at ::1, with crc32c and an empty unique-id.
    (
      """
      0d0a0d0a000d0a515549540a 2121002e 00000000000000000000000000000001 00000000000000000000000000000001 8970 4a9e
      030004b3389c34 050000
      """, 62, "::1"
    ),
    // A health check, by check-send-proxy; and a client that came over a Unix socket.
    ("0d0a0d0a000d0a515549540a 20000000", 16, nil), ("0d0a0d0a000d0a515549540a 20000000 6869", 16, nil),
    // An authority, a checksum and a cloud's own extension.
    (
      """
      0d0a0d0a000d0a515549540a 21110028 cb007107 c0000201 c738 01bb 02000b6578616d706c652e636f6d 030004f5eb9fda
      ea000401767063
      """, 56, "203.0.113.7"
    ),
  ])
  func `a header that a proxy sent tells its length and the client`(hex: String, length: Int, source: String?) {
    expect(bytes(hex), .done(length: length, source: source))
  }

  @Test(arguments: [
    // IPv4 in IPv6's clothes is IPv4.
    (0x21, address6("00000000000000000000ffff c0000207"), "192.0.2.7"),
    (0x21, address6("20010db8000000000000000000000001"), "2001:db8::1"),
    // An unspecified transport, and no family at all.
    (0x10, bytes("c0000207 7f000001 0001 0002"), "192.0.2.7"), (0x00, [], nil), (0x00, [1, 2, 3], nil),
    (0x01, [3, 0, 4, 0, 0, 0, 0], nil),
    // Paths of Unix sockets, and an extension of type "nothing" after them.
    (0x31, [UInt8](repeating: 0x61, count: 216), nil),
    (0x31, [UInt8](repeating: 0x61, count: 216) + [4, 0, 1, 0], nil),
    // Extensions without a value, and one of a type nobody knows.
    (0x11, bytes("c0000207 7f000001 0001 0002 040000 e10000 77000100"), "192.0.2.7"),
  ])
  func `each kind of address is understood`(kind: UInt8, rest: [UInt8], source: String?) {
    expect(header(kind: kind, rest), .done(length: 16 + rest.count, source: source))
  }

  @Test(arguments: [UInt8(0x00), 0x11, 0x21, 0x31, 0x12, 0xFF])
  func `what the proxy says of itself is skipped, whatever it is`(kind: UInt8) {
    expect(header(command: 0x20, kind: kind, [3, 0, 9]), .done(length: 19, source: nil))
  }

  // MARK: - What is refused

  @Test(arguments: [
    ("PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\n", "it is of version 1; have the proxy send version 2"),
    ("PROXY UNKNOWN\r\n", "it is of version 1"), ("GET / HTTP/1.1\r\n\r\n", "the connection begins without one"),
    ("PROXI", "the connection begins without one"), ("P RI", "the connection begins without one"),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "the connection begins without one"),
    ("\r\n\r\n\0\r\nQUIX\n", "the connection begins without one"),
    ("\u{16}\u{3}\u{1}\u{2}", "the connection begins without one"), ("\r\n\r\n\r\n", "begins without one"),
  ])
  func `a connection that begins otherwise is refused`(text: String, why: String) {
    expectFailure(Array(text.utf8), why)
  }

  @Test(arguments: [
    (UInt8(0x11), UInt8(0x11), address4, "its version is 1, not 2"), (0x31, 0x11, address4, "its version is 3, not 2"),
    (0x22, 0x11, address4, "its command is 2, neither"), (0x2F, 0x11, address4, "its command is 15, neither"),
    (0x21, 0x12, address4, "its addresses are of a kind that no stream has: 0x12"),
    (0x21, 0x41, address4, "its addresses are of a kind that no stream has: 0x41"),
    (0x21, 0x13, address4, "its addresses are of a kind that no stream has: 0x13"),
    (0x21, 0x11, Array(address4.dropLast()), "its 11 bytes are too few for addresses of 12"),
    (0x21, 0x21, address4, "its 12 bytes are too few for addresses of 36"),
    (0x21, 0x31, address4, "its 12 bytes are too few for addresses of 216"),
    (0x21, 0x11, address4 + [4], "it ends within an extension's type and length"),
    (0x21, 0x11, address4 + [4, 0], "it ends within an extension's type and length"),
    (0x21, 0x11, address4 + [4, 0, 2, 0], "it ends within an extension of type 4"),
    (0x21, 0x11, address4 + [4, 0xFF, 0xFF, 0], "it ends within an extension of type 4"),
    (0x21, 0x11, address4 + [3, 0, 3, 0, 0, 0], "its checksum has 3 bytes, not 4"),
    (0x21, 0x11, address4 + [3, 0, 4, 0, 0, 0, 0], "its checksum is wrong"),
  ])
  func `a header that breaks the format is refused`(command: UInt8, kind: UInt8, rest: [UInt8], why: String) {
    expectFailure(header(command: command, kind: kind, rest), why)
  }

  @Test func `a bit changed anywhere under a checksum is refused or names nobody else`() {
    let good = bytes(
      """
      0d0a0d0a000d0a515549540a 21110028 cb007107 c0000201 c738 01bb 02000b6578616d706c652e636f6d 030004f5eb9fda
      ea000401767063
      """)
    for bit in 0..<good.count * 8 {
      var changed = good
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      if case .done(_, let source?) = ProxyProtocol.parse(changed) {
        // Only a checksum's own type can change unseen: then there is none.
        #expect(source == "203.0.113.7", "bit \(bit)")
        #expect(bit / 8 == 42, "bit \(bit)")
      }
    }
  }

  @Test func `a header may be as long as the limit and no longer`() {
    let room = ProxyProtocol.longest - 16 - address4.count - 3
    func padded(_ count: Int) -> [UInt8] {
      header(kind: 0x11, address4 + [4, UInt8(count >> 8), UInt8(count & 0xFF)] + [UInt8](repeating: 0, count: count))
    }
    #expect(ProxyProtocol.parse(padded(room)) == .done(length: ProxyProtocol.longest, source: "192.0.2.7"))
    let told = "it has \(ProxyProtocol.longest + 1) bytes, \(ProxyProtocol.longest) is the limit"
    #expect(ProxyProtocol.parse(padded(room + 1)) == .failed(told))
    // It is told before the bytes are there.
    #expect(ProxyProtocol.parse(padded(room + 1).prefix(16)) == .failed(told))
  }

  @Test(arguments: UInt64(1)...10)
  func `any bytes give an answer`(seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15
    func random(below bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    for _ in 0..<2000 {
      let extensions = (0..<random(below: 80)).map { _ in UInt8(random(below: random(below: 2) == 0 ? 5 : 256)) }
      var input = header(command: 0x21, kind: [0, 0x11, 0x21][random(below: 3)], address4 + extensions)
      if random(below: 2) == 0 { input[random(below: input.count)] = UInt8(random(below: 256)) }
      if case .done(let length, _) = ProxyProtocol.parse(input) { #expect(length <= input.count) }
    }
  }

  // MARK: - Help

  private func header(command: UInt8 = 0x21, kind: UInt8, _ rest: [UInt8]) -> [UInt8] {
    bytes("0d0a0d0a000d0a515549540a") + [command, kind, UInt8(rest.count >> 8), UInt8(rest.count & 0xFF)] + rest
  }

  /// Whole, with more after it, and cut after every byte.
  private func expect(_ input: [UInt8], _ result: ProxyProtocol.Result) {
    guard case .done(let length, _) = result else { return }
    for count in 0..<length { #expect(ProxyProtocol.parse(input.prefix(count)) == .needsMore, "\(count) bytes") }
    for count in length...input.count { #expect(ProxyProtocol.parse(input.prefix(count)) == result) }
    #expect(ProxyProtocol.parse(input + [0x16, 3, 1]) == result)
  }

  /// Whole, and cut after every byte: first more is wanted, then it is refused, and never anything else.
  private func expectFailure(_ input: [UInt8], _ why: String) {
    var told: ProxyProtocol.Result?
    for count in 0...input.count {
      let result = ProxyProtocol.parse(input.prefix(count))
      if told == nil, result == .needsMore { continue }
      if let told { #expect(result == told, "\(count) bytes") }
      told = result
    }
    guard case .failed(let message) = told else {
      Issue.record("\(String(describing: told)) instead of a failure")
      return
    }
    #expect(message.contains(why), "\(message)")
  }
}

private let address4 = bytes("c0000207 7f000001 0001 0002")

private func address6(_ source: String) -> [UInt8] { bytes(source + "00000000000000000000000000000001 0001 0002") }

private func bytes(_ hex: String) -> [UInt8] {
  let digits = hex.compactMap(\.hexDigitValue).map(UInt8.init)
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
