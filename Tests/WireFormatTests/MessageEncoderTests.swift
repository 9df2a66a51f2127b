import StreamLog
import Testing
import WireFormat

struct MessageEncoderTests {
  private func encode(_ draft: MessageDraft, offset: Offset = 1_042, seq: UInt64 = 17, time: Int64 = 1_795_348_212_123)
    throws -> Message
  {
    let epoch = try #require(Epoch("4fk2q9"))
    return MessageEncoder.encode(
      draft: draft, position: Position(epoch: epoch, offset: offset), predecessor: 1_000, seq: seq,
      topic: try TopicName("orders.42"), time: time, committedAt: 5)
  }

  private func part(_ message: Message, _ range: Range<Int>?) -> String? {
    range.map { String(decoding: message.encoded[$0], as: UTF8.self) }
  }

  @Test func `the message of the protocol is exactly these bytes`() throws {
    let draft = try MessageDraft(
      body: Array("{ \"total\": 12 }".utf8), contentType: "application/json", event: "created")
    let message = try encode(draft)
    #expect(
      String(decoding: message.encoded, as: UTF8.self)
        == #"{"id":"4fk2q9-1042","topic":"orders.42","seq":17,"time":1795348212123,"event":"created","data":{"total":12}}"#
    )
    #expect(part(message, message.idRange) == "4fk2q9-1042")
    #expect(part(message, message.eventRange) == "created")
    #expect(part(message, message.dataRange) == #"{"total":12}"#)
    #expect(message.eventName == "created")
    #expect(message.offset == 1_042)
    #expect(message.predecessor == 1_000)
    #expect(message.seq == 17)
    #expect(message.topic.string == "orders.42")
    #expect(message.time == 1_795_348_212_123)
    #expect(message.committedAt == 5)
    #expect(message.kind == .json)
  }

  @Test func `a binary message says how it is encoded and what it was`() throws {
    let draft = try MessageDraft(body: [0xff, 0x00, 0x10], contentType: "image/x; a=\"b\"", event: nil)
    let message = try encode(draft, offset: 0, seq: 1, time: 0)
    #expect(
      String(decoding: message.encoded, as: UTF8.self)
        == #"{"id":"4fk2q9-0","topic":"orders.42","seq":1,"time":0,"data":"/wAQ","encoding":"base64","#
        + #""content_type":"image/x; a=\"b\""}"#)
    #expect(part(message, message.dataRange) == "\"/wAQ\"")
    #expect(message.eventRange == nil)
    #expect(message.eventName == nil)
  }

  @Test func `an event with quotes is escaped on the wire and itself when asked for`() throws {
    let draft = try MessageDraft(json: Array("1".utf8), event: #"a "b" \c"#)
    let message = try encode(draft)
    #expect(part(message, message.eventRange) == #"a \"b\" \\c"#)
    #expect(message.eventName == #"a "b" \c"#)
    #expect(try JSONValue(parsing: message.encoded)["event"]?.stringValue == #"a "b" \c"#)
  }

  @Test(arguments: [(0, 1, 0), (9, 10, -1), (.max, .max, .max), (99, 100, .min)] as [(UInt64, UInt64, Int64)])
  func `numbers of every length are written in full and fill the bytes exactly`(
    offset: UInt64, seq: UInt64, time: Int64
  ) throws {
    let message = try encode(MessageDraft(kind: .json, data: Array("[]".utf8)), offset: offset, seq: seq, time: time)
    let expected = #"{"id":"4fk2q9-\#(offset)","topic":"orders.42","seq":\#(seq),"time":\#(time),"data":[]}"#
    #expect(String(decoding: message.encoded, as: UTF8.self) == expected)
  }
}
