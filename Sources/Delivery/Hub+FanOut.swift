import NIOCore
import StreamLog
import StreamStores
import WireFormat

/// Bursts: what was committed since the last look goes to every live subscriber in one write each.
extension Hub {
  /// Follows the tape and turns the readers' crank, and comes again while there is more to do. Never run from a
  /// publisher's handler: a wake-up on this loop is put off like any other.
  func tick() {
    guard !isWorking else { return }
    let delivered = drain()
    readPages()
    // While there is work, sockets are served between two rounds: a loop runs its queued tasks to the end before it
    // looks at a socket, but not its scheduled ones.
    if delivered || !readers.isEmpty || !store.tape.rest(follower, at: cursor) { scheduleTick() }
  }

  func scheduleTick() {
    guard !isTickScheduled else { return }
    isTickScheduled = true
    eventLoop.assumeIsolated().scheduleTask(in: .microseconds(20)) {
      self.isTickScheduled = false
      self.tick()
    }
  }

  /// Drains up to the head, so that "from now on" begins there.
  func catchUpToHead() {
    guard !isWorking else { return }
    let head = store.tape.head
    while cursor < head, drain() {}
  }

  /// Fans out one burst. - Returns: whether there was any.
  func drain() -> Bool {
    guard !isWorking else { return false }
    switch store.tape.run(after: cursor, limit: settings.burstMessages) {
    case .entries(let entries, _):
      guard !entries.isEmpty else { return false }
      isWorking = true
      fanOut(entries)
      isWorking = false
      freeGoneSlots()
      return true
    case .below(_, let head):
      // The tape has passed this loop: its live subscribers go on from the topics' histories.
      for slot in hot.indices where hot[slot].state == .live { makeReader(Int32(slot)) }
      cursor = head
      admitAhead()
      return true
    }
  }

  /// A live subscriber stays where the cursor is now and reads pages from there.
  func makeReader(_ slot: Int32) {
    hot[Int(slot)].position = cursor
    hot[Int(slot)].state = .reading
    cold[Int(slot)]?.memory = ReadMemory(began: 0)
    enqueue(handle(of: slot))
  }

  /// What a live subscriber wants is about to change in the middle of a burst that has not reached it: it reads that
  /// burst as pages instead.
  func leaveBurst(_ slot: Int32) {
    guard isWorking, hot[Int(slot)].state == .live, hot[Int(slot)].position <= cursor else { return }
    makeReader(slot)
  }

  private func fanOut(_ entries: [TapeEntry]) {
    burst &+= 1
    var messages: [Message] = []
    var sources: [TopicInterest.Sources] = []
    var bytes = 0
    var isUniform = true
    var through = cursor
    gathering: for entry in entries {
      guard let source = interest.sources(of: entry.topic) else {
        through = entry.offset
        continue
      }
      switch entry {
      case .erased:
        // The gap's text depends on what each subscribed to: they read it as a page.
        for list in source.lists {
          for slot in list.slots where hot[Int(slot)].state == .live { makeReader(slot) }
        }
      case .message(let message):
        bytes += message.encoded.count
        // What one write carries, and so what a reader that stalls on it keeps, is bounded; the rest is another burst.
        if bytes > settings.burstBytes, !messages.isEmpty { break gathering }
        if let first = sources.first, !(first == source) { isUniform = false }
        messages.append(message)
        sources.append(source)
      }
      through = entry.offset
    }
    if !messages.isEmpty { deliver(messages, sources, isUniform: isUniform, through: through) }
    cursor = through
    admitAhead()
  }

  private func deliver(
    _ messages: [Message], _ sources: [TopicInterest.Sources], isUniform: Bool, through: Offset
  ) {
    touched.removeAll(keepingCapacity: true)
    var takers = [Int](repeating: 0, count: messages.count)
    if isUniform {
      let count = touch(sources[0], first: 0, end: messages.count)
      for index in takers.indices { takers[index] = count }
    } else {
      for (index, source) in sources.enumerated() { takers[index] = touch(source, first: index, end: index + 1) }
    }
    write(messages, through: through)
    recordLatency(messages, takers)
  }

  /// Notes that these messages of the burst go to everyone listed, each once. - Returns: how many that are.
  private func touch(_ source: TopicInterest.Sources, first: Int, end: Int) -> Int {
    let (first, end) = (Int32(first), Int32(end))
    var count = 0
    for list in source.lists {
      for slot in list.slots where hot[Int(slot)].state == .live {
        if hot[Int(slot)].burst != burst {
          hot[Int(slot)].burst = burst
          hot[Int(slot)].first = first
          hot[Int(slot)].end = end
          hot[Int(slot)].last = end
          touched.append(slot)
        } else if hot[Int(slot)].last == end {
          // On another list too.
          continue
        } else {
          extend(slot, first: first, end: end)
        }
        count += 1
      }
    }
    return count
  }

  private func extend(_ slot: Int32, first: Int32, end: Int32) {
    defer { hot[Int(slot)].last = end }
    guard hot[Int(slot)].last != first || overflow[slot] != nil else {
      hot[Int(slot)].end = end
      return
    }
    var runs = overflow[slot] ?? []
    if let last = runs.last, last.upperBound == Int(first) {
      runs[runs.count - 1] = last.lowerBound..<Int(end)
    } else {
      runs.append(Int(first)..<Int(end))
    }
    overflow[slot] = runs
  }

  private func write(_ messages: [Message], through: Offset) {
    var arenas: [Arena?] = Array(repeating: nil, count: encodings.count)
    for slot in touched where hot[Int(slot)].state == .live {
      let encoding = Int(hot[Int(slot)].encoding)
      if arenas[encoding] == nil { arenas[encoding] = Arena(messages, encodings[encoding]) }
      let (first, end) = (Int(hot[Int(slot)].first), Int(hot[Int(slot)].end))
      let extra = overflow.isEmpty ? nil : overflow[slot]
      let count = end - first + (extra?.reduce(0) { $0 + $1.count } ?? 0)
      guard count <= Int(hot[Int(slot)].maxMessages) else {
        makeReader(slot)
        continue
      }
      let bytes = arenas[encoding]!.bytes(first..<end, and: extra)
      send(bytes, messages: count, to: slot, through: through)
    }
    if !overflow.isEmpty { overflow.removeAll(keepingCapacity: true) }
  }

  private func send(_ bytes: ByteBuffer, messages: Int, to slot: Int32, through: Offset) {
    guard let subscriber = cold[Int(slot)] else { return }
    counters.deliveries += UInt64(messages)
    counters.deliveredBytes += UInt64(bytes.readableBytes)
    subscriber.sentMessages += UInt64(messages)
    hot[Int(slot)].lastSent = seconds
    hot[Int(slot)].position = through
    // Whatever the sink does in there, the slot is nobody else's before the burst is over.
    if !subscriber.sink.deliver(bytes, through: through), cold[Int(slot)] != nil {
      stall(slot, unsent: bytes.readableBytes)
    }
  }

  private func recordLatency(_ messages: [Message], _ deliveries: [Int]) {
    let now = clock()
    for (message, deliveries) in zip(messages, deliveries) where deliveries > 0 {
      let elapsed = now > message.committedAt ? now - message.committedAt : 0
      counters.recordLatency(microseconds: elapsed / 1000, deliveries: deliveries)
    }
  }
}

/// One burst's messages in one encoding, back to back, with where each ends.
struct Arena {
  private let buffer: ByteBuffer
  private let ends: [Int]

  init(_ messages: [Message], _ encoding: any StreamEncoding) {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(messages.reduce(0) { $0 + $1.encoded.count + 96 })
    ends = messages.map { message in
      encoding.append(message, isRewound: false, to: &buffer)
      return buffer.writerIndex
    }
    self.buffer = buffer
  }

  private func range(_ run: Range<Int>) -> Range<Int> {
    (run.lowerBound == 0 ? 0 : ends[run.lowerBound - 1])..<ends[run.upperBound - 1]
  }

  /// One run's bytes are a slice; several runs are copied together, so that each subscriber has one write.
  func bytes(_ run: Range<Int>, and extra: [Range<Int>]?) -> ByteBuffer {
    let first = range(run)
    var bytes = buffer.getSlice(at: first.lowerBound, length: first.count)!
    guard let extra else { return bytes }
    bytes.reserveCapacity(bytes.readableBytes + extra.reduce(0) { $0 + range($1).count })
    for run in extra {
      let range = range(run)
      bytes.writeImmutableBuffer(buffer.getSlice(at: range.lowerBound, length: range.count)!)
    }
    return bytes
  }
}
