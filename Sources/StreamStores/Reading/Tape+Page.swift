package import StreamLog

extension Tape {
  /// A page from the tape alone. - Returns: nil if the reader is below the tape's floor.
  package func page(_ request: ReadRequest) -> Page? {
    guard case .entries(var entries, let head) = run(after: request.after, limit: 2048) else { return nil }
    let reachesHead = (entries.last?.offset ?? request.after) >= head
    let through = reachesHead ? min(request.through, head) : min(request.through, entries.last?.offset ?? head)
    while let last = entries.last, last.offset > through { entries.removeLast() }
    var builder = PageBuilder(request: request, gaps: Self.gaps(entries, for: request))
    for case .message(let message) in entries {
      guard builder.add(message) else { return builder.finish() }
    }
    return builder.finish(through: through)
  }

  /// The gaps of erased messages: one a subscription and run of them, where the last of the run was.
  private static func gaps(_ entries: [TapeEntry], for request: ReadRequest) -> [(index: Int, gap: PageGap)] {
    var gaps: [(index: Int, gap: PageGap)] = []
    var open: [Int: PageGap] = [:]
    var outstanding = request.memory.outstanding
    for case .erased(let erased) in entries {
      request.subscriptions.forEachMatch(erased.topic) { index in
        let subscription = request.subscriptions.list[index]
        let isExact = subscription.pattern.exact != nil
        let needs = subscription.needs(erased.topic, after: request.after)
        let missing = request.subscriptions.missing(
          erased.topic, of: index, after: max(erased.offset - 1, needs), lost: erased.offset)
        guard missing != nil, erased.lostAt > subscription.forgiven else {
          // The reader has this one: the gap does not span it.
          if isExact, let gap = open.removeValue(forKey: index) { gaps.append((index, gap)) }
          return true
        }
        var gap =
          open[index]
          ?? PageGap(
            pattern: subscription.pattern,
            after: min(max(erased.predecessor, needs), outstanding.removeValue(forKey: index) ?? .max),
            through: erased.offset,
            seq: nil, reason: .deleted)
        gap.through = erased.offset
        gap.seq = isExact ? erased.seq : nil
        open[index] = gap
        return true
      }
    }
    gaps.append(contentsOf: open.lazy.map { ($0.key, $0.value) })
    return gaps
  }

  /// Where the tape begins to be complete, for a reader below it.
  package func floor(below position: Offset) -> Offset? {
    if case .below(let floor, _) = run(after: position, limit: 0) { return floor }
    return nil
  }
}
