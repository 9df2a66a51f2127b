import StreamLog
import WireFormat

/// One object of a stream: a message, or a control by its type.
struct Item: CustomStringConvertible {
  /// `message`, or the control's type.
  let kind: String
  let text: String
  let object: ReceivedObject

  /// - Parameter name: the control's name where the transport says it beside the object.
  init(_ bytes: [UInt8], name: String? = nil) throws {
    guard let object = ReceivedObject(bytes) else {
      throw Silence(description: "not an object: \(String(decoding: bytes.prefix(200), as: UTF8.self))")
    }
    self.object = object
    kind = name ?? object.string("type") ?? "message"
    text = String(decoding: bytes, as: UTF8.self)
  }

  var isMessage: Bool { kind == "message" }
  var isGap: Bool { kind == "gap" }
  var id: String { object.string("id") ?? "" }
  var topic: String? { object.string("topic") }
  var seq: Int { object.integer("seq").map(Int.init) ?? -1 }
  var after: String? { object.string("after") }
  var reason: String? { object.string("reason") }
  var ref: Int? { object.integer("ref").map(Int.init) }
  var code: String? { object.string("code") }
  /// The bytes of `data`, as text.
  var data: String { object.raw("data").map { String(decoding: $0, as: UTF8.self) } ?? "" }
  /// The place in the log, which only a test may look at.
  var offset: Offset { Position(id)?.offset ?? 0 }
  var description: String { String(text.prefix(300)) }
}

/// The place in the log that an id names.
func offset(_ id: String?) -> Offset? { id.flatMap { Position($0)?.offset } }
