import Testing
import WireFormat

extension ServerSentEventParser {
  fileprivate mutating func receive(_ bytes: some Sequence<UInt8>, emit: (Output) -> Void) throws {
    try Array(bytes).withUnsafeBytes { bytes in try receive(bytes, emit: emit) }
  }
}

/// What a parser makes of a stream, all at once or in pieces.
private func parse(_ pieces: [[UInt8]], lastEventID: String = "") throws -> [ServerSentEventParser.Output] {
  var parser = ServerSentEventParser(lastEventID: lastEventID)
  var outputs: [ServerSentEventParser.Output] = []
  for piece in pieces { try parser.receive(piece) { outputs.append($0) } }
  return outputs
}

private func event(_ data: String, name: String = "", id: String = "") -> ServerSentEventParser.Output {
  .event(ServerSentEvent(name: name, data: Array(data.utf8), lastEventID: id))
}

struct StreamCase: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var stream: String
  var outputs: [ServerSentEventParser.Output]

  init(_ description: String, _ stream: String, _ outputs: [ServerSentEventParser.Output]) {
    testDescription = description
    self.stream = stream
    self.outputs = outputs
  }
}

private let cases: [StreamCase] = [
  StreamCase("one line of data", "data: a\n\n", [event("a")]),
  StreamCase("CR ends a line", "data: a\r\r", [event("a")]),
  StreamCase("CR LF ends one line, not two", "data: a\r\ndata: b\r\n\r\n", [event("a\nb")]),
  StreamCase("line ends may be mixed", "data: a\rdata: b\ndata: c\r\n\n", [event("a\nb\nc")]),
  StreamCase("several data lines are joined", "data: a\ndata: b\n\n", [event("a\nb")]),
  StreamCase("only the first space goes", "data:  a \ndata:b\n\n", [event(" a \nb")]),
  StreamCase("an empty data line is data", "data\n\n", [event("")]),
  StreamCase("two empty data lines are one newline", "data\ndata\n\n", [event("\n")]),
  StreamCase("a colon in the value stays", "data: {\"a\":1}\n\n", [event("{\"a\":1}")]),
  StreamCase("a named event", "event: hello\ndata: {}\n\n", [event("{}", name: "hello")]),
  StreamCase(
    "the last name counts, and for one event", "event: a\nevent: b\ndata: 1\n\ndata: 2\n\n",
    [event("1", name: "b"), event("2")]),
  StreamCase("without data nothing is dispatched, and the name is forgotten", "event: a\n\ndata: 1\n\n", [event("1")]),
  StreamCase(
    "an id stays until the next", "id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n",
    [event("a", id: "1"), event("b", id: "1"), event("c", id: "2")]),
  StreamCase("an id without data counts for what follows", "id: 7\n\ndata: a\n\n", [event("a", id: "7")]),
  StreamCase("an empty id resets it", "id: 1\ndata: a\n\nid\ndata: b\n\n", [event("a", id: "1"), event("b")]),
  StreamCase(
    "an id with NUL is ignored", "id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n",
    [event("a", id: "1"), event("b", id: "1")]),
  StreamCase("retry is digits alone", "retry: 3120\nretry: 1s\nretry:\nretry: -1\n\n", [.retry(3120)]),
  StreamCase("a retry too large to hold is ignored", "retry: 99999999999999999999\n\n", []),
  StreamCase(
    "comments are told and change nothing", ": hi\ndata: a\n:\n\n",
    [.comment(Array(" hi".utf8)), .comment([]), event("a")]),
  StreamCase("unknown fields are ignored", "foo: bar\nDATA: x\ndata: a\n\n", [event("a")]),
  StreamCase("what no empty line ends is never dispatched", "data: a\n\ndata: b\n", [event("a")]),
  StreamCase("a byte order mark at the start goes", "\u{feff}data: a\n\n", [event("a")]),
  StreamCase("a byte order mark elsewhere is part of the field's name", "data: a\n\n\u{feff}data: b\n\n", [event("a")]),
  StreamCase("text beyond ASCII", "event: größe\nid: ü\ndata: 𝄞\n\n", [event("𝄞", name: "größe", id: "ü")]),
]

@Suite struct ServerSentEventsTests {
  @Test(arguments: cases)
  func `a stream is read as WHATWG says`(_ row: StreamCase) throws {
    #expect(try parse([Array(row.stream.utf8)]) == row.outputs)
  }

  @Test(arguments: cases)
  func `a stream split at every byte is the same stream`(_ row: StreamCase) throws {
    let bytes = Array(row.stream.utf8)
    for cut in 0...bytes.count {
      #expect(try parse([Array(bytes[..<cut]), Array(bytes[cut...])]) == row.outputs, "cut at \(cut)")
    }
    #expect(try parse(bytes.map { [$0] }) == row.outputs, "byte by byte")
  }

  @Test func `a parser goes on with the id it was resumed with`() throws {
    #expect(try parse([Array("data: a\n\n".utf8)], lastEventID: "e-5") == [event("a", id: "e-5")])
  }

  @Test func `an id counts only when its event has ended`() throws {
    var parser = ServerSentEventParser()
    try parser.receive("id: 5\ndata: a\n".utf8) { _ in }
    #expect(parser.lastEventID == "")
    try parser.receive("\n".utf8) { _ in }
    #expect(parser.lastEventID == "5")
  }

  @Test func `an endless line is refused at the limit`() throws {
    var parser = ServerSentEventParser(limit: 10)
    #expect(throws: ServerSentEventParser.TooLong.self) {
      try parser.receive("data: 0123456789".utf8) { _ in }
    }
  }

  @Test func `endless data in short lines is refused at the limit`() throws {
    var parser = ServerSentEventParser(limit: 20)
    #expect(throws: ServerSentEventParser.TooLong.self) {
      for _ in 0..<20 { try parser.receive("data: 12\n".utf8) { _ in } }
    }
  }
}
