import HTTPServer
import NIOCore
import HTTPSyntax
import StreamLog
import StreamStores
import Transports
import WireFormat

/// One answer of history: read as a subscriber reads what it missed, until the limit or the head.
final class HistoryPage {
  private let exchange: any HTTPExchange
  private let limit: Int
  private let headers: HTTPHeaders
  private let store: any StreamStore
  private let encoding = PollEncoding()
  private var items = ByteBuffer()
  private var messages = 0

  /// Most bytes of messages in one answer; a longer page ends early, and `next` goes on.
  private static let mostBytes = 1 << 20

  init(_ exchange: any HTTPExchange, limit: Int, headers: HTTPHeaders, store: any StreamStore) {
    self.exchange = exchange
    self.limit = limit
    self.headers = headers
    self.store = store
  }

  func begin(_ start: ReadStart, _ pattern: TopicPattern) {
    let answer = LoopAnswer<Result<StartPoint, StoreRefusal>>(exchange.eventLoop) { [self] in began($0) }
    store.resolve(start, patterns: [pattern]) { answer.execute($0) }
  }

  private func began(_ result: Result<StartPoint, StoreRefusal>) {
    switch result {
    case .failure(let refusal): exchange.refuse(refusal.problem(), headers: headers)
    case .success(let start):
      if let gap = start.gap { encoding.append(.gap(gap), isRewinding: false, to: &items) }
      read(
        ReadRequest(
          subscriptions: SubscriptionSet(start.subscriptions), after: start.offset,
          through: max(store.tape.head, start.offset), maxMessages: limit, maxBytes: Self.mostBytes,
          memory: start.memory))
    }
  }

  private func read(_ request: ReadRequest) {
    let answer = LoopAnswer<Result<Page, StoreRefusal>>(exchange.eventLoop) { [self] in received($0, request) }
    store.read(request) { answer.execute($0) }
  }

  private func received(_ result: Result<Page, StoreRefusal>, _ request: ReadRequest) {
    switch result {
    case .failure(let refusal): exchange.refuse(refusal.problem(), headers: headers)
    case .success(let page):
      let lineage = store.tape.lineage
      for item in page.items {
        switch item {
        case .message(let message):
          encoding.append(message, isRewound: false, to: &items)
          messages += 1
        case .gap(let gap):
          encoding.append(.gap(gap.gap(in: lineage)), isRewinding: false, to: &items)
        }
      }
      guard page.through < request.through, messages < limit, items.readableBytes < Self.mostBytes else {
        return exchange.respond(items: items, next: lineage.position(page.through), headers: headers)
      }
      var next = request
      next.after = page.through
      next.memory = page.memory
      next.maxMessages = limit - messages
      next.maxBytes = Self.mostBytes - items.readableBytes
      read(next)
    }
  }
}
