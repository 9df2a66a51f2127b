import NIOCore

/// A frame, as it is on the wire.
struct Frame: Equatable {
  var type: UInt8
  var flags: UInt8 = 0
  var stream: UInt32 = 0
  var payload: [UInt8] = []

  enum Kind {
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let priority: UInt8 = 2
    static let reset: UInt8 = 3
    static let settings: UInt8 = 4
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let windowUpdate: UInt8 = 8
    static let continuation: UInt8 = 9
  }

  enum Flag {
    static let endStream: UInt8 = 1
    static let acknowledgement: UInt8 = 1
    static let endHeaders: UInt8 = 4
  }

  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  static let settings = Frame(type: Kind.settings)
  static let ping = Frame(type: Kind.ping, payload: [UInt8](repeating: 7, count: 8))

  var bytes: [UInt8] {
    let length = UInt32(payload.count)
    return Self.number(length).dropFirst() + [type, flags] + Self.number(stream) + payload
  }

  static func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

  // MARK: - Made

  /// The header block of GET http://a/.
  static let get: [UInt8] = [0x82, 0x86, 0x84, 0x01, 1, UInt8(ascii: "a")]

  static func headers(
    _ stream: UInt32, _ block: [UInt8] = get, flags: UInt8 = Flag.endStream | Flag.endHeaders
  ) -> Frame {
    Frame(type: Kind.headers, flags: flags, stream: stream, payload: block)
  }

  /// A header block of literals, nothing of which is remembered.
  static func block(_ fields: [(String, String)]) -> [UInt8] {
    var block: [UInt8] = []
    for (name, value) in fields {
      block += [0, UInt8(name.utf8.count)]
      block += name.utf8
      block.append(UInt8(value.utf8.count))
      block += value.utf8
    }
    return block
  }

  static func data(_ stream: UInt32, _ payload: [UInt8], ends: Bool = false) -> Frame {
    Frame(type: Kind.data, flags: ends ? Flag.endStream : 0, stream: stream, payload: payload)
  }

  static func reset(_ stream: UInt32) -> Frame { Frame(type: Kind.reset, stream: stream, payload: number(8)) }

  static func windowUpdate(_ stream: UInt32, _ bytes: UInt32) -> Frame {
    Frame(type: Kind.windowUpdate, stream: stream, payload: number(bytes))
  }

  static func setting(_ identifier: UInt16, _ value: UInt32) -> Frame {
    Frame(type: Kind.settings, payload: [UInt8(identifier >> 8), UInt8(identifier & 0xFF)] + number(value))
  }

  // MARK: - Read

  static func all(in buffer: ByteBuffer) -> [Frame] {
    var (buffer, frames) = (buffer, [Frame]())
    while let head = buffer.readBytes(length: 9) {
      let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
      let stream = head[5...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      frames.append(
        Frame(type: head[3], flags: head[4], stream: stream, payload: buffer.readBytes(length: length) ?? []))
    }
    return frames
  }

  /// Of RST_STREAM and GOAWAY.
  var code: UInt32 { payload[(type == Kind.goAway ? 4 : 0)...].prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
}
