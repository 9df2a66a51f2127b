import StreamLog
import Testing
import WireFormat

struct ClientCommandTests {
  private func command(_ text: String) throws -> ClientCommand { try ClientCommand(Array(text.utf8)) }

  @Test func `subscribe`() throws {
    let text = #"{"type":"subscribe","topics":["a.*","b.>","$sys.x"],"since":"4fk2q9-1","rewind":3,"ref":1}"#
    guard case .subscribe(let topics, let since, let rewind, let ref) = try command(text) else {
      Issue.record("not a subscribe")
      return
    }
    #expect(topics.map(\.string) == ["a.*", "b.>", "$sys.x"])
    #expect(since == "4fk2q9-1")
    #expect(rewind == 3)
    #expect(ref == Ref(1))
    guard case .subscribe(_, nil, nil, nil) = try command(#" {"topics":["a"],"type":"subscribe"}"#) else {
      Issue.record("members that were not given")
      return
    }
  }

  @Test func `unsubscribe, auth and ping`() throws {
    guard case .unsubscribe(let topics, let ref) = try command(#"{"type":"unsubscribe","topics":["a"],"ref":"r"}"#),
      case .auth(let token, nil) = try command(#"{"type":"auth","token":"t.o.k"}"#),
      case .ping(let mark) = try command(#"{"type":"ping","ref":5.50}"#)
    else {
      Issue.record("not the commands they are")
      return
    }
    #expect(topics.map(\.string) == ["a"])
    #expect(ref?.json == Array("\"r\"".utf8))
    #expect(token == "t.o.k")
    #expect(mark?.json == Array("5.50".utf8))
  }

  @Test func `publish`() throws {
    let text = #"{"type":"publish","topic":"a.b","data":{ "x" : [ 1.0 ] },"event":"e","key":"k","ref":3}"#
    guard case .publish(let item, let ref) = try command(text) else {
      Issue.record("not a publish")
      return
    }
    #expect(item.topics.map(\.string) == ["a.b"])
    #expect(item.draft.data == Array(#"{"x":[1.0]}"#.utf8))
    #expect(item.draft.kind == .json)
    #expect(item.draft.event == "e")
    #expect(item.key == "k")
    #expect(item.ifLast == nil)
    #expect(ref == Ref(3))
  }

  static let refused: [(text: String, code: Problem.Code, parameter: String?)] = [
    ("", .invalidJSON, nil),
    ("{", .invalidJSON, nil),
    ("[]", .invalidCommand, nil),
    ("\"subscribe\"", .invalidCommand, nil),
    (#"{"ref":7}"#, .invalidCommand, nil),
    (#"{"type":"subscrib","ref":7}"#, .invalidCommand, nil),
    (#"{"type":"quit","ref":7}"#, .invalidCommand, nil),
    (#"{"type":1,"ref":7}"#, .invalidParameter, "type"),
    (#"{"type":"ping","ref":null}"#, .invalidParameter, "ref"),
    (#"{"type":"ping","ref":[1]}"#, .invalidParameter, "ref"),
    (#"{"type":"ping","ref":1,"ref":1}"#, .invalidParameter, "ref"),
    (#"{"type":"ping","topics":[],"ref":7}"#, .unknownParameter, "topics"),
    (#"{"type":"subscribe","ref":7}"#, .missingParameter, "topics"),
    (#"{"type":"subscribe","topics":"a","ref":7}"#, .invalidParameter, "topics"),
    (#"{"type":"subscribe","topics":[],"ref":7}"#, .invalidParameter, "topics"),
    (#"{"type":"subscribe","topics":[1],"ref":7}"#, .invalidParameter, "topics"),
    (#"{"type":"subscribe","topics":["a..b"],"ref":7}"#, .invalidPattern, "topics"),
    (#"{"type":"subscribe","topics":["a"],"since":5,"ref":7}"#, .invalidParameter, "since"),
    (#"{"type":"subscribe","topics":["a"],"rewind":-1,"ref":7}"#, .invalidParameter, "rewind"),
    (#"{"type":"subscribe","topics":["a"],"rewind":"1","ref":7}"#, .invalidParameter, "rewind"),
    (#"{"type":"subscribe","topics":["a"],"sinse":"x","ref":7}"#, .unknownParameter, "sinse"),
    (#"{"type":"unsubscribe","topics":["a"],"since":"x","ref":7}"#, .unknownParameter, "since"),
    (#"{"type":"publish","topic":"a","ref":7}"#, .missingParameter, "data"),
    (#"{"type":"publish","data":1,"ref":7}"#, .missingParameter, "topic"),
    (#"{"type":"publish","topic":"a.*","data":1,"ref":7}"#, .invalidTopic, "topic"),
    (#"{"type":"publish","topic":"$sys.x","data":1,"ref":7}"#, .reservedTopic, nil),
    (#"{"type":"publish","topic":"a","data":1,"event":"gap","ref":7}"#, .invalidEvent, "event"),
    (#"{"type":"publish","topic":"a","data":1,"event":2,"ref":7}"#, .invalidParameter, "event"),
    (#"{"type":"publish","topic":"a","data":1,"key":"","ref":7}"#, .invalidParameter, "key"),
    (#"{"type":"publish","topic":"a","data":1,"if_last":"x","ref":7}"#, .unknownParameter, "if_last"),
    (#"{"type":"auth","ref":7}"#, .missingParameter, "token"),
  ]

  @Test(arguments: refused)
  func `what cannot be followed is refused, with its ref`(text: String, code: Problem.Code, parameter: String?) throws {
    let error = try #require(#expect(throws: CommandError.self) { try command(text) })
    #expect(error.problem.code == code)
    #expect(error.problem.parameter == parameter)
    #expect(error.ref == (text.contains("\"ref\":7") ? Ref(7) : text.contains("\"ref\":1,") ? Ref(1) : nil))
  }

  @Test func `a mistyped command is refused with the one that was meant`() throws {
    let error = try #require(#expect(throws: CommandError.self) { try command(#"{"type":"subscrib"}"#) })
    #expect(error.problem.detail.contains("Did you mean 'subscribe'?"))
  }

  @Test func `the same topic twice is one topic`() throws {
    guard case .subscribe(let topics, _, _, _) = try command(#"{"type":"subscribe","topics":["d","e","d"]}"#),
      case .unsubscribe(let others, _) = try command(#"{"type":"unsubscribe","topics":["d","d"]}"#)
    else {
      Issue.record("another command")
      return
    }
    #expect(topics.map(\.string) == ["d", "e"] && others.map(\.string) == ["d"])
  }
}
