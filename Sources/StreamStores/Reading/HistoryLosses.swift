package import StreamLog

/// What a reader has lost of what it subscribed to in the window (after, through] of a page, found out from what a store
/// knows of the topics. It ends in gaps, at most one a subscription.
package struct HistoryLosses {
  /// What one subscription can no longer be sent, and after which offset.
  private struct Loss {
    var after: Offset
    var through: Offset
    var seq: UInt64?
    var reason: Gap.Reason
  }

  /// Where gaps of the whole subscriber stand among those of its subscriptions.
  private static let wholeSubscriber = -1

  private let request: ReadRequest
  private let through: Offset
  private let lineage: Lineage
  private var bySubscription: [Int: Loss] = [:]
  /// Topics whose loss goes on above the window.
  private var unproven: [(index: Int, facts: TopicFacts)] = []

  /// - Parameters:
  ///   - through: everything above it is on the tape.
  ///   - lineage: says which epochs' ends are lost.
  package init(_ request: ReadRequest, through: Offset, lineage: Lineage) {
    self.request = request
    self.through = through
    self.lineage = lineage
  }

  /// Adds a topic that the subscription at `index` matches, once for each.
  package mutating func add(_ facts: TopicFacts, to index: Int) {
    guard facts.lostAt > request.subscriptions.list[index].forgiven else { return }
    if facts.lostThrough > through {
      unproven.append((index, facts))
    } else {
      add(lost: facts.lostThrough, seq: facts.lostSeq, of: facts, to: index)
    }
  }

  /// Adds what may have been lost of topics nothing is known of any more: of all of them for a pattern, of its own for a
  /// topic without a record.
  package mutating func addForgotten(_ forgotten: ForgottenLoss, to index: Int) {
    let subscription = request.subscriptions.list[index]
    guard forgotten.lostAt > subscription.forgiven else { return }
    let lost = min(forgotten.through, through)
    let missing: (after: Offset, through: Offset)?
    if let topic = subscription.pattern.exact {
      missing = request.subscriptions.missing(topic, of: index, after: request.after, lost: lost)
    } else {
      let after = subscription.needs(after: request.after)
      missing = after < lost ? (after, lost) : nil
    }
    guard let missing else { return }
    widen(
      Loss(
        after: missing.after, through: missing.through, seq: nil,
        reason: forgotten.lostAt > request.memory.began ? .slow : .expired),
      of: index)
  }

  /// Topics whose loss goes on above the window: what comes first above it says what came before it.
  package var unprovenTopics: Set<TopicName> { Set(unproven.map(\.facts.topic)) }

  /// - Parameter firstAbove: the first message above the window of each topic that has one: without, or with one that
  ///   says no more, nothing proves that the window has none of the loss.
  package mutating func prove(_ firstAbove: [TopicName: (predecessor: Offset, seq: UInt64)]) {
    for (index, facts) in unproven {
      let first = firstAbove[facts.topic]
      let isKnown = (first?.predecessor ?? .max) <= through
      let seq = first.flatMap { isKnown && $0.seq > 1 ? $0.seq - 1 : nil }
      add(lost: isKnown ? first?.predecessor ?? through : through, seq: seq, of: facts, to: index)
    }
    unproven = []
  }

  /// The gaps, each with the index of its subscription: it begins where the first loss begins and stands where the last
  /// one ends. Those of the whole subscriber have none.
  package var gaps: [(index: Int, gap: PageGap)] {
    var losses = bySubscription
    // One that an earlier page found, and whose end lies above a window that was not as long as that one's: the reader
    // may be done with reading at the end of this window, so it is told there.
    for (index, after) in request.memory.outstanding where losses[index] == nil && after < through {
      losses[index] = Loss(after: after, through: through, seq: nil, reason: .slow)
    }
    return lostTails
      + losses.map { index, loss in
        (
          index,
          PageGap(
            pattern: request.subscriptions.list[index].pattern,
            after: min(loss.after, request.memory.outstanding[index] ?? .max), through: loss.through, seq: loss.seq,
            reason: loss.reason)
        )
      }
  }

  /// What the log lost before the epochs that begin in the window, each where its epoch begins: nobody can say of which
  /// topics it had messages.
  private var lostTails: [(index: Int, gap: PageGap)] {
    lineage.entries.compactMap { entry in
      guard let lost = entry.lost, entry.first - 1 > request.after, entry.first - 1 <= through,
        request.subscriptions.list.contains(where: {
          lost.at > $0.forgiven && $0.needs(after: request.after) < entry.first - 1
        })
      else { return nil }
      return (
        Self.wholeSubscriber,
        PageGap(pattern: nil, after: lost.after, through: entry.first - 1, seq: nil, reason: .epoch)
      )
    }
  }

  /// What a subscription misses of a topic whose messages up to `lost` can no longer be had.
  private mutating func add(lost: Offset, seq: UInt64?, of facts: TopicFacts, to index: Int) {
    guard
      let missing = request.subscriptions.missing(facts.topic, of: index, after: request.after, lost: lost)
    else { return }
    let isExact = request.subscriptions.list[index].pattern.exact != nil
    widen(
      Loss(
        after: missing.after, through: missing.through, seq: isExact && missing.through == lost ? seq : nil,
        reason: lost <= facts.erasedThrough ? .deleted : facts.lostAt > request.memory.began ? .slow : .expired),
      of: index)
  }

  private mutating func widen(_ loss: Loss, of index: Int) {
    guard let known = bySubscription[index] else { return bySubscription[index] = loss }
    var wider = known.through >= loss.through ? known : loss
    wider.after = min(known.after, loss.after)
    bySubscription[index] = wider
  }
}
