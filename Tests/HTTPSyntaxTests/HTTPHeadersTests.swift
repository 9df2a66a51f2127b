import HTTPSyntax
import NIOCore
import Testing

struct HTTPHeadersTests {
  private static let headers: HTTPHeaders = ["A": "1", "b": "2, 3", "a": "4"]

  @Test func `Fields keep their order and the case of their names`() {
    #expect(Self.headers.map { "\($0.name)=\($0.value)" } == ["A=1", "b=2, 3", "a=4"])
    #expect(Self.headers.count == 3 && !Self.headers.isEmpty)
    #expect(HTTPHeaders().isEmpty)
    var more: HTTPHeaders = ["c": "5"]
    more.add(contentsOf: Self.headers)
    more.add(name: "D", value: "6")
    #expect(more.map { $0.name } == ["c", "A", "b", "a", "D"])
  }

  @Test func `Names are found in any case, and only whole`() {
    #expect(Self.headers["a"] == ["1", "4"] && Self.headers["B"] == ["2, 3"] && Self.headers["c"] == [])
    #expect(Self.headers.first(name: "a") == "1" && Self.headers.first(name: "ab") == nil)
    #expect(Self.headers.contains(name: "B") && !Self.headers.contains(name: ""))
    // These bytes differ in the bit that tells upper case from lower, and are not letters.
    #expect(!(["a`": ""] as HTTPHeaders).contains(name: "a@"))
    #expect(!(["K": ""] as HTTPHeaders).contains(name: "\u{212A}"))
  }

  @Test func `Replacing removes every field of the name`() {
    var headers = Self.headers
    headers.replaceOrAdd(name: "A", value: "5")
    headers.replaceOrAdd(name: "C", value: "6")
    #expect(headers == ["b": "2, 3", "a": "5", "c": "6"])
    #expect(headers != ["b": "2, 3", "c": "6", "a": "5"])
  }

  @Test(arguments: [
    ("close", true), ("Keep-Alive, CLOSE", true), (" ,close\t", true), ("closed", false), ("clo se", false),
    ("", false),
  ])
  func `A token is found in a list, whole and in any case`(value: String, isFound: Bool) {
    #expect((["X": "close", "connection": value] as HTTPHeaders).hasToken("close", in: "Connection") == isFound)
  }

  // MARK: - Requests

  @Test func `A request head is written as RFC 9112 has it`() throws {
    var bytes = ByteBuffer()
    try RequestWriter.write(.POST, "/a?b", ["Host": "h", "X": "größer\t1"], to: &bytes)
    #expect(String(buffer: bytes) == "POST /a?b HTTP/1.1\r\nHost: h\r\nX: größer\t1\r\n\r\n")
  }

  @Test(arguments: [
    ("X", "a\r\nEvil: b", HTTPSyntaxError.malformedHeaderValue), ("X", "a\nb", .malformedHeaderValue),
    ("X", "a\rb", .malformedHeaderValue), ("X", "\0", .malformedHeaderValue), ("X", "\u{7F}", .malformedHeaderValue),
    ("X: a\r\nEvil", "b", .malformedHeaderName), ("", "b", .malformedHeaderName), ("X ", "b", .malformedHeaderName),
    ("ü", "b", .malformedHeaderName),
  ])
  func `A field that would be read as something else is not written`(
    name: String, value: String, error: HTTPSyntaxError
  ) {
    var bytes = ByteBuffer()
    #expect(throws: error) { try RequestWriter.write(.GET, "/", HTTPHeaders([(name, value)]), to: &bytes) }
    #expect(bytes.readableBytes == 0)
  }

  // MARK: - Status lines

  @Test func `Reason phrases are those of the registry`() {
    #expect(ReasonPhrase.of(200) == "OK" && ReasonPhrase.of(426) == "Upgrade Required")
    #expect(ReasonPhrase.of(418) == "I'm a teapot" && ReasonPhrase.of(499) == "")
  }
}
