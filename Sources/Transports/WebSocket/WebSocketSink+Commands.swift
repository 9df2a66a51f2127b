import Delivery
import NIOCore
import StreamLog
import StreamStores
import WireFormat

/// What clients ask in mid-connection. Each command is answered, with its `ref`; a refused one changes nothing.
extension WebSocketSink {
  func follow(_ command: ClientCommand) {
    guard let handle else { return }
    switch command {
    case .subscribe(let topics, let since, let rewind, let ref):
      subscribe(topics, since: since, rewind: rewind, ref: ref)
    case .unsubscribe(let topics, let ref):
      _ = context.hub.remove(topics, from: handle)
      say(.unsubscribed(topics: topics, ref: ref))
    case .publish(let item, let ref):
      publish(item, ref: ref)
    case .auth(_, let ref):
      say(.error(.invalidCommand("This gateway asks for no token, so there is none to renew."), ref: ref))
    case .ping(let ref):
      say(.heartbeat(id: context.hub.position(at: context.hub.position(of: handle)), ref: ref))
    }
  }

  /// How many backlogs of one subscriber may be under way: each is remembered until its `caught_up`, and takes the
  /// reading back.
  private static let mostBacklogs = 16

  private func subscribe(_ topics: [TopicPattern], since: String?, rewind: Int?, ref: Ref?) {
    guard let handle else { return }
    do throws(Problem) {
      // What the store has not answered for yet counts too.
      let wildcards = topics.count { $0.exact == nil }
      try context.settings.requests.check(
        topics, topics: context.hub.subscriptionCount(of: handle) + unanswered.topics,
        wildcards: context.hub.patternCount(of: handle) + unanswered.wildcards)
      try context.settings.requests.transports.check(.websocket, topics)
      let start: ReadStart? =
        if let since { since == "earliest" ? .earliest : .since(since) } else if let rewind {
          .rewind(try StreamRequest.checkedRewind(rewind))
        } else { nil }
      if start != nil {
        guard backlogs < Self.mostBacklogs else {
          throw .tooManyCommands(limit: Self.mostBacklogs, retryAfter: 1)
        }
        backlogs += 1
      }
      ask {
        $0.topics += topics.count; $0.wildcards += wildcards
      }
      context.hub.add(topics, start: start, ref: ref, to: handle) { [weak self] result in
        guard let self else { return }
        switch result {
        case .success(let offset):
          say(.subscribed(topics: topics, id: offset.map(context.hub.position), ref: ref))
        case .failure(let refusal):
          if start != nil { backlogs -= 1 }
          say(.error(refusal.problem(), ref: ref))
        }
        answered {
          $0.topics -= topics.count; $0.wildcards -= wildcards
        }
      }
    } catch {
      say(.error(error, ref: ref))
    }
  }

  private func publish(_ item: PublishItem, ref: Ref?) {
    guard item.draft.data.count <= context.settings.messageBytes else {
      return say(.error(.messageTooLarge(limit: context.settings.messageBytes), ref: ref))
    }
    ask()
    context.publisher.publish([item], on: context.hub.eventLoop) { [weak self] outcomes in
      guard let self else { return }
      defer { answered() }
      guard let outcome = outcomes.first else { return }
      switch outcome {
      case .committed(let published), .repeated(let published):
        if let first = published.first { say(.published(id: first.id, seq: first.seq, ref: ref)) }
      case .refused(let refusal):
        say(.error(refusal.problem(key: item.key), ref: ref))
      }
    }
  }

  // MARK: Commands whose answer is outstanding

  /// What was asked of the store and is not answered.
  struct Unanswered {
    var commands = 0
    /// Of subscribes.
    var topics = 0
    var wildcards = 0
  }

  /// More is not read until fewer are unanswered: enough to keep a store busy over one connection, and few enough that
  /// a store which answers late does not let them pile up.
  private static let mostUnanswered = 64

  private func ask(_ change: (inout Unanswered) -> Void = { _ in }) {
    unanswered.commands += 1
    change(&unanswered)
    if unanswered.commands >= Self.mostUnanswered { peer?.isWanted = false }
  }

  private func answered(_ change: (inout Unanswered) -> Void = { _ in }) {
    unanswered.commands -= 1
    change(&unanswered)
    guard unanswered.commands < Self.mostUnanswered, let peer, !peer.isWanted else { return }
    peer.isWanted = true
    readsAgain()
  }
}
