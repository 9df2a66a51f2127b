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

  private func subscribe(_ topics: [TopicPattern], since: String?, rewind: Int?, ref: Ref?) {
    guard let handle else { return }
    let limit = context.settings.requests.topics
    do throws(Problem) {
      // Subscriptions whose backlog is under way count too, and with each comes one answer to be given later.
      guard context.hub.subscriptionCount(of: handle) + topics.count <= limit else {
        throw .tooManyTopics(limit: limit)
      }
      let start: ReadStart? =
        if let since { since == "earliest" ? .earliest : .since(since) } else if let rewind {
          .rewind(try StreamRequest.checkedRewind(rewind))
        } else { nil }
      context.hub.add(topics, start: start, ref: ref, to: handle) { [weak self] result in
        guard let self else { return }
        switch result {
        case .success(let offset):
          say(.subscribed(topics: topics, id: offset.map(context.hub.position), ref: ref))
        case .failure(let refusal):
          say(.error(refusal.problem(), ref: ref))
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
    context.publisher.publish([item], on: context.hub.eventLoop) { [weak self] outcomes in
      guard let self, let outcome = outcomes.first else { return }
      switch outcome {
      case .committed(let published), .repeated(let published):
        if let first = published.first { say(.published(id: first.id, seq: first.seq, ref: ref)) }
      case .refused(let refusal):
        say(.error(refusal.problem(key: item.key), ref: ref))
      }
    }
  }
}
