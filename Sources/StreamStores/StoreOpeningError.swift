import SQLite

/// Why a store cannot be used, in words that say what to do.
package struct StoreOpeningError: Error, Sendable, Equatable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }

  init(_ error: SQLiteError, path: String) {
    switch error.kind {
    case .damaged:
      description =
        "\(path) is damaged or no database (\(error)): move it away and put a backup in its place, or begin anew"
    case .forbidden:
      description =
        "\(path) cannot be opened for writing (\(error)): is its folder there, and may the gateway write to it?"
    case .busy: description = "\(path) is locked by another program (\(error)): end that, then start again"
    case .full: description = "there is no space left for \(path) (\(error)): make some, then start again"
    case .disk, .other: description = "\(path) cannot be read (\(error))"
    }
  }
}
