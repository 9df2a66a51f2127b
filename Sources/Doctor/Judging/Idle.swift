package import GatewayClient

/// How connections stand silence.
package struct IdleMeasurement: Sendable {
  package struct Line: Sendable {
    package var transport: StreamTransport
    /// What the gateway says, if it does.
    package var heartbeat: Duration?
    package var heartbeats = 0
    /// From the opening to the end, or until it was looked at no more.
    package var lasted: Duration
    /// Since the last thing that came.
    package var silence: Duration
    package var end: End?

    package enum End: Sendable, Hashable {
      case cut(String)
      /// The gateway itself asked to come back later.
      case sentAway
    }

    package init(transport: StreamTransport, lasted: Duration, silence: Duration) {
      self.transport = transport
      self.lasted = lasted
      self.silence = silence
    }
  }

  /// How long they were looked at.
  package var time: Duration
  package var lines: [Line]
  /// What never opened, and so could not be looked at.
  package var unopened: [StreamTransport] = []
  package var poll: PollingMeasurement.Held?

  package init(time: Duration, lines: [Line], poll: PollingMeasurement.Held? = nil) {
    self.time = time
    self.lines = lines
    self.poll = poll
  }
}

extension IdleMeasurement {
  package var findings: [Finding] {
    lines.map(finding)
      + unopened.map { Finding(.idle, .skipped, "\($0.rawValue): it did not open", transport: $0) }
      + (poll.map { [PollingMeasurement.judge($0, .idle, prompt: .seconds(2))] } ?? [])
  }

  private func finding(_ line: Line) -> Finding {
    let name = line.transport.rawValue
    let count = "\(line.heartbeats) heartbeat\(line.heartbeats == 1 ? "" : "s")"
    func found(_ mark: Mark, _ measured: String, _ cause: String? = nil, _ remedies: [Remedy] = []) -> Finding {
      Finding(.idle, mark, "\(name): \(measured)", cause: cause, remedies, transport: line.transport)
    }
    switch line.end {
    case nil:
      if let heartbeat = line.heartbeat, line.heartbeats == 0, line.lasted > heartbeat * 2 {
        return found(
          .problem,
          "stayed open for \(line.lasted.words), but no heartbeat came, which is due every \(heartbeat.words)",
          "a proxy keeps back what it gets until a buffer is full", .buffering)
      }
      return found(.ok, "stays open for \(line.lasted.words), with \(count)")
    case .sentAway:
      return found(
        .warning, "the gateway asked to come back later, after \(line.lasted.words)", "it is being drained",
        [.you("look again when it is back")])
    case .cut(let how):
      let measured = "was \(how) after \(line.lasted.words), \(line.silence.words) after the last thing that came"
      // Cut in a silence that the gateway's heartbeats would have ended: the proxy counts silence.
      let countsSilence = line.heartbeats == 0 || line.silence > .seconds(1) && isLongest(line)
      guard countsSilence else {
        return found(
          .problem, "\(measured), with \(count)",
          "a proxy limits how long any request may take, heartbeats or not: to about \(line.lasted.words)",
          [
            .nginx("worker_shutdown_timeout and reloads of the configuration end streams, too"),
            .haproxy("timeout http-request counts a request's head only; see hard-stop-after"),
            .you("a cloud's load balancer: raise its backend or request timeout; clients resume meanwhile"),
          ])
      }
      return found(
        .problem, measured, "a proxy ends connections that are silent for \(line.silence.words)", .idle)
    }
  }

  /// The silence it was cut in was about as long as one between heartbeats, or nothing is known of those.
  private func isLongest(_ line: Line) -> Bool {
    guard let heartbeat = line.heartbeat else { return true }
    return line.silence >= heartbeat * 0.8
  }
}
