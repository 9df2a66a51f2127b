/// One event of an event stream, as it is dispatched.
package struct ServerSentEvent: Hashable, Sendable {
  /// The `event` field; empty if there was none, which a browser dispatches as `message`.
  package var name: String
  /// The `data` lines, joined by LF.
  package var data: [UInt8]
  /// The stream's last event id when this event ended: it stays until another `id` field replaces it.
  package var lastEventID: String

  package init(name: String, data: [UInt8], lastEventID: String) {
    self.name = name
    self.data = data
    self.lastEventID = lastEventID
  }
}

/// Reads an event stream (WHATWG HTML section 9.2.6): bytes in, events out, split anywhere.
///
/// Lines end in LF, CR or CR LF; an event ends at an empty line; what has no empty line behind it is never dispatched.
package struct ServerSentEventParser: Sendable {
  package enum Output: Hashable, Sendable {
    case event(ServerSentEvent)
    /// The reconnection time the stream asks for, in milliseconds.
    case retry(UInt64)
    /// A line that begins with a colon, without it: proof of life, nothing else.
    case comment([UInt8])
  }

  /// More than this in one line or one event's data.
  package struct TooLong: Error, Hashable, CustomStringConvertible {
    package var limit: Int
    package var description: String { "an event of the stream is longer than \(limit) bytes" }
  }

  /// The last id seen, which a client sends as `Last-Event-ID`; empty until there is one.
  package private(set) var lastEventID: String
  private let limit: Int
  private var line: [UInt8] = []
  private var data: [UInt8] = []
  private var hasData = false
  private var name = ""
  /// The id of the block being read; it counts from the block's end on.
  private var idBuffer: String
  /// The last byte was a CR: an LF right behind it belongs to the same line end.
  private var afterCarriageReturn = false
  /// How much of a byte order mark the stream has begun with: 0 to 2, and 3 once that is decided.
  private var markBytes = 0

  /// - Parameters:
  ///   - lastEventID: what the stream was asked to go on from.
  ///   - limit: bytes of one line, and of one event's data.
  package init(lastEventID: String = "", limit: Int = 32 << 20) {
    self.lastEventID = lastEventID
    self.limit = limit
    idBuffer = lastEventID
  }

  /// Takes the next bytes of the stream and calls `emit` for what they complete.
  package mutating func receive(_ bytes: UnsafeRawBufferPointer, emit: (Output) -> Void) throws(TooLong) {
    for byte in bytes {
      if afterCarriageReturn {
        afterCarriageReturn = false
        if byte == 0x0a { continue }
      }
      switch byte {
      case 0x0a, 0x0d:
        afterCarriageReturn = byte == 0x0d
        endLine(emit)
      default:
        line.append(byte)
        if markBytes < 3 { skipMark() }
        guard line.count + data.count <= limit else { throw TooLong(limit: limit) }
      }
    }
  }

  /// A stream may begin with a byte order mark, which is no part of its first line.
  private mutating func skipMark() {
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    guard line.count == markBytes + 1, line[markBytes] == mark[markBytes] else {
      markBytes = 3
      return
    }
    markBytes += 1
    if markBytes == 3 { line.removeAll() }
  }

  private mutating func endLine(_ emit: (Output) -> Void) {
    defer {
      line.removeAll(keepingCapacity: true)
      markBytes = 3
    }
    if line.isEmpty { return endEvent(emit) }
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
      return field(line[...], value: [], emit)
    }
    var value = line[(colon + 1)...]
    if colon == 0 { return emit(.comment(Array(value))) }
    if value.first == 0x20 { value.removeFirst() }
    field(line[..<colon], value: value, emit)
  }

  private mutating func field(_ field: ArraySlice<UInt8>, value: ArraySlice<UInt8>, _ emit: (Output) -> Void) {
    switch String(decoding: field, as: UTF8.self) {
    case "event": name = String(decoding: value, as: UTF8.self)
    case "data":
      if hasData { data.append(0x0a) }
      data.append(contentsOf: value)
      hasData = true
    case "id":
      // An id with a NUL in it could not be sent back in a header: the field is ignored.
      if !value.contains(0) { idBuffer = String(decoding: value, as: UTF8.self) }
    case "retry":
      if !value.isEmpty, value.allSatisfy({ (0x30...0x39).contains($0) }),
        let milliseconds = UInt64(String(decoding: value, as: UTF8.self))
      {
        emit(.retry(milliseconds))
      }
    default: break
    }
  }

  private mutating func endEvent(_ emit: (Output) -> Void) {
    lastEventID = idBuffer
    defer {
      name = ""
      data = []
      hasData = false
    }
    guard hasData else { return }
    emit(.event(ServerSentEvent(name: name, data: data, lastEventID: lastEventID)))
  }
}
