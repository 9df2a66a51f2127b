import StreamLog
import Testing
import WireFormat

struct PublishRequestTests {
  private func request(_ text: String, maxItems: Int = 10, bytes: Int = 1000) throws -> PublishRequest {
    try PublishRequest(Array(text.utf8), limits: .init(messages: maxItems, bytes: bytes, messageBytes: 20))
  }

  @Test func `messages come in their order, each with what it asks for`() throws {
    let items = try request(
      #"""
      {"messages":[
        {"topic":"a","data":{"x": 1},"event":"e","key":"k 1","if_last":"4fk2q9-3"},
        {"topics":["a","b.c"],"data":null},
        {"topic":"a","data":"s","if_last":null}
      ]}
      """#
    ).items.map { try $0.get() }
    #expect(items.map { $0.topics.map(\.string) } == [["a"], ["a", "b.c"], ["a"]])
    #expect(items.map { String(decoding: $0.draft.data, as: UTF8.self) } == [#"{"x":1}"#, "null", "\"s\""])
    #expect(items.map(\.draft.event) == ["e", nil, nil])
    #expect(items.map(\.key) == ["k 1", nil, nil])
    #expect(items.map(\.ifLast) == [.lastIs("4fk2q9-3"), nil, .neverPublished])
  }

  static let faults: [(item: String, code: Problem.Code, parameter: String?)] = [
    ("1", .badRequest, nil),
    ("[]", .badRequest, nil),
    (#"{"data":1}"#, .missingParameter, "topic"),
    (#"{"topic":"a"}"#, .missingParameter, "data"),
    (#"{"topic":"a","topics":["b"],"data":1}"#, .invalidParameter, "topics"),
    (#"{"topic":["a"],"data":1}"#, .invalidParameter, "topic"),
    (#"{"topics":"a","data":1}"#, .invalidParameter, "topics"),
    (#"{"topics":[],"data":1}"#, .invalidParameter, "topics"),
    (#"{"topics":["a","b","a"],"data":1}"#, .invalidParameter, "topics"),
    (#"{"topics":["a","b c"],"data":1}"#, .invalidTopic, "topics"),
    (#"{"topic":"a.>","data":1}"#, .invalidTopic, "topic"),
    (#"{"topic":"$sys.a","data":1}"#, .reservedTopic, nil),
    (#"{"topics":["a","$sys.a"],"data":1}"#, .reservedTopic, nil),
    (#"{"topic":"a","data":1,"event":"error"}"#, .invalidEvent, "event"),
    (#"{"topic":"a","data":1,"key":"é"}"#, .invalidParameter, "key"),
    (#"{"topic":"a","data":1,"key":7}"#, .invalidParameter, "key"),
    (#"{"topic":"a","data":1,"if_last":7}"#, .invalidParameter, "if_last"),
    (#"{"topics":["a","b"],"data":1,"if_last":"4fk2q9-3"}"#, .invalidParameter, "if_last"),
    (#"{"topics":["a","b"],"data":1,"if_last":null}"#, .invalidParameter, "if_last"),
    (#"{"topic":"a","data":1,"evnt":"x"}"#, .unknownParameter, "evnt"),
    (#"{"topic":"a","data":1,"data":2}"#, .invalidParameter, "data"),
  ]

  @Test(arguments: faults)
  func `a message's own fault leaves the others alone`(item: String, code: Problem.Code, parameter: String?) throws {
    let items = try request(#"{"messages":[{"topic":"a","data":1},"# + item + #",{"topic":"b","data":2}]}"#).items
    #expect(items.count == 3)
    #expect(try items[0].get().topics.map(\.string) == ["a"])
    #expect(try items[2].get().topics.map(\.string) == ["b"])
    let problem = #expect(throws: Problem.self) { try items[1].get() }
    #expect(problem?.code == code)
    #expect(problem?.parameter == parameter)
  }

  @Test(
    arguments: [
      ("", .invalidJSON), (#"{"messages":[{"topic":"a","data":1}]"#, .invalidJSON), ("[]", .badRequest),
      ("{}", .missingParameter), (#"{"messages":{}}"#, .invalidParameter), (#"{"message":[]}"#, .unknownParameter),
      (#"{"messages":[],"messages":[]}"#, .invalidParameter), (#"{"messages":[1,2,3]}"#, .tooManyItems),
    ] as [(String, Problem.Code)])
  func `what is no such request is refused as a whole`(text: String, code: Problem.Code) {
    let problem = #expect(throws: Problem.self) { try request(text, maxItems: 2) }
    #expect(problem?.code == code)
  }

  @Test func `a message counts once for each of its topics`() throws {
    let both = #"{"messages":[{"topics":["a","b"],"data":"123456"},{"topic":"c","data":1}]}"#
    #expect(try request(both, maxItems: 3, bytes: 17).items.count == 2)
    #expect(#expect(throws: Problem.self) { try request(both, maxItems: 2) }?.code == .tooManyItems)
    #expect(#expect(throws: Problem.self) { try request(both, bytes: 16) }?.code == .bodyTooLarge)
    // What is wrong with a topic does not matter where there are too many.
    let many = #"{"messages":[{"topics":["a","b","no topic"],"data":1}]}"#
    #expect(#expect(throws: Problem.self) { try request(many, maxItems: 2) }?.code == .tooManyItems)
  }

  @Test func `a message that is too long is its own fault`() throws {
    let long = #"{"topic":"a","data":"\#(String(repeating: "x", count: 19))"}"#
    let items = try request(#"{"messages":[\#(long),{"topic":"a","data":1}]}"#, bytes: 5).items
    #expect(#expect(throws: Problem.self) { try items[0].get() }?.code == .messageTooLarge)
    #expect(throws: Never.self) { try items[1].get() }
  }

  @Test func `a request without messages publishes nothing`() throws {
    #expect(try request(#"{"messages":[]}"#).items.isEmpty)
  }

  @Test func `a key has 1 to 255 printable bytes, and its place is named`() throws {
    try PublishItem.checkKey(String(repeating: "k", count: 255))
    for key in ["", String(repeating: "k", count: 256), "a\tb", "\u{7f}"] {
      let problem = #expect(throws: Problem.self) { try PublishItem.checkKey(key, parameter: "Idempotency-Key") }
      #expect(problem?.parameter == "Idempotency-Key")
    }
  }
}
