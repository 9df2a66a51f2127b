import HTTPServer
import NIOHTTP1
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
    let target = try #require(RequestTarget("/v1/stream"))
    let headers = HTTPHeaders(fields.map { ($0.key, $0.value) })
    let request = HTTPRequest(method: method, target: target, headers: headers, version: version)
    #expect(request.wantsWebSocket == wants)
  }

  @Test func `a token is found in any line and letter case, and only whole`() {
    let headers: HTTPHeaders = ["Connection": "keep-alive", "connection": " , Foo ,,bar"]
    #expect(headers.hasToken("foo", in: "Connection"))
    #expect(headers.hasToken("BAR", in: "connection"))
    #expect(headers.hasToken("Keep-Alive", in: "CONNECTION"))
    #expect(!headers.hasToken("keep", in: "connection"))
    #expect(!headers.hasToken("", in: "connection"))
    #expect(!headers.hasToken("foo", in: "upgrade"))
  }
}
