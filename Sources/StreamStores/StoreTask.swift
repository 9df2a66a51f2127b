/// What an operator asks of a store beside publishing and reading.
package enum StoreTask: Sendable, Equatable {
  /// What it holds, and where.
  case info
  /// Whether what it keeps is whole.
  case check
  /// Gives space that is free inside its file back to the disk.
  case compact
  /// Copies it, as of one moment, to a file that is not there yet.
  case backup(to: String)
}

/// What came of it, in the order it is to be shown.
package struct StoreReport: Sendable, Equatable {
  package enum Value: Sendable, Equatable {
    case text(String)
    case number(Int)
    case bytes(Int)
    case texts([String])
  }

  package var fields: [(name: String, value: Value)]

  package init(_ fields: [(name: String, value: Value)]) { self.fields = fields }

  package static func == (a: StoreReport, b: StoreReport) -> Bool {
    a.fields.count == b.fields.count && zip(a.fields, b.fields).allSatisfy { $0 == $1 }
  }
}

/// Why it cannot be done, in words that say what to do.
package struct StoreTaskRefusal: Error, Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    /// This kind of store has no such thing.
    case unsupported
    /// What was asked for is wrong.
    case invalid
    /// The store or its disk is in no state for it.
    case failed
  }

  package var kind: Kind
  package var reason: String

  package init(_ kind: Kind, _ reason: String) {
    self.kind = kind
    self.reason = reason
  }
}
