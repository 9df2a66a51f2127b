import Testing
import WireFormat

@Suite struct ReceivedObjectTests {
  private let message = Array(
    #"{"id":"4fk2q9-1042","topic":"orders.42","seq":17,"time":1795348212123,"data":{"a":[1,"]}"],"b":"\"}"}}"#.utf8)

  @Test func `members are found, and their bytes are as sent`() throws {
    let object = try #require(ReceivedObject(message))
    #expect(object.string("id") == "4fk2q9-1042")
    #expect(object.integer("seq") == 17)
    #expect(object.raw("data").map { String(decoding: $0, as: UTF8.self) } == #"{"a":[1,"]}"],"b":"\"}"}"#)
    #expect(object.raw("event") == nil)
    #expect(object.string("seq") == nil)
    #expect(object.integer("topic") == nil)
  }

  @Test func `an object cut short anywhere is nil`() {
    for cut in 0..<message.count { #expect(ReceivedObject(Array(message[..<cut])) == nil, "cut at \(cut)") }
  }

  @Test(arguments: ["", "[]", "1", "null", "{", "{}}", #"{"a" 1}"#, #"{"a":}"#, #"{"a":1,}"#, #"{a:1}"#, #"{"a":1]"#])
  func `what is not one object is nil`(_ text: String) {
    #expect(ReceivedObject(Array(text.utf8)) == nil)
  }

  @Test func `whitespace between tokens does not matter`() throws {
    let object = try #require(ReceivedObject(Array(" { \"a\" : 1 , \"b\" : [ 1 , { } , \"x\" ] } \n".utf8)))
    #expect(object.integer("a") == 1)
    #expect(object.elements("b")?.map { String(decoding: $0, as: UTF8.self) } == ["1", "{ }", "\"x\""])
    #expect(object.elements("a") == nil)
    #expect(ReceivedObject(Array(#"{"a":[]}"#.utf8))?.elements("a") == [])
  }

  @Test(arguments: [
    (#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{c}\n\r\tz"), (#""\u00e4\u20ac""#, "ä€"), (#""\ud834\udd1e""#, "𝄞"),
    (#""ü\u0041ü""#, "üAü"), (#""""#, ""),
  ])
  func `strings are decoded`(_ encoded: String, _ decoded: String) {
    #expect(ReceivedObject(Array("{\"s\":\(encoded)}".utf8))?.string("s") == decoded)
  }
}
