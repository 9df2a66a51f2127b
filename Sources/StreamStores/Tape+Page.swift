package import StreamLog

extension Tape {
  /// A page from the tape alone. - Returns: nil if the reader is below the tape's floor.
  package func page(_ request: ReadRequest) -> Page? {
    guard case .entries(let entries, let head) = run(after: request.after, limit: 2048) else { return nil }
    var builder = PageBuilder(request: request)
    for entry in entries {
      guard entry.offset <= request.through else { return builder.finish(through: request.through) }
      switch entry {
      case .message(let message):
        guard builder.add(message) else { return builder.finish() }
      case .erased(let erased):
        builder.add(erased)
      }
    }
    let last = entries.last?.offset ?? request.after
    return builder.finish(through: last >= head ? min(request.through, head) : min(request.through, last))
  }

  /// Where the tape begins to be complete, for a reader below it.
  package func floor(below position: Offset) -> Offset? {
    if case .below(let floor, _) = run(after: position, limit: 0) { return floor }
    return nil
  }
}
