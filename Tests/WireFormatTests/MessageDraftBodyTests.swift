import StreamLog
import Testing
import WireFormat

struct MessageDraftBodyTests {
  private func draft(_ body: String, _ contentType: String?, event: String? = nil) throws -> MessageDraft {
    try MessageDraft(body: Array(body.utf8), contentType: contentType, event: event)
  }

  private func text(_ draft: MessageDraft) -> String { String(decoding: draft.data, as: UTF8.self) }

  @Test(arguments: [
    "application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json;charset=\"UTF-8\"",
    "application/vnd.x+json", "application/cloudevents+json ; charset=utf8", " application/json ;",
  ])
  func `a JSON body is data, kept but for whitespace`(contentType: String) throws {
    let draft = try draft(" { \"a\" : 1.0 }\n", contentType)
    #expect(draft.kind == .json)
    #expect(text(draft) == "{\"a\":1.0}")
    #expect(draft.contentType == nil)
  }

  @Test(arguments: [
    "text/plain", "text/html", "Text/Plain; Charset=UTF-8", "text/csv; header=present; charset=us-ascii",
    "text/plain; charset=\"utf-8\"; x=\"a;b\"",
  ])
  func `a text body becomes a JSON string`(contentType: String) throws {
    let draft = try draft("say \"hi\"\n\u{1}é\\", contentType)
    #expect(draft.kind == .text)
    #expect(text(draft) == #""say \"hi\"\n\u0001é\\""#)
    #expect(draft.contentType == nil)
  }

  @Test func `an empty text is an empty string and an empty JSON body an error`() throws {
    #expect(text(try draft("", "text/plain")) == "\"\"")
    #expect(throws: PayloadError.invalidJSON(.empty)) { try draft("", "application/json") }
    #expect(text(try draft("", nil)) == "\"\"")
  }

  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"), ("\u{0}\u{10}\u{83}", "ABDCgw=="), ("~~~???", "fn5+Pz8/"),
  ])
  func `any other body becomes base64`(body: String, base64: String) throws {
    let draft = try draft(body, "application/x-any; v=1")
    #expect(draft.kind == .binary)
    #expect(text(draft) == "\"\(base64)\"")
    #expect(draft.contentType == "application/x-any; v=1")
    #expect(Base64.encode(Array(body.utf8)) == Array(base64.utf8))
  }

  @Test func `a body without a content type is bytes`() throws {
    let draft = try draft("{}", nil)
    #expect(draft.kind == .binary)
    #expect(draft.contentType == "application/octet-stream")
  }

  @Test(arguments: ["text/plain; charset=iso-8859-1", "application/json; charset=utf-16", "text/plain;charset=\"x y\""])
  func `a charset that is not UTF-8 is refused by name`(contentType: String) throws {
    let error = #expect(throws: PayloadError.self) { try draft("{}", contentType) }
    #expect(error?.code == .unsupportedCharset)
    let charset = contentType.split(separator: "=").last.map { $0.filter { $0 != "\"" } }
    #expect(error?.description.contains(try #require(charset)) == true)
  }

  @Test(arguments: [
    "", "json", "/", "a/", "/b", "a/b/c", "a b/c", "text/plain; charset", "text/plain; =x", "text/plain; a=b c",
    "té/xt", "a/" + String(repeating: "b", count: 254),
  ])
  func `what is no media type is refused`(contentType: String) {
    #expect(throws: PayloadError.unsupportedMediaType(contentType)) { try draft("x", contentType) }
  }

  @Test(arguments: JSONSamples.notUTF8)
  func `a text that is not UTF-8 is refused at its first bad byte`(bytes: [UInt8]) {
    for prefix in ["", "a", "12345678", "12345678é"] {
      #expect(throws: PayloadError.invalidUTF8(at: prefix.utf8.count)) {
        try MessageDraft(body: Array(prefix.utf8) + bytes, contentType: "text/plain", event: nil)
      }
    }
  }

  @Test(arguments: ["a", "message", "order.created", "a b", "!~", String(repeating: "e", count: 64), "Open", "hello2"])
  func `1 to 64 printable ASCII bytes are an event`(event: String) throws {
    #expect(try draft("1", "application/json", event: event).event == event)
  }

  @Test(
    arguments: ["", " ", " a", "a ", "é", "a\nb", "a\u{7f}", "\u{0}", String(repeating: "e", count: 65), "open"]
      + Control.names)
  func `anything else is no event, on any body`(event: String) {
    for contentType in [nil, "application/json", "text/plain"] {
      let error = #expect(throws: PayloadError.self) { try draft("1", contentType, event: event) }
      #expect(error?.code == .invalidEvent)
      #expect(error?.problem.parameter == "event")
    }
  }
}
