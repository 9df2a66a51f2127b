import HTTPServer
import HTTPSyntax
import NIOCore
import Testing

struct ForwardedFieldsTests {
  /// One proxy's network and one proxy, and the addresses that a client claims for itself are not theirs.
  private static let trusted = AddressRanges(["10.0.0.0/8", "2001:db8:ffff::1"])

  private static func client(
    _ lines: String...
  ) throws -> (address: String?, scheme: String?, authority: String?) {
    var parser = RequestParser(limits: RequestParser.Limits())
    let fields = lines.map { $0 + "\r\n" }.joined()
    parser.receive(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"))
    guard case .head(let head) = try parser.next() else { throw Incomplete() }
    return ForwardedFields.client(of: head.headers, trusted: trusted)
  }

  private struct Incomplete: Error {}

  // MARK: - X-Forwarded-For

  @Test(arguments: [
    ("192.0.2.7", "192.0.2.7"), ("192.0.2.7:4711", "192.0.2.7"), ("2001:db8::1", "2001:db8::1"),
    ("2001:DB8:0:0::1", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"), ("[2001:db8::1]:4711", "2001:db8::1"),
    ("::ffff:192.0.2.7", "192.0.2.7"),
    // A client that says it is somebody else: the proxy wrote the end.
    ("127.0.0.1, 192.0.2.7", "192.0.2.7"), ("10.0.0.9, 192.0.2.7", "192.0.2.7"),
    ("6.6.6.6,6.6.6.7,\t192.0.2.7 ", "192.0.2.7"), ("\", 192.0.2.7", "192.0.2.7"),
    ("6.6.6.6, \"6.6.6.6, 192.0.2.7", "192.0.2.7"), ("garbage, 192.0.2.7", "192.0.2.7"),
    // Several proxies, each adding whom it saw.
    ("192.0.2.7, 10.0.0.1", "192.0.2.7"), ("6.6.6.6, 192.0.2.7, 2001:db8:ffff::1, 10.1.2.3", "192.0.2.7"),
    // A proxy is the client of another.
    ("10.0.0.5", "10.0.0.5"), ("10.0.0.5, 10.0.0.1", "10.0.0.5"),
    // What cannot be read ends it: as near to the client as is known.
    ("192.0.2.7, unknown, 10.0.0.1", "10.0.0.1"), ("6.6.6.6, [2001:db8::1, 10.0.0.1", "10.0.0.1"),
    ("192.0.2.7,, 10.0.0.1,", "192.0.2.7"),
  ])
  func `the client is the last of the list that is no trusted proxy`(list: String, address: String) throws {
    #expect(try Self.client("X-Forwarded-For: \(list)").address == address)
  }

  @Test(arguments: [
    "unknown", "", ",", "192.0.2.256", "192.0.2.7:", "192.0.2.7:x", "192.0.2.7:123456", "[192.0.2.7]:80",
    "[2001:db8::1",
    "[2001:db8::1]x", "[]", "[]:80", ":", "::1%lo", "host.example", "6.6.6.6 192.0.2.7", "\"192.0.2.7\"", "192.0.2.7;x",
    "6.6.6.6, _hidden", "é",
  ])
  func `a list whose end cannot be read tells no client`(list: String) throws {
    let client = try Self.client("X-Forwarded-For: \(list)")
    #expect(client.address == nil && client.scheme == nil)
  }

  @Test func `several lines are one list`() throws {
    #expect(
      try Self.client("X-Forwarded-For: 6.6.6.6", "Accept: a", "x-forwarded-for: 192.0.2.7, 10.0.0.2").address
        == "192.0.2.7")
    #expect(
      try Self.client("Forwarded: for=6.6.6.6;x=\"", "Forwarded: for=192.0.2.7", "Forwarded: for=10.0.0.2").address
        == "192.0.2.7")
  }

  @Test func `without a field there is nothing to tell`() throws {
    let client = try Self.client("Accept: a")
    #expect(client.address == nil && client.scheme == nil)
  }

  // MARK: - Forwarded

  @Test(arguments: [
    ("for=192.0.2.7", "192.0.2.7", nil), ("For=\"192.0.2.7:4711\"", "192.0.2.7", nil),
    ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17", nil), ("FOR=\"[2001:db8::1]\"", "2001:db8::1", nil),
    ("for=\"[2001:db8::1]:_port\"", "2001:db8::1", nil), ("for=192.0.2.43, for=10.0.0.17", "192.0.2.43", nil),
    ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60", "http"),
    ("proto=HTTPS;for=192.0.2.7;host=\"a,b;c=\\\"d\"", "192.0.2.7", "https"),
    ("for=\"192.0\\.2.7\"", "192.0.2.7", nil), (";;for=192.0.2.7 ; proto=\"https\" ;", "192.0.2.7", "https"),
    // The quotes that an address with colons should have are often left out.
    ("for=192.0.2.7:80", "192.0.2.7", nil), ("for=[2001:db8::1]:80", "2001:db8::1", nil),
    // The scheme is the client's, not that between proxies.
    ("for=192.0.2.7;proto=https, for=10.0.0.1;proto=http", "192.0.2.7", "https"),
    ("for=6.6.6.6;proto=https, for=192.0.2.7;proto=http", "192.0.2.7", "http"),
    ("for=192.0.2.7;proto=ftp", "192.0.2.7", nil), ("for=192.0.2.7;proto=\"\"", "192.0.2.7", nil),
    // A client that tries to swallow what the proxy appends.
    ("for=6.6.6.6;x=\", for=192.0.2.7", "192.0.2.7", nil),
    ("for=6.6.6.6;x=\"\\, for=\"[2001:db8::1]:80\"", "2001:db8::1", nil),
    ("for=6.6.6.6;x=\"a\\\", for=\"192.0.2.7\";by=\"_b\"", "192.0.2.7", nil),
    // What was hidden ends it.
    ("for=6.6.6.6, for=_hidden, for=10.0.0.1", "10.0.0.1", nil),
    ("for=6.6.6.6, for=unknown, for=10.0.0.1", "10.0.0.1", nil),
    ("for=6.6.6.6, proto=https, for=10.0.0.1", "10.0.0.1", nil),
    ("for=6.6.6.6, for=192.0.2.7;for=192.0.2.8, for=10.0.0.1", "10.0.0.1", nil),
    ("for=6.6.6.6, for=192.0.2.7;proto=http;proto=https, for=10.0.0.1;proto=https", "10.0.0.1", "https"),
  ])
  func `the client is found in Forwarded, with the scheme of its element`(
    value: String, address: String, scheme: String?
  ) throws {
    let client = try Self.client("Forwarded: \(value)")
    #expect(client.address == address)
    #expect(client.scheme == scheme)
  }

  @Test(arguments: [
    "for=_hidden", "for=\"_gazonk\"", "for=unknown", "by=192.0.2.7", "for", "for=", "=192.0.2.7", "for 192.0.2.7",
    "for =192.0.2.7", "for= 192.0.2.7", "for=192.0.2.7 proto=http", "for=\"192.0.2.7", "for=192.0.2.7\"",
    "for=\"192.0.2.7\"\"\"", "for=\"192.0.2.7\"x", "for=\"192.0.2.7\\", "for=192.0.2.7;;x", "for='192.0.2.7'",
    "for=\"[192.0.2.7]\"", "6.6.6.6", "f\u{F6}r=192.0.2.7", "for=6.6.6.6, for=x",
  ])
  func `an element that tells no address or breaks the grammar tells no client`(value: String) throws {
    #expect(try Self.client("Forwarded: \(value)").address == nil)
  }

  // MARK: - Both, and the scheme

  @Test func `both fields are believed where they agree`() throws {
    let client = try Self.client(
      "Forwarded: for=192.0.2.7;proto=https", "X-Forwarded-For: 192.0.2.7, 10.0.0.1", "X-Forwarded-Proto: http")
    #expect(client.address == "192.0.2.7")
    #expect(client.scheme == "https")
  }

  @Test(arguments: [
    ("for=6.6.6.6;proto=https", "192.0.2.7"), ("for=192.0.2.7", "6.6.6.6"), ("for=unknown", "6.6.6.6"),
    ("for=6.6.6.6", "unknown"), ("garbage", "192.0.2.7"),
  ])
  func `neither is believed where they do not: one of them is the client's invention`(
    forwarded: String, list: String
  ) throws {
    let client = try Self.client(
      "Forwarded: \(forwarded)", "X-Forwarded-For: \(list)", "X-Forwarded-Proto: https")
    #expect(client.address == nil && client.scheme == nil)
  }

  @Test(arguments: [
    ("192.0.2.7", "https", "https"), ("192.0.2.7", "HTTP", "http"), ("192.0.2.7", "wss", nil), ("192.0.2.7", "", nil),
    // One for each address: that of the client.
    ("192.0.2.7, 10.0.0.1", "https, http", "https"), ("6.6.6.6, 192.0.2.7, 10.0.0.1", "x, http, https", "http"),
    // Else what the nearest proxy wrote, at the end.
    ("192.0.2.7, 10.0.0.1", "https", "https"), ("192.0.2.7", "http, https", "https"),
  ])
  func `the scheme stands in a field of its own beside X-Forwarded-For`(
    list: String, protos: String, scheme: String?
  ) throws {
    let client = try Self.client("X-Forwarded-For: \(list)", "X-Forwarded-Proto: \(protos)")
    #expect(client.address == "192.0.2.7")
    #expect(client.scheme == scheme)
  }

  // MARK: - The host

  @Test(arguments: [
    ("rt.example.com", "rt.example.com"), ("rt.example.com:8443", "rt.example.com:8443"),
    ("[2001:db8::1]:80", "[2001:db8::1]:80"),
    // What the nearest proxy wrote stands at the end.
    ("evil.example, rt.example.com", "rt.example.com"),
    ("", nil), ("rt.example.com/path", nil), ("a@rt.example.com", nil), ("rt.example.com:x", nil), ("a b", nil),
  ])
  func `the host that the client asked stands in a field of its own`(hosts: String, authority: String?) throws {
    #expect(try Self.client("X-Forwarded-For: 192.0.2.7", "X-Forwarded-Host: \(hosts)").authority == authority)
    #expect(try Self.client("X-Forwarded-Host: \(hosts)").authority == authority)
  }

  @Test func `of several proxies the first one saw the host that the client asked`() throws {
    let hosts = "X-Forwarded-Host: evil.example, rt.example.com, inner.example"
    #expect(
      try Self.client("X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.0.0.1", hosts).authority == "rt.example.com")
    #expect(
      try Self.client(
        "Forwarded: for=6.6.6.6;host=evil.example, for=192.0.2.7;host=\"rt.example.com:8443\", for=10.0.0.1;host=b"
      )
      .authority == "rt.example.com:8443")
    #expect(try Self.client("Forwarded: for=192.0.2.7", hosts).authority == "inner.example")
    #expect(try Self.client("Forwarded: for=192.0.2.7;host=\"a/b\"").authority == nil)
    #expect(try Self.client("Forwarded: for=192.0.2.7;host=a;host=b").authority == nil)
  }

  @Test func `no host is believed where two fields tell different clients`() throws {
    let client = try Self.client(
      "Forwarded: for=6.6.6.6;host=evil.example", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Host: rt.example.com")
    #expect(client.authority == nil)
  }

  @Test func `a proxy may tell the scheme alone`() throws {
    let client = try Self.client("X-Forwarded-Proto: https")
    #expect(client.address == nil)
    #expect(client.scheme == "https")
    #expect(try Self.client("Forwarded: for=192.0.2.7", "X-Forwarded-Proto: https").scheme == "https")
    #expect(try Self.client("Forwarded: proto=https").scheme == nil)
  }
}
