import StreamLog
import Testing
import WireFormat

struct StreamBodyTests {
  private func body(_ text: String) throws -> StreamBody { try StreamBody(Array(text.utf8), maxTopics: 3) }

  @Test func `every member is read`() throws {
    let body = try body(
      #"{"topics":["a","b.*"],"since":"earliest","rewind":2,"wait":25,"limit":100,"transport":"sse","format":"raw"}"#)
    #expect(body.topics.map(\.string) == ["a", "b.*"])
    #expect(body.since == "earliest")
    #expect(body.rewind == 2)
    #expect(body.wait == 25)
    #expect(body.limit == 100)
    #expect(body.transport == "sse")
    #expect(body.format == "raw")
  }

  @Test func `what is not given is nil, and no topics are none`() throws {
    let body = try body("{}")
    #expect(body.topics.isEmpty)
    #expect(body.since == nil && body.rewind == nil && body.wait == nil && body.limit == nil)
    #expect(body.transport == nil && body.format == nil)
  }

  @Test(arguments: [#"{"topic":"a"}"#, #"{"topic":["a"]}"#, #"{"topics":["a"]}"#])
  func `topics may be called topic`(text: String) throws {
    #expect(try body(text).topics.map(\.string) == ["a"])
  }

  @Test func `the same topic twice is one topic`() throws {
    #expect(try body(#"{"topics":["b","a","b"]}"#).topics.map(\.string) == ["b", "a"])
  }

  @Test func `topics are counted before any of them is read`() {
    for key in ["topic", "topics"] {
      let problem = #expect(throws: Problem.self) { try body(#"{"\#(key)":["a","b","c","no topic"]}"#) }
      #expect(problem?.code == .tooManyTopics)
    }
  }

  @Test(
    arguments: [
      ("", .invalidJSON, nil), ("[]", .badRequest, nil), (#"{"topic":1}"#, .invalidParameter, "topic"),
      (#"{"topic":"a","topics":["b"]}"#, .invalidParameter, "topics"), (#"{"topic":"a b"}"#, .invalidPattern, "topic"),
      (#"{"topics":["a",""]}"#, .invalidPattern, "topics"), (#"{"wait":-1}"#, .invalidParameter, "wait"),
      (#"{"wait":1.5}"#, .invalidParameter, "wait"), (#"{"since":1}"#, .invalidParameter, "since"),
      (#"{"limt":1}"#, .unknownParameter, "limt"), (#"{"limit":1,"limit":1}"#, .invalidParameter, "limit"),
    ] as [(String, Problem.Code, String?)])
  func `what cannot be read is refused by its member`(text: String, code: Problem.Code, parameter: String?) {
    let problem = #expect(throws: Problem.self) { try body(text) }
    #expect(problem?.code == code)
    #expect(problem?.parameter == parameter)
  }
}
