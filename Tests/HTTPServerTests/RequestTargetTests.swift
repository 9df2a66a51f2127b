import HTTPServer
import Testing

struct RequestTargetTests {
  @Test(arguments: [
    ("/", "/"), ("/v1/stream", "/v1/stream"), ("/a%2Fb", "/a%2Fb"), ("/?x", "/"), ("/%C3%A9", "/%C3%A9"),
    ("http://example.com/a?b=c", "/a"), ("HTTP://example.com", "/"), ("https://[::1]:8080?x=1", "/"),
    ("/a:b@c", "/a:b@c"), ("//x", "//x"),
  ])
  func `the path stays as sent`(raw: String, path: String) throws {
    #expect(try #require(RequestTarget(raw)).rawPath == path)
  }

  @Test(arguments: [
    "", "a", "*", "example.com:443", "?a", "/a b", "/a\u{7F}", "/a\tb", "/\u{E9}", "/a#b", "/%", "/%4", "/%4G",
    "/%00", "/%0a", "/%7F", "/%C3", "/%FF", "/%C0%AF", "/%ED%A0%80", "/a?b=%", "/a?%C3=1", "/a?b=%1F",
    "http://", "http:///a", "http://user@host/", "http://a:b/", "http://a:99999/", "ftp://a/", "http://[::1/",
    "http://a b/",
  ])
  func `what no client means is refused`(raw: String) {
    #expect(RequestTarget(raw) == nil)
  }

  @Test(arguments: [
    ("/?a=1&b=2", [["a", "1"], ["b", "2"]]), ("/?a", [["a", ""]]), ("/?a=", [["a", ""]]), ("/?=b", [["", "b"]]),
    ("/?a=b=c", [["a", "b=c"]]), ("/?&&a=1&", [["a", "1"]]), ("/?", []), ("/", []), ("/?a=x+y", [["a", "x+y"]]),
    ("/?topic=orders.%2A&topic=a", [["topic", "orders.*"], ["topic", "a"]]), ("/?%61=%C3%A9", [["a", "é"]]),
    ("/?a=?b", [["a", "?b"]]), ("/?a=%26%3D", [["a", "&="]]),
  ])
  func `query names and values are decoded in order`(raw: String, expected: [[String]]) throws {
    let target = try #require(RequestTarget(raw))
    #expect(target.query.map { [$0.name, $0.value] } == expected)
  }

  @Test func `an absolute target carries its authority`() {
    #expect(RequestTarget("http://a.example:81/x")?.authority == "a.example:81")
    #expect(RequestTarget("/x")?.authority == nil)
  }

  @Test(arguments: [("a%2fb", "a/b"), ("%e2%82%AC", "€"), ("a+b", "a+b"), ("", "")])
  func `escapes decode`(raw: String, text: String) {
    #expect(RequestTarget.percentDecode(raw) == text)
  }
}
