import DirectWriter
import LoopTurns
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
    turns.next {
      self.isTickScheduled = false
      self.tick()
    }
  }

  /// Moves up over what nobody here takes: a loop is not woken for it, and "now" is above it.
  func skipUntaken() {
    guard !isWorking else { return }
    let began = cursor
    while case .entries(let entries, let head) = store.tape.run(after: cursor, limit: settings.burstMessages),
      head > cursor
    {
      guard !entries.isEmpty else {
        cursor = head
        break
      }
      let untaken = entries.prefix { interest.sources(of: $0.topic) == nil }
      guard let last = untaken.last else { break }
      cursor = last.offset
      if untaken.count < entries.count { break }
    }
    if cursor > began { admitAhead() }
  }

  /// Fans out one burst. - Returns: whether there was any.
  func drain() -> Bool {
    guard !isWorking else { return false }
    switch store.tape.run(after: cursor, limit: settings.burstMessages) {
    case .entries(let entries, let head):
      guard !entries.isEmpty else { return advance(to: head) }
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

  /// Moves up to where an epoch begins that has nothing yet. - Returns: whether the loop was not there.
  private func advance(to head: Offset) -> Bool {
    guard head > cursor else { return false }
    cursor = head
    admitAhead()
    return true
  }

  /// A live subscriber stays where the cursor is now and reads pages from there.
  func makeReader(_ slot: Int32) { readOn(slot, from: cursor) }

  /// A live subscriber is live no longer, and reads pages from `position`.
  func readOn(_ slot: Int32, from position: Offset) {
    hot[Int(slot)].position = position
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
    burst.begin()
    var bytes = 0
    var through = cursor
    gathering: for entry in entries {
      guard let sources = interest.sources(of: entry.topic) else {
        through = entry.offset
        continue
      }
      switch entry {
      case .erased:
        // The gap's text depends on what each subscribed to: they read it as a page.
        for list in sources.lists {
          for slot in list.slots where hot[Int(slot)].state == .live { makeReader(slot) }
        }
      case .message(let message):
        bytes += message.encoded.count
        // What one write carries, and so what a reader that stalls on it keeps, is bounded; the rest is another burst.
        if bytes > settings.burstBytes, !burst.messages.isEmpty { break gathering }
        burst.append(message, sources)
      }
      through = entry.offset
    }
    if !burst.messages.isEmpty {
      touch()
      write(through: through)
      recordLatency()
      burst.end()
    }
    cursor = through
    admitAhead()
  }

  /// Finds out who gets which of the burst's messages.
  private func touch() {
    hot.withUnsafeMutableBufferPointer { hot in
      for index in burst.segments.indices {
        let segment = burst.segments[index]
        let (first, end) = (Int32(segment.first), Int32(segment.end))
        var takers = 0
        for list in segment.sources.lists {
          for slot in list.slots where hot[Int(slot)].state == .live {
            if burst.give(&hot[Int(slot)], owner: slot, first: first, end: end) { takers += 1 }
          }
        }
        for _ in first..<end { burst.takers.append(takers) }
      }
    }
  }

  /// Writes to everyone touched: straight to their sockets all at once, to the others through their sinks afterwards.
  private func write(through: Offset) {
    stage(through: through)
    for arena in arenas { arena.submit() }
    // From here on transports are called, and whatever they do in there, a slot is nobody else's before the burst is
    // over.
    for slot in burst.overfull where hot[Int(slot)].state == .live { makeReader(slot) }
    for arena in arenas {
      for unfinished in arena.batch.unfinished {
        finish(unfinished.owner, arena, taken: unfinished.taken, through: through)
      }
    }
    for slot in burst.others where hot[Int(slot)].state == .live { deliver(to: slot, through: through) }
  }

  /// Fills the batches. Nothing is called from here that could come back.
  private func stage(through: Offset) {
    let burst = burst
    var deliveries = 0
    var bytes = 0
    // What the one before got: most get the same.
    var same = HotSlot()
    var arena: Arena?
    var (count, length, isStaged) = (0, 0, false)
    hot.withUnsafeMutableBufferPointer { hot in
      for slot in burst.touched {
        let index = Int(slot)
        if arena == nil || !hot[index].getsSame(as: same) {
          same = hot[index]
          arena = arenas[Int(same.encoding)]
          arena?.fill(with: burst)
          count = burst.count(of: same)
          isStaged = false
        }
        guard count <= Int(hot[index].maxMessages) else {
          burst.overfull.append(slot)
          continue
        }
        // One that became live while it was answered had none to give at that moment.
        if hot[index].socket < 0, hot[index].maxMessages == .max {
          hot[index].socket = cold[index]?.sink.socket ?? -1
        }
        guard hot[index].socket >= 0 else {
          burst.others.append(slot)
          continue
        }
        assert(cold[index]?.sink.socket == hot[index].socket, "a transport did not say that it is blocked or closing")
        if isStaged {
          arena?.batch.repeatLast(to: hot[index].socket, owner: slot)
        } else {
          length = arena?.stage(hot[index], in: burst, owner: slot) ?? 0
          isStaged = true
        }
        bytes += length
        deliveries += count
        hot[index].position = through
        hot[index].lastSent = seconds
        hot[index].sentMessages += UInt64(count)
      }
    }
    counters.deliveries += UInt64(deliveries)
    counters.deliveredBytes += UInt64(bytes)
  }

  /// A socket did not take all of the burst: the rest of the message that was cut goes through the sink, and the
  /// subscriber stands behind it.
  private func finish(_ slot: Int32, _ arena: Arena, taken: Int, through: Offset) {
    guard let subscriber = cold[Int(slot)] else { return }
    let (message, rest, after) = arena.cut(hot[Int(slot)], in: burst, taken: taken)
    let position = after == 0 ? through : burst.messages[message].offset
    if hot[Int(slot)].state == .live { hot[Int(slot)].position = position }
    hot[Int(slot)].sentMessages -= UInt64(after)
    counters.deliveries -= UInt64(after)
    counters.deliveredBytes -= UInt64(arena.length(of: hot[Int(slot)], in: burst) - taken - rest.readableBytes)
    let takesMore = subscriber.sink.deliver(rest, through: position)
    guard cold[Int(slot)] === subscriber else { return }
    if !takesMore {
      stall(slot, unsent: rest.readableBytes)
    } else if after > 0, hot[Int(slot)].state == .live {
      readOn(slot, from: position)
    }
  }

  private func deliver(to slot: Int32, through: Offset) {
    guard let subscriber = cold[Int(slot)] else { return }
    let bytes = arenas[Int(hot[Int(slot)].encoding)].bytes(of: hot[Int(slot)], in: burst)
    let count = UInt64(burst.count(of: hot[Int(slot)]))
    counters.deliveries += count
    counters.deliveredBytes += UInt64(bytes.readableBytes)
    hot[Int(slot)].sentMessages += count
    hot[Int(slot)].lastSent = seconds
    hot[Int(slot)].position = through
    let takesMore = subscriber.sink.deliver(bytes, through: through)
    if !takesMore, cold[Int(slot)] === subscriber { stall(slot, unsent: bytes.readableBytes) }
  }

  private func recordLatency() {
    let now = clock()
    for (message, deliveries) in zip(burst.messages, burst.takers) where deliveries > 0 {
      let elapsed = now > message.committedAt ? now - message.committedAt : 0
      counters.recordLatency(microseconds: elapsed / 1000, deliveries: deliveries)
    }
  }
}
