/// Publishing at a pace, and counting what was acknowledged.
extension LoadLoop {
  /// How long a publisher rests that was refused, in nanoseconds.
  private static let rest: UInt64 = 100_000_000

  func connectPublishers() {
    let plan = target.plan
    for number in stride(from: self.number, to: plan.publishers, by: plan.threads) {
      do {
        let key = Self.publisherKeys + UInt64(publishers.count)
        let link = try Link(to: target.address, from: nil, key: key, poller: poller)
        publishers.append(PublisherConnection(number: number, link: link))
        if !link.isConnecting { status.publishersReady += 1 }
      } catch {
        status.publishersLost += 1
        status.faults.add("publisher: \(error)")
      }
    }
  }

  func publish(_ groups: Range<Int>, _ pace: Pace, start: UInt64) {
    self.pace = pace
    publishGroups = groups
    publishStart = start
    due = 0
    progressed()
    for publisher in publishers {
      publisher.sent = 0
      publisher.owed = 0
      if case .rate = pace { continue }
      sendNext(publisher)
    }
  }

  func stopPublishing() {
    pace = nil
    resting = []
  }

  // MARK: - When

  /// When the next message is due; nil if that depends on answers alone.
  func nextPublish() -> UInt64? {
    let rested = resting.first?.until
    guard case .rate(let rate, let most) = pace, !publishers.isEmpty else { return rested }
    return min(dueTime(rate, most), rested ?? .max)
  }

  /// When this loop's next message is due: of the run's messages, which follow each other at the same distance, the
  /// publishers take turns.
  private func dueTime(_ rate: Double, _ most: Int) -> UInt64 {
    let publisher = publishers[due % publishers.count].number
    let message = due / publishers.count * target.plan.publishers + publisher
    return message < most ? publishStart + UInt64(Double(message) / rate * 1e9) : .max
  }

  func publishDue(_ now: UInt64) {
    while let (until, index) = resting.first, until <= now {
      resting.removeFirst()
      sendNext(publishers[index])
    }
    guard case .rate(let rate, let most) = pace, !publishers.isEmpty else { return }
    while dueTime(rate, most) <= now {
      let publisher = publishers[due % publishers.count]
      due += 1
      if publisher.sentAt == 0 { sendNext(publisher) } else { publisher.owed += 1 }
    }
  }

  // MARK: - Sending and answers

  private func sendNext(_ publisher: PublisherConnection) {
    guard let pace, publisher.sentAt == 0, publisher.link?.isConnecting == false else { return }
    let message = publisher.sent * target.plan.publishers + publisher.number
    if case .count(let count) = pace, message >= count { return }
    publisher.sent += 1
    publisher.topic = target.plan.topic(ofMessage: message, in: publishGroups)
    publisher.sentAt = StampClock.now
    template.fill(topic: publisher.topic, stamp: publisher.sentAt)
    do { try publisher.link?.send(template.bytes, poller) } catch { lose(publisher, "\(error)") }
  }

  func publisherIsReady(_ index: Int, _ interest: Poller.Interest) {
    let publisher = publishers[index]
    guard publisher.link != nil else { return }
    do {
      if interest.contains(.write) {
        if publisher.link?.isConnecting == true {
          try publisher.link?.connected(poller)
          status.publishersReady += 1
          return
        }
        try publisher.link?.flush(poller)
      }
      guard interest.contains(.read), let count = try publisher.link?.receive(into: buffer) else { return }
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      var refusal: String?
      let isAnswered = try publisher.reader.feed(bytes) { head, body in
        refusal = acknowledged(publisher, head, body)
      }
      guard isAnswered else { return }
      guard publisher.sentAt != 0 else { return lose(publisher, refusal ?? "answered what was not asked") }
      publisher.sentAt = 0
      publisher.wasUsed = true
      if let refusal {
        status.faults.add("publish \(refusal)")
        resting.append((StampClock.now + Self.rest, index))
      } else {
        goOn(publisher)
      }
    } catch {
      lose(publisher, "\(error)")
    }
  }

  /// - Returns: what the gateway said if it did not take the message.
  private func acknowledged(
    _ publisher: PublisherConnection, _ head: AnswerHead, _ body: UnsafeRawBufferPointer
  ) -> String? {
    let now = StampClock.now
    status.lastProgress = now
    guard (200..<300).contains(head.status), let seq = PublisherConnection.seq(in: body) else {
      return "\(StreamFault.refused(status: head.status, detail: ProblemDetail.of(body)))"
    }
    committed[publisher.topic] = max(committed[publisher.topic], seq)
    status.acknowledged += 1
    intake.interval.published += 1
    result.acknowledgements.record(now - publisher.sentAt)
    return nil
  }

  private func goOn(_ publisher: PublisherConnection) {
    if case .rate = pace {
      guard publisher.owed > 0 else { return }
      publisher.owed -= 1
    }
    sendNext(publisher)
  }

  /// A connection that was closed while it was unused is opened again, as every client of HTTP does; one that was
  /// lost with a message under way is a fault, and what became of the message is not known.
  private func lose(_ publisher: PublisherConnection, _ reason: String) {
    let wasConnected = publisher.link?.isConnecting == false
    publisher.link?.shut()
    publisher.link = nil
    progressed()
    if publisher.wasUsed, publisher.sentAt == 0, !publisher.reader.isInside {
      publisher.wasUsed = false
      let key = Self.publisherKeys + UInt64(publishers.firstIndex { $0 === publisher } ?? 0)
      if let link = try? Link(to: target.address, from: nil, key: key, poller: poller) {
        status.publishersReady -= 1
        publisher.link = link
        if !link.isConnecting { status.publishersReady += 1 }
        return
      }
    }
    publisher.sentAt = 0
    if wasConnected { status.publishersReady -= 1 }
    status.publishersLost += 1
    status.faults.add("publisher: \(reason)")
  }
}
