import StreamLog

/// Fills a page up to its bounds, whatever it is read from.
struct PageBuilder {
  private let request: ReadRequest
  private var items: [Page.Item] = []
  private var memory: ReadMemory
  private var position: Offset
  private var messages = 0
  private var bytes = 0

  init(request: ReadRequest) {
    self.request = request
    memory = request.memory
    position = request.after
  }

  /// - Returns: false if the page is full, and the message does not belong to it.
  mutating func add(_ message: Message) -> Bool {
    guard request.subscriptions.wants(message.topic, at: message.offset) else { return true }
    let size = message.encoded.count
    if messages > 0, messages >= request.maxMessages || bytes + size > request.maxBytes { return false }
    items.append(.message(message))
    messages += 1
    bytes += size
    position = message.offset
    return true
  }

  mutating func add(_ gap: PageGap, of subscription: Int) {
    items.append(.gap(gap))
    memory.outstanding[subscription] = nil
    position = max(position, gap.through)
  }

  /// A message was erased: the gap stands where the last of the erased did.
  mutating func add(_ erased: ErasedMessage) {
    request.subscriptions.forEachMatch(erased.topic) { index in
      let subscription = request.subscriptions.list[index]
      guard subscription.needs(erased.topic, after: request.after) < erased.offset else { return true }
      let after =
        memory.outstanding[index] ?? max(erased.predecessor, subscription.needs(erased.topic, after: 0))
      if erased.isLast {
        add(
          PageGap(
            pattern: subscription.pattern, after: after, through: erased.offset,
            seq: subscription.pattern.exact == nil ? nil : erased.seq, reason: .deleted),
          of: index)
      } else {
        memory.outstanding[index] = after
      }
      return true
    }
  }

  /// The page is full: the reader stands at its last item.
  consuming func finish(pending: [(index: Int, after: Offset)] = []) -> Page {
    for (index, after) in pending { memory.outstanding[index] = after }
    return Page(items: items, through: position, memory: memory)
  }

  /// Everything up to `through` is on the page.
  consuming func finish(through: Offset) -> Page {
    Page(items: items, through: max(through, request.after), memory: memory)
  }
}
