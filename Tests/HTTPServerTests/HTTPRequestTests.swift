import HTTPServer
import NIOCore
import HTTPSyntax
import Testing

struct HTTPRequestTests {
  @Test(arguments: [
    ("GET", HTTPVersion.http1_1, ["Upgrade": "websocket", "Connection": "Upgrade"], true),
    ("GET", .http1_1, ["Upgrade": "h2c, WebSocket", "Connection": "keep-alive,\tupgrade "], true),
    ("POST", .http1_1, ["Upgrade": "websocket", "Connection": "Upgrade"], false),
    ("get", .http1_1, ["Upgrade": "websocket", "Connection": "Upgrade"], false),
    ("GET", .http1_0, ["Upgrade": "websocket", "Connection": "Upgrade"], false),
    ("GET", .http1_1, ["Upgrade": "websocket"], false), ("GET", .http1_1, ["Connection": "Upgrade"], false),
    ("GET", .http1_1, ["Upgrade": "websocketx", "Connection": "Upgrade"], false),
    ("GET", .http1_1, ["Upgrade": "websocket", "Connection": "Upgrade", "Content-Length": "0"], true),
    ("GET", .http1_1, ["Upgrade": "websocket", "Connection": "Upgrade", "Content-Length": "5"], false),
    ("GET", .http1_1, ["Upgrade": "websocket", "Connection": "Upgrade", "Transfer-Encoding": "chunked"], false),
    ("GET", .http1_1, ["Upgrade": "web socket", "Connection": "upgrade"], false),
  ])
  func `a request wants a websocket only with all it takes`(
    method: String, version: HTTPVersion, fields: [String: String], wants: Bool
  ) throws {
    let lines = fields.map { "\($0.key): \($0.value)\r\n" }.joined()
    let version = version == .http1_0 ? "HTTP/1.0" : "HTTP/1.1"
    let head = try Self.head("\(method) /v1/stream \(version)\r\nHost: a\r\n\(lines)\r\n")
    let request = HTTPRequest(
      head: head, target: try #require(RequestTarget(head.target)), remoteAddress: "127.0.0.1", scheme: "http")
    #expect(request.wantsWebSocket == wants)
  }

  private static func head(_ text: String) throws -> RequestHead {
    var parser = RequestParser(limits: RequestParser.Limits())
    parser.receive(ByteBuffer(string: text))
    guard case .head(let head) = try parser.next() else { throw Incomplete() }
    return head
  }

  private struct Incomplete: Error {}

  // MARK: - Its fields

  private static func fields(_ lines: String) throws -> RequestFields {
    try head("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n").headers
  }

  @Test func `a token is found in any line and letter case, and only whole`() throws {
    let fields = try Self.fields("Connection: keep-alive\r\nconnection: , Foo ,,bar\r\n")
    #expect(fields.hasToken("foo", in: "Connection"))
    #expect(fields.hasToken("BAR", in: "connection"))
    #expect(fields.hasToken("Keep-Alive", in: "CONNECTION"))
    #expect(!fields.hasToken("keep", in: "connection"))
    #expect(!fields.hasToken("", in: "connection"))
    #expect(!fields.hasToken("foo", in: "upgrade"))
  }

  @Test func `a field is found by its whole name in any letter case, its values in the order sent`() throws {
    let fields = try Self.fields("X-Name: \t one \r\nx-nAME:two\r\nX-Nam: three\r\nX-Name-: four\r\nEmpty:\r\n")
    #expect(fields["x-name"] == ["one", "two"])
    #expect(fields.first(name: "X-NAME") == "one")
    #expect(fields.isRepeated("x-name") && !fields.isRepeated("x-nam") && !fields.isRepeated("x"))
    #expect(fields.first(name: "empty") == "" && fields.contains(name: "empty"))
    #expect(fields.first(name: "nam") == nil && fields["name"] == [] && !fields.contains(name: "x-name--"))
  }

  @Test(arguments: [
    ("Accept: a, b\r\nAccept: c\r\n", ["a", "b", "c"]), ("Accept: , ,a;q=1 ,\t\r\n", ["a;q=1"]), ("", []),
    ("Accept:\r\n", []), ("Accept: a b\r\n", ["a b"]),
  ])
  func `a list's elements come without blanks and without empty ones`(lines: String, elements: [String]) throws {
    #expect(try Self.fields(lines)[canonicalForm: "accept"].map(String.init) == elements)
  }

  @Test func `a name is not found where letters differ by more than their case`() throws {
    // 0x5F and 0x7F, 0x40 and 0x60 differ in the bit that tells upper case from lower.
    #expect(!(try Self.fields("a`b: 1\r\n")).contains(name: "a@b"))
    #expect(try Self.fields("A^B: 1\r\n").contains(name: "a^b"))
    #expect(!(try Self.fields("A^B: 1\r\n")).contains(name: "a~b"))
  }
}
