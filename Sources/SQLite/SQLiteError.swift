import CSQLite

/// What SQLite says went wrong.
package struct SQLiteError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Kind: Sendable, Equatable {
    /// No space left, or the file may not grow.
    case full
    /// Somebody else has the file locked.
    case busy
    /// The file is not what was written to it, or was never a database.
    case damaged
    /// The file may not be written, or not be opened.
    case forbidden
    /// The disk failed.
    case disk
    case other
  }

  package let kind: Kind
  /// The extended result code.
  package let code: Int32
  package let message: String

  init(code: Int32, message: String) {
    self.code = code
    self.message = message
    kind =
      switch code & 0xff {
      case SQLITE_FULL: .full
      case SQLITE_BUSY, SQLITE_LOCKED: .busy
      case SQLITE_CORRUPT, SQLITE_NOTADB: .damaged
      case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH: .forbidden
      case SQLITE_IOERR: .disk
      default: .other
      }
  }

  /// What is in the file contradicts itself.
  package static func damaged(_ message: String) -> SQLiteError { SQLiteError(code: SQLITE_CORRUPT, message: message) }

  package var description: String { "\(message) (SQLite \(code))" }
}
