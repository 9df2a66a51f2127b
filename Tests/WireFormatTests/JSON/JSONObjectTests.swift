import Testing
import WireFormat

struct JSONObjectTests {
  private func object(_ text: String) throws -> JSONObject { try JSONObject(Array(text.utf8), what: "a thing") }

  @Test func `members are read by their type`() throws {
    let thing = try object(#" { "s" : "\u0061b" , "i":12, "b":false, "l":["x","y"], "r" : { "k" : [ 1 ] }, "z":null}"#)
    #expect(try thing.string("s") == "ab")
    #expect(try thing.int("i") == 12)
    #expect(try thing.bool("b") == false)
    #expect(try thing.strings("l") == ["x", "y"])
    #expect(thing.raw("r") == Array(#"{"k":[1]}"#.utf8))
    #expect(thing.isNull("z"))
    #expect(thing.has("z"))
    #expect(!thing.has("q"))
    #expect(try thing.string("q") == nil)
    #expect(try thing.int("q") == nil)
    #expect(try thing.bool("q") == nil)
    #expect(try thing.strings("q") == nil)
    #expect(thing.raw("q") == nil)
  }

  @Test func `a member of another type is refused by its name`() throws {
    let thing = try object(#"{"a":1.5,"b":"x","c":[1],"d":-1,"e":null,"f":"\ud800","g":1e2,"h":99999999999999999999}"#)
    let reads: [(String, (String) throws -> Void)] = [
      ("a", { _ = try thing.int($0) }), ("b", { _ = try thing.int($0) }), ("d", { _ = try thing.int($0) }),
      ("g", { _ = try thing.int($0) }), ("h", { _ = try thing.int($0) }), ("a", { _ = try thing.string($0) }),
      ("e", { _ = try thing.string($0) }), ("f", { _ = try thing.string($0) }), ("b", { _ = try thing.bool($0) }),
      ("c", { _ = try thing.strings($0) }), ("b", { _ = try thing.strings($0) }),
    ]
    for (key, read) in reads {
      let problem = #expect(throws: Problem.self) { try read(key) }
      #expect(problem?.code == .invalidParameter)
      #expect(problem?.parameter == key)
    }
  }

  @Test func `a number outside its range is refused with the range`() throws {
    let thing = try object(#"{"n":61}"#)
    let problem = #expect(throws: Problem.self) { try thing.int("n", in: 0...60) }
    #expect(problem?.detail == "'n' must be a whole number from 0 to 60, without quotes, fraction or exponent.")
  }

  @Test func `an unknown member is refused with the one that was meant`() throws {
    let problem = #expect(throws: Problem.self) { try object(#"{"topcs":[]}"#).check(allowed: ["topics", "since"]) }
    #expect(problem?.code == .unknownParameter)
    #expect(problem?.parameter == "topcs")
    #expect(problem?.detail == "There is no 'topcs' here. Did you mean 'topics'? Known: topics and since.")
    let far = #expect(throws: Problem.self) { try object(#"{"colour":[]}"#).check(allowed: ["topics", "since"]) }
    #expect(far?.detail == "There is no 'colour' here. Known: topics and since.")
  }

  @Test func `a member that stands twice is refused, however it is written`() throws {
    let problem = #expect(throws: Problem.self) { try object(#"{"a":1,"\u0061":2}"#).check(allowed: ["a"]) }
    #expect(problem?.code == .invalidParameter)
    #expect(problem?.parameter == "a")
  }

  @Test(arguments: ["[]", "1", "\"x\"", "null", " true"])
  func `what is no object is refused`(text: String) {
    let problem = #expect(throws: Problem.self) { try object(text) }
    #expect(problem?.code == .badRequest)
  }

  @Test func `what is no JSON is refused with the place`() {
    #expect(throws: Problem.invalidJSON(.truncated(at: 1))) { try object("{") }
  }

  @Test func `a long unknown name is shown shortened and printable`() throws {
    let long = String(repeating: "x", count: 10_000)
    let problem = #expect(throws: Problem.self) { try object("{\"\\u0007\(long)\":1}").check(allowed: ["a"]) }
    #expect((problem?.detail.count ?? .max) < 200)
    #expect(problem?.parameter?.unicodeScalars.contains("\u{7}") == false)
  }
}
