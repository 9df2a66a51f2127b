import DequeModule
import NIOCore
import StreamLog
import StreamStores
import WireFormat

/// Pages: how a subscriber that is not at the cursor gets there.
extension Hub {
  /// Decides how a subscriber goes on from where it stands.
  func settle(_ handle: SubscriberHandle) {
    guard let subscriber = subscriber(handle) else { return }
    let slot = Int(handle.slot)
    guard hot[slot].state != .opening, hot[slot].state != .live, !hot[slot].isAwaitingPage else { return }
    let goal = max(subscriber.subscriptions.latestStart, subscriber.backlogEnd)
    if hot[slot].position > cursor || (hot[slot].position == cursor && goal > cursor) {
      hot[slot].state = .ahead
      guard !hot[slot].isListedAhead else { return }
      hot[slot].isListedAhead = true
      ahead.append(handle)
      // Nobody may wake the loop for what lies between.
      scheduleTick()
    } else if hot[slot].position < cursor || isWorking {
      // In the middle of a burst the cursor is about to move: the subscriber was not part of it.
      hot[slot].state = .reading
      enqueue(handle)
    } else if hot[slot].isReady {
      announceOwed(to: handle, subscriber)
      guard isCurrent(handle) else { return }
      guard hot[slot].isReady else { return hot[slot].state = .reading }
      hot[slot].state = .live
      hot[slot].socket = subscriber.sink.socket
      becomeLive(handle, subscriber)
    } else {
      hot[slot].state = .reading
    }
  }

  private func becomeLive(_ handle: SubscriberHandle, _ subscriber: Subscriber) {
    if subscriber.subscriptions.isUnsettled {
      let count = subscriber.subscriptions.count
      subscriber.subscriptions.settle(at: cursor)
      counters.subscriptions -= count - subscriber.subscriptions.count
    }
    subscriber.memory = ReadMemory(began: 0)
    subscriber.rewindThrough = 0
    subscriber.backlogEnd = 0
    defer { subscriber.metGap = nil }
    if subscriber.isResuming {
      subscriber.isResuming = false
      switch subscriber.metGap {
      case nil: counters.resumesComplete += 1
      case .epoch: counters.resumesUnknown += 1
      default: counters.resumesWithGap += 1
      }
    }
    if !subscriber.awaitingCaughtUp.isEmpty {
      let refs = subscriber.awaitingCaughtUp
      subscriber.awaitingCaughtUp = []
      subscriber.sink.caughtUp(at: cursor, refs: refs)
    }
  }

  func enqueue(_ handle: SubscriberHandle) {
    let slot = Int(handle.slot)
    guard hot[slot].isReady, !hot[slot].isQueued else { return }
    hot[slot].isQueued = true
    readers.append(handle)
    if !isWorking { scheduleTick() }
  }

  /// Reads a few pages, each reader's next one in turn.
  func readPages() {
    for _ in 0..<min(settings.pagesPerTick, readers.count) {
      guard let handle = readers.popFirst() else { return }
      guard let subscriber = subscriber(handle) else { continue }
      let slot = Int(handle.slot)
      hot[slot].isQueued = false
      guard hot[slot].state == .reading, hot[slot].isReady, !hot[slot].isAwaitingPage else { continue }
      guard hot[slot].position < cursor else {
        settle(handle)
        continue
      }
      readPage(handle, subscriber)
    }
  }

  private func readPage(_ handle: SubscriberHandle, _ subscriber: Subscriber) {
    let slot = Int(handle.slot)
    let isPoll = hot[slot].isPoll
    let request = ReadRequest(
      subscriptions: subscriber.subscriptions, after: hot[slot].position, through: cursor,
      maxMessages: isPoll ? Int(hot[slot].maxMessages) : settings.pageMessages,
      maxBytes: isPoll ? settings.answerBytes : settings.pageBytes, memory: subscriber.memory)
    hot[slot].isAwaitingPage = true
    let hub = HubHandle(self)
    let reading = subscriber.reading
    store.read(request) { result in hub.execute { $0.received(result, for: handle, reading: reading) } }
  }

  private func received(_ result: Result<Page, StoreRefusal>, for handle: SubscriberHandle, reading: UInt32) {
    guard let subscriber = subscriber(handle) else { return }
    let slot = Int(handle.slot)
    hot[slot].isAwaitingPage = false
    announceOwed(to: handle, subscriber)
    // Its reading was taken back or its subscriptions changed while the page was on its way: it reads another.
    guard subscriber.reading == reading, hot[slot].state == .reading, hot[slot].isReady else { return settle(handle) }
    switch result {
    case .failure(let refusal) where hot[slot].isPoll:
      release(handle)
      subscriber.sink.refused(refusal)
    case .failure:
      // The store cannot be asked: the subscriber stays where it is and asks again.
      eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) { self.settle(handle) }
    case .success(let page):
      subscriber.memory = page.memory
      tell(page, to: handle, subscriber)
      settle(handle)
    }
  }

  private func tell(_ page: Page, to handle: SubscriberHandle, _ subscriber: Subscriber) {
    let slot = Int(handle.slot)
    hot[slot].position = page.through
    guard !page.items.isEmpty else { return }
    let encoding = arenas[Int(hot[slot].encoding)].encoding
    let lineage = store.tape.lineage
    var bytes = ByteBuffer()
    var messages = 0
    for item in page.items {
      switch item {
      case .message(let message):
        encoding.append(message, isRewound: message.offset <= subscriber.rewindThrough, to: &bytes)
        messages += 1
      case .gap(let gap):
        encoding.append(
          .gap(gap.gap(in: lineage)), isRewinding: gap.through < subscriber.rewindThrough, to: &bytes)
        count(gap.reason, subscriber)
      }
    }
    counters.deliveries += UInt64(messages)
    counters.deliveredBytes += UInt64(bytes.readableBytes)
    hot[slot].sentMessages += UInt64(messages)
    hand(bytes, to: handle, subscriber, through: page.through)
  }

  /// Tells a subscriber of a gap that no page has: its log is unknown, or ended before its position.
  func announce(_ gap: Gap, to handle: SubscriberHandle, through: Offset) {
    guard let subscriber = subscriber(handle) else { return }
    var bytes = ByteBuffer()
    arenas[Int(hot[Int(handle.slot)].encoding)].encoding.append(.gap(gap), isRewinding: false, to: &bytes)
    count(gap.reason, subscriber)
    hand(bytes, to: handle, subscriber, through: through)
  }

  /// Announces gaps that no page has any more.
  private func announceOwed(to handle: SubscriberHandle, _ subscriber: Subscriber) {
    while isCurrent(handle), hot[Int(handle.slot)].isReady {
      let position = position(of: handle)
      guard let index = subscriber.owedGaps.firstIndex(where: { $0.through <= position }) else { return }
      let gap = subscriber.owedGaps.remove(at: index)
      announce(
        Gap(
          topic: gap.topic, after: gap.after, through: self.position(at: position), seq: nil, reason: gap.reason),
        to: handle, through: position)
    }
  }

  private func count(_ reason: Gap.Reason, _ subscriber: Subscriber) {
    counters.gaps[reason, default: 0] += 1
    if subscriber.metGap != .epoch { subscriber.metGap = reason }
  }

  private func hand(_ bytes: ByteBuffer, to handle: SubscriberHandle, _ subscriber: Subscriber, through: Offset) {
    hot[Int(handle.slot)].lastSent = seconds
    if !subscriber.sink.deliver(bytes, through: through), isCurrent(handle) {
      stall(handle.slot, unsent: bytes.readableBytes)
    }
  }

  /// The transport takes no more until it says so: the subscriber is not live until then.
  ///
  /// - Parameter unsent: the bytes it was handed last.
  func stall(_ slot: Int32, unsent: Int) {
    guard let subscriber = cold[Int(slot)] else { return }
    if unsent > 0 { setUnsent(unsent, of: subscriber) }
    guard hot[Int(slot)].isReady else { return }
    hot[Int(slot)].isReady = false
    hot[Int(slot)].lastSent = seconds
    if hot[Int(slot)].state == .live {
      hot[Int(slot)].position = position(of: handle(of: slot))
      hot[Int(slot)].state = .reading
      subscriber.memory = ReadMemory(began: 0)
    }
  }

  func setUnsent(_ bytes: Int, of subscriber: Subscriber) {
    guard bytes != subscriber.unsent else { return }
    ledger.addUnsent(bytes - subscriber.unsent)
    subscriber.unsent = bytes
  }

  /// The cursor has moved: subscribers that waited for it go on.
  func admitAhead() {
    guard !ahead.isEmpty else { return }
    let waiting = ahead
    ahead = []
    for handle in waiting where isCurrent(handle) {
      hot[Int(handle.slot)].isListedAhead = false
      guard hot[Int(handle.slot)].state == .ahead else { continue }
      hot[Int(handle.slot)].state = .reading
      settle(handle)
    }
  }
}
