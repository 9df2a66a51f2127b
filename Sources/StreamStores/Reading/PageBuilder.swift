package import StreamLog

/// Fills a page up to its bounds, whatever it is read from: messages as they are added, gaps where they stand.
package struct PageBuilder {
  private let request: ReadRequest
  /// Gaps not yet on the page, in order; each with the index of the subscription it belongs to.
  private var gaps: ArraySlice<(index: Int, gap: PageGap)>
  private var items: [Page.Item] = []
  private var memory: ReadMemory
  private var position: Offset
  private var messages = 0
  private var bytes = 0

  package init(request: ReadRequest, gaps: [(index: Int, gap: PageGap)]) {
    self.request = request
    self.gaps = gaps.sorted { ($0.gap.through, $0.index) < ($1.gap.through, $1.index) }[...]
    memory = request.memory
    position = request.after
  }

  /// - Returns: false if the page is full, and the message does not belong to it.
  package mutating func add(_ message: Message) -> Bool {
    guard request.subscriptions.wants(message.topic, at: message.offset) else { return true }
    let size = message.encoded.count
    while let first = gaps.first, first.gap.through < message.offset { addGap() }
    if messages > 0, messages >= request.maxMessages || bytes + size > request.maxBytes { return false }
    items.append(.message(message))
    messages += 1
    bytes += size
    position = message.offset
    return true
  }

  private mutating func addGap() {
    guard let (index, gap) = gaps.popFirst() else { return }
    items.append(.gap(gap))
    if gap.pattern != nil { memory.outstanding[index] = nil }
    position = max(position, gap.through)
  }

  /// The page is full: the reader stands at its last item, and gaps beyond keep where they began.
  package consuming func finish() -> Page {
    // A gap of the whole subscriber is where it is, whatever is read again.
    for (index, gap) in gaps.reversed() where gap.pattern != nil { memory.outstanding[index] = gap.after }
    return Page(items: items, through: position, memory: memory)
  }

  /// Everything up to `through` is on the page; gaps beyond keep where they began.
  package consuming func finish(through: Offset) -> Page {
    while let first = gaps.first, first.gap.through <= through { addGap() }
    position = max(position, through)
    return finish()
  }
}
