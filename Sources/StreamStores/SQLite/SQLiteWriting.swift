import SQLite
import StreamLog
import WireFormat

/// The statements that change the file. They belong to the writer's thread.
final class SQLiteWriting {
  /// A held message as its index has it.
  struct HeldRow {
    var offset: Offset
    var time: Int64
    /// Bytes of its encoding.
    var size: Int
    var mark: (offset: Offset, time: Int64) { (offset, time) }
  }

  let database: SQLiteDatabase
  private var lastTopicID: Int64
  private let insertMessage: SQLiteStatement
  private let selectHeld: SQLiteStatement
  private let writeTopic: SQLiteStatement
  private let forgetTopic: SQLiteStatement
  private let deleteTopic: SQLiteStatement
  private let writeBucket: SQLiteStatement
  private let insertKey: SQLiteStatement
  private let deleteKeys: SQLiteStatement
  private let writeHead: SQLiteStatement
  private let collectMessages: SQLiteStatement

  init(_ database: SQLiteDatabase) throws(SQLiteError) {
    self.database = database
    lastTopicID = try database.number("SELECT max(id) FROM topics") ?? 0
    insertMessage = try database.prepare(
      """
      INSERT INTO messages (offset, topic, predecessor, seq, time, kind, event, content_type, size, checksum,
        data)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """)
    selectHeld = try database.prepare(
      "SELECT offset, time, size FROM messages INDEXED BY history WHERE topic = ? AND offset >= ? ORDER BY offset LIMIT ?"
    )
    writeTopic = try database.prepare(
      """
      REPLACE INTO topics (id, name, is_forgotten, last_offset, last_seq, forgotten_through, erased_through,
        oldest_offset, oldest_predecessor, oldest_seq, oldest_time, messages, bytes)
      VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """)
    forgetTopic = try database.prepare("UPDATE topics SET is_forgotten = 1 WHERE id = ?")
    deleteTopic = try database.prepare("DELETE FROM topics WHERE id = ?")
    writeBucket = try database.prepare(
      "INSERT INTO forgotten VALUES (?, ?) ON CONFLICT DO UPDATE SET through = max(through, excluded.through)")
    insertKey = try database.prepare(
      "INSERT INTO keys (publisher, topic, key, offset, seq, committed) VALUES (?, ?, ?, ?, ?, ?)")
    deleteKeys = try database.prepare("DELETE FROM keys WHERE committed <= ?")
    writeHead = try database.prepare("UPDATE head SET offset = ?")
    collectMessages = try database.prepare(
      """
      DELETE FROM messages WHERE offset IN (
        SELECT offset FROM messages INDEXED BY history WHERE topic = ? AND offset < ? ORDER BY offset LIMIT ?)
      """)
  }

  func newTopicID() -> Int64 {
    lastTopicID += 1
    return lastTopicID
  }

  func insert(_ message: Message, _ draft: MessageDraft, topic: Int64) throws(SQLiteError) {
    insertMessage.bind(1, message.offset)
    insertMessage.bind(2, topic)
    insertMessage.bind(3, message.predecessor)
    insertMessage.bind(4, message.seq)
    insertMessage.bind(5, message.time)
    insertMessage.bind(6, Int(message.kind.rawValue))
    insertMessage.bind(7, draft.event)
    insertMessage.bind(8, draft.contentType)
    insertMessage.bind(9, message.encoded.count)
    insertMessage.bind(10, MessageChecksum.of(message, draft))
    insertMessage.bind(11, draft.data)
    try insertMessage.run()
  }

  /// A topic's messages from an offset on, oldest first.
  func held(_ topic: Int64, from offset: Offset, count: Int) throws(SQLiteError) -> [HeldRow] {
    selectHeld.bind(1, topic)
    selectHeld.bind(2, offset)
    selectHeld.bind(3, count)
    var rows: [HeldRow] = []
    while try selectHeld.step() {
      rows.append(
        HeldRow(offset: selectHeld.unsigned(0), time: selectHeld.int(1), size: Int(selectHeld.int(2))))
    }
    return rows
  }

  func write(_ record: SQLiteTopicRecord) throws(SQLiteError) {
    writeTopic.bind(1, record.id)
    writeTopic.bind(2, record.topic.string)
    writeTopic.bind(3, record.lastOffset)
    writeTopic.bind(4, record.lastSeq)
    writeTopic.bind(5, record.forgottenThrough)
    writeTopic.bind(6, record.erasedThrough)
    writeTopic.bind(7, record.oldest?.offset)
    writeTopic.bind(8, record.oldest?.predecessor)
    writeTopic.bind(9, record.oldest?.seq)
    writeTopic.bind(10, record.oldest?.time)
    writeTopic.bind(11, record.messages)
    writeTopic.bind(12, record.bytes)
    try writeTopic.run()
  }

  /// The topic's bucket remembers it from now on; its row stays until its messages are collected.
  func forget(_ record: SQLiteTopicRecord) throws(SQLiteError) {
    forgetTopic.bind(1, record.id)
    try forgetTopic.run()
    writeBucket.bind(1, ForgottenTopics.bucket(of: record.topic))
    writeBucket.bind(2, record.nextPredecessor)
    try writeBucket.run()
  }

  func deleteTopic(_ id: Int64) throws(SQLiteError) {
    deleteTopic.bind(1, id)
    try deleteTopic.run()
  }

  func insert(_ key: IdempotencyTable.Key, _ published: Published, now: Int64) throws(SQLiteError) {
    insertKey.bind(1, key.publisher)
    insertKey.bind(2, key.topic.string)
    insertKey.bind(3, key.key)
    insertKey.bind(4, published.id.offset)
    insertKey.bind(5, published.seq)
    insertKey.bind(6, now)
    try insertKey.run()
  }

  func deleteKeys(committedBy time: Int64) throws(SQLiteError) {
    deleteKeys.bind(1, time)
    try deleteKeys.run()
  }

  func write(head: Offset) throws(SQLiteError) {
    writeHead.bind(1, head)
    try writeHead.run()
  }

  /// Deletes a topic's messages below an offset, oldest first. - Returns: how many.
  func collect(_ topic: Int64, below offset: Offset, most: Int) throws(SQLiteError) -> Int {
    collectMessages.bind(1, topic)
    collectMessages.bind(2, offset)
    collectMessages.bind(3, most)
    try collectMessages.run()
    return database.changes
  }
}
