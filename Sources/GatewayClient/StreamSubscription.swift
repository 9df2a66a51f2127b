import Locking
import Synchronization

/// A subscription that outlives its connections: it resumes where it was until it is told not to, and every message
/// comes once or a gap says what is missing.
///
/// Iterate it to read; the iterator connects when it is first asked, and nothing is read ahead of its consumer but
/// what the connection has buffered. Cancel the task to end it; `position` then says where to resume.
package final class StreamSubscription: AsyncSequence, Sendable {
  package typealias Element = SubscriptionItem

  private let url: GatewayURL
  private let options: SubscriptionOptions
  private let client: HTTPClient
  private let place: Guarded<Place>
  /// Of polls; it lasts from one connection to the next like the position.
  private let pageLimit: SharedPageLimit

  fileprivate struct Place {
    var position: String?
    /// It came from a gateway, not from the caller.
    var isSeen = false
  }

  /// - Parameters:
  ///   - url: the gateway; a path in it is kept as a prefix.
  ///   - client: its event loops serve every transport, its connections all but websocket.
  package init(_ url: GatewayURL, options: SubscriptionOptions, client: HTTPClient) {
    self.url = url
    self.options = options
    self.client = client
    place = Guarded(Place(position: options.since))
    pageLimit = SharedPageLimit(PageLimit(options.pollLimit))
  }

  /// The `since` that loses nothing of what has not been handed out yet; nil as long as the gateway has not said
  /// where the stream is and the caller gave none.
  package var position: String? { place.withLock { $0.position } }

  package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }

  fileprivate func connect() async throws -> any StreamReader {
    let place = place.withLock { $0 }
    let request = StreamRequest(url: url, options: options, since: place.position, isResuming: place.isSeen)
    switch options.transport {
    case .websocket: return try await WebSocketReader(request, group: client.group)
    case .sse: return try await EventStreamReader(request, client: client)
    case .ndjson: return try await LineStreamReader(request, client: client)
    case .poll: return try await PollReader(request, client: client, limit: pageLimit)
    }
  }

  fileprivate func move(to position: String) {
    place.withLock { $0 = Place(position: position, isSeen: true) }
  }

  package final class AsyncIterator: AsyncIteratorProtocol {
    private enum State {
      case connecting
      case open(any StreamReader, since: ContinuousClock.Instant)
      case waiting(until: ContinuousClock.Instant)
      case finished
    }

    private let subscription: StreamSubscription
    private let clock = ContinuousClock()
    private var policy: ReconnectPolicy
    private var random = SystemRandomNumberGenerator()
    private var state = State.connecting
    private var hasBeenConnected = false
    /// Since the last wait a message or a gap was delivered that no reconnect repeats, or the page limit became smaller.
    private var madeProgress = false

    fileprivate init(_ subscription: StreamSubscription) {
      self.subscription = subscription
      policy = subscription.options.reconnect
    }

    /// What comes next; it never ends by itself.
    ///
    /// - Throws: `GatewayClientError` when there is no use in trying again (4xx but for 408 and 429, close codes 1008
    ///   and 4500 to 4999); `CancellationError` when the task is cancelled.
    package func next() async throws -> SubscriptionItem? {
      while true {
        do {
          switch state {
          case .finished: return nil
          case .connecting:
            let reader = try await subscription.connect()
            state = .open(reader, since: clock.now)
            hasBeenConnected = true
            return .connected
          case .waiting(let until):
            try await Task.sleep(until: until, clock: clock)
            state = .connecting
          case .open(let reader, let since):
            if let item = take(try await reader.next(), connectedAt: since) { return item }
          }
        } catch {
          return try failed(error)
        }
      }
    }

    private func take(_ step: StreamStep, connectedAt: ContinuousClock.Instant) -> SubscriptionItem? {
      switch step {
      case .item(let item, let position):
        if let position {
          subscription.move(to: position)
          switch item {
          case .message, .gap: madeProgress = true
          default: break
          }
        }
        return item
      case .reconnectionTime(let time):
        policy.minimum = time
        return nil
      case .moved(let position):
        if let position { subscription.move(to: position) }
        return nil
      case .ended(let reason, let advice):
        return wait(lasted: clock.now - connectedAt, advice: advice, reason: reason)
      }
    }

    private func failed(_ error: any Error) throws -> SubscriptionItem {
      var consequence = ""
      if case .answerCut? = error as? GatewayClientError {
        // The answer began, so the gateway can be reached.
        hasBeenConnected = true
        consequence = askForLess()
      }
      guard !Task.isCancelled, let known = error as? GatewayClientError, known.isTemporary,
        hasBeenConnected || !subscription.options.failsWithoutFirstConnection
      else {
        state = .finished
        throw Task.isCancelled ? CancellationError() : error
      }
      var lasted: Duration?
      if case .open(_, let since) = state { lasted = clock.now - since }
      var advice: ReconnectPolicy.Advice?
      if case .refused(let refusal) = known, let seconds = refusal.retryAfter { advice = .notBefore(.seconds(seconds)) }
      return wait(lasted: lasted, advice: advice, reason: known.description + consequence)
    }

    /// Halves the page after an answer that was cut. A smaller page is another attempt, not the same one again, so it
    /// counts as progress; there are as many as the limit can be halved times.
    ///
    /// - Returns: what follows, to go behind the reason.
    private func askForLess() -> String {
      guard subscription.pageLimit.cut(), let limit = subscription.pageLimit.current else {
        return "; no smaller answer than the one with a single message can be asked for"
      }
      madeProgress = true
      return "; asking for at most \(limit) message\(limit == 1 ? "" : "s")"
    }

    private func wait(lasted: Duration?, advice: ReconnectPolicy.Advice?, reason: String) -> SubscriptionItem {
      let delay = policy.nextDelay(lasted: lasted, madeProgress: madeProgress, advice: advice, using: &random)
      madeProgress = false
      state = .waiting(until: clock.now + delay)
      return .reconnecting(after: delay, reason: reason)
    }
  }
}
