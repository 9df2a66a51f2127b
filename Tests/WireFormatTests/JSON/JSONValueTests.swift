import Testing
import WireFormat

struct JSONValueTests {
  @Test func `values are written in the order they were given, escaped where they must be`() {
    let value: JSONValue = [
      "z": nil, "a": true, "n": -12, "u": .uint(.max), "d": .double(0.1), "big": .double(1e300),
      "s": "tab\t quote\" back\\ nul\u{0} bell\u{7} esc\u{1b} del\u{7f} é 𝄞 \u{8}\u{c}\n\r /",
      "list": [1, "x", []], "raw": .raw(Array("1.50".utf8)), "none": .double(.infinity), "o": .object([]),
    ]
    let expected =
      #"{"z":null,"a":true,"n":-12,"u":18446744073709551615,"d":0.1,"big":1e+300,"#
      + #""s":"tab\t quote\" back\\ nul\u0000 bell\u0007 esc\u001b del"# + "\u{7f}" + #" é 𝄞 \b\f\n\r /","#
      + #""list":[1,"x",[]],"raw":1.50,"none":null,"o":{}}"#
    #expect(String(decoding: value.encoded, as: UTF8.self) == expected)
  }

  @Test(arguments: [Int.min, -1, 0, 9, 10, 99, 100, 1_042, Int.max])
  func `whole numbers are written in full`(number: Int) {
    #expect(JSONValue.int(number).encoded == Array("\(number)".utf8))
    #expect(JSONValue.uint(UInt64(number.magnitude)).encoded == Array("\(number.magnitude)".utf8))
  }

  @Test func `a text becomes a value one can look into`() throws {
    let value = try JSONValue(
      parsing: Array(#" {"a":[1,-2,18446744073709551615,1.5,-0,1e2],"é\n":"\ud83d\ude00","t":true,"n":null} "#.utf8))
    #expect(value["a"] == [1, -2, .uint(.max), .double(1.5), .double(-0.0), .double(100)])
    #expect(value["é\n"]?.stringValue == "😀")
    #expect(value["t"]?.boolValue == true)
    #expect(value["n"]?.isNull == true)
    #expect(value["missing"] == nil)
    #expect(value["a"]?.arrayValue?[2].uintValue == .max)
    #expect(value["a"]?.arrayValue?[2].intValue == nil)
    #expect(value["a"]?.arrayValue?[1].uintValue == nil)
    #expect(value["a"]?.arrayValue?[0].doubleValue == 1)
    #expect(value.objectValue?.map(\.0) == ["a", "é\n", "t", "n"])
  }

  @Test(arguments: ["123456789012345678901234567890", "1e999", #""\ud800""#, #"{"\udc00":1}"#])
  func `what no case can hold stays the text it was`(text: String) throws {
    let value = try JSONValue(parsing: Array(text.utf8))
    #expect(value == .raw(Array(text.utf8)))
    #expect(value.encoded == Array(text.utf8))
  }

  @Test(arguments: JSONSamples.valid)
  func `a value survives being written and read again`(text: String) throws {
    let value = try JSONValue(parsing: Array(text.utf8))
    #expect(try JSONValue(parsing: value.encoded) == value)
  }

  @Test func `a text that is not JSON is not a value`() {
    #expect(throws: JSONError.trailingBytes(at: 2)) { try JSONValue(parsing: Array("1 2".utf8)) }
    #expect(throws: JSONError.tooDeep(at: 1, limit: 1)) { try JSONValue(parsing: Array("[[]]".utf8), maxDepth: 1) }
  }
}
