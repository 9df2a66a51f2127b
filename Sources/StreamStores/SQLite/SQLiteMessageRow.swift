import SQLite
import StreamLog
import WireFormat

/// A row of `messages` as a message.
enum SQLiteMessageRow {
  static func columns(_ table: String) -> String {
    ["offset", "predecessor", "seq", "time", "kind", "event", "content_type", "data", "checksum"]
      .map { "\(table).\($0)" }.joined(separator: ", ")
  }
  static let columnCount: Int32 = 9

  /// - Throws: if the row is not what was written: SQLite itself does not notice bytes that changed on the disk.
  static func message(
    _ row: SQLiteStatement, topic: TopicName, lineage: Lineage
  ) throws(SQLiteError) -> Message {
    let kind = Message.PayloadKind(rawValue: UInt8(clamping: row.int(4)))
    let draft = MessageDraft(event: row.text(5), kind: kind ?? .json, data: row.bytes(7), contentType: row.text(6))
    let message = MessageEncoder.encode(
      draft: draft, position: lineage.position(row.unsigned(0)), predecessor: row.unsigned(1), seq: row.unsigned(2),
      topic: topic, time: row.int(3), committedAt: 0)
    guard kind != nil, MessageChecksum.of(message, draft) == row.int(8) else {
      throw .damaged("message \(message.offset) of \(topic) is not what was written")
    }
    return message
  }
}

/// FNV-1a over all that a row says of its message, eight bytes at a time: against disks that change bytes, not against
/// people.
enum MessageChecksum {
  static func of(_ message: Message, _ draft: MessageDraft) -> Int64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ word: UInt64) { hash = (hash ^ word) &* 0x0000_0100_0000_01b3 }
    func add(_ bytes: UnsafeRawBufferPointer) {
      add(UInt64(bytes.count))
      var index = 0
      while index + 8 <= bytes.count {
        add(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian)
        // Or the highest bits of a word would never reach the lower ones.
        hash ^= hash >> 32
        index += 8
      }
      while index < bytes.count {
        add(UInt64(bytes[index]))
        index += 1
      }
    }
    func add(_ text: String?) {
      guard var text else { return add(.max) }
      text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }
    for number in [message.offset, message.predecessor, message.seq, UInt64(bitPattern: message.time)] { add(number) }
    add(UInt64(message.kind.rawValue))
    add(message.topic.string)
    add(draft.event)
    add(draft.contentType)
    draft.data.withUnsafeBytes { add($0) }
    return Int64(bitPattern: hash ^ (hash >> 29))
  }
}
