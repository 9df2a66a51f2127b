import StreamLog
import Testing
import WireFormat

struct ControlTests {
  private static let id = Position("4fk2q9-1042")!
  private static let patterns = try! ["orders.*", "news"].map { try TopicPattern($0) }
  private static let ref = Ref(1)

  private static let gaps: [(Gap, String)] = [
    (
      Gap(
        topic: patterns[1], after: Position("4fk2q9-1000"), through: Position("4fk2q9-1029")!, seq: 16, reason: .expired
      ),
      #"{"type":"gap","topic":"news","after":"4fk2q9-1000","id":"4fk2q9-1029","seq":16,"reason":"expired"}"#
    ),
    (
      Gap(topic: nil, after: nil, through: id, seq: nil, reason: .epoch),
      #"{"type":"gap","id":"4fk2q9-1042","reason":"epoch"}"#
    ),
  ]

  static let cases: [(Control, String)] =
    [
      (
        .hello(id: id, heartbeat: 25, session: "s1"),
        #"{"type":"hello","id":"4fk2q9-1042","heartbeat":25,"session":"s1"}"#
      ),
      (.hello(id: id, heartbeat: 15, session: nil), #"{"type":"hello","id":"4fk2q9-1042","heartbeat":15}"#),
      (
        .subscribed(topics: patterns, id: id, ref: ref),
        #"{"type":"subscribed","topics":["orders.*","news"],"id":"4fk2q9-1042","ref":1}"#
      ),
      (.unsubscribed(topics: patterns, ref: ref), #"{"type":"unsubscribed","topics":["orders.*","news"],"ref":1}"#),
      (.caughtUp(id: id, ref: ref), #"{"type":"caught_up","id":"4fk2q9-1042","ref":1}"#),
      (.caughtUp(id: id), #"{"type":"caught_up","id":"4fk2q9-1042"}"#),
      (.heartbeat(id: id), #"{"type":"heartbeat","id":"4fk2q9-1042"}"#),
      (
        .heartbeat(id: id, ref: Ref(json: Array("\"a\\n\"".utf8))),
        #"{"type":"heartbeat","id":"4fk2q9-1042","ref":"a\n"}"#
      ),
      (.published(id: id, seq: 17, ref: Ref(3)), #"{"type":"published","id":"4fk2q9-1042","seq":17,"ref":3}"#),
      (.reconnect(afterMs: 3120), #"{"type":"reconnect","after_ms":3120}"#),
      (
        .error(.invalidParameter("since", "must be a string"), ref: ref),
        #"{"type":"error","code":"invalid-parameter","status":400,"detail":"'since' must be a string.","#
          + #""parameter":"since","ref":1}"#
      ),
    ] + gaps.map { (.gap($0), $1) }

  @Test(arguments: cases)
  func `a control is exactly these bytes`(control: Control, text: String) throws {
    #expect(String(decoding: control.encoded, as: UTF8.self) == text)
    #expect(try JSONValue(parsing: control.encoded)["type"]?.stringValue == "\(control.name)")
  }

  @Test func `the controls that say where a subscriber is have its position`() {
    for (control, _) in Self.cases {
      switch control {
      case .hello, .subscribed, .caughtUp, .heartbeat: #expect(control.position == Self.id)
      case .gap(let gap): #expect(control.position == gap.through)
      case .unsubscribed, .published, .reconnect, .error: #expect(control.position == nil)
      }
    }
  }

  @Test func `the list of names is the names there are`() {
    #expect(Set(Self.cases.map { "\($0.0.name)" }) == Set(Control.names))
  }

  @Test(arguments: ["1", "-1.5e3", "\"\"", "\"\\u00e9\"", "\"" + String(repeating: "x", count: 62) + "\""])
  func `a number or a short string is a ref, kept as written`(text: String) {
    #expect(Ref(json: Array(text.utf8))?.json == Array(text.utf8))
  }

  @Test(arguments: [
    "", "null", "true", "[1]", "{}", "01", "1 2", "\"", "\"" + String(repeating: "x", count: 63) + "\"",
  ])
  func `nothing else is a ref`(text: String) {
    #expect(Ref(json: Array(text.utf8)) == nil)
  }
}
