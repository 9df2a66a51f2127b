import Doctor
import GatewayClient
import TLS
import Testing

/// What is said of measurements, without a socket.
@Suite struct JudgementTests {
  private func lost(_ why: String = "reset") -> GatewayClientError { .connectionLost(why) }
  private func refused(_ status: Int, _ code: String? = nil) -> GatewayClientError {
    .refused(Refusal(status: status, code: code, detail: "no"))
  }

  /// The one finding that is not ok.
  private func bad(_ findings: [Finding]) throws -> Finding {
    let bad = findings.filter { $0.mark != .ok }
    #expect(bad.count == 1, "\(findings)")
    return try #require(bad.first)
  }

  // MARK: - Reach

  private func reach(_ url: String, offers: [String], _ change: (inout ReachMeasurement) -> Void = { _ in }) throws
    -> ReachMeasurement
  {
    var reach = ReachMeasurement(url: try GatewayURL(url))
    reach.trial.lookup = .milliseconds(1)
    reach.trial.connect = .milliseconds(1)
    reach.answer = .gateway(
      Negotiated(offers: offers.map { Negotiated.Offer(name: "websocket", url: $0) }, position: "a-1"))
    change(&reach)
    return reach
  }

  @Test(arguments: [
    ("https://rt.example.com", "wss://rt.example.com/v1/stream", nil, false, false),
    ("https://rt.example.com:443", "wss://RT.example.com/v1/stream", nil, false, false),
    ("https://rt.example.com", "ws://rt.example.com/v1/stream", Mark.problem, false, true),
    ("http://rt.example.com", "wss://rt.example.com/v1/stream", .warning, false, false),
    ("https://rt.example.com", "wss://sluice/v1/stream", .problem, true, true),
    ("https://rt.example.com", "wss://other.example.com/v1/stream", .warning, false, false),
    ("https://rt.example.com/base", "wss://rt.example.com/v1/stream", .warning, false, false),
    ("https://rt.example.com/base", "wss://rt.example.com/base/v1/stream", nil, false, false),
  ])
  func `the URLs that are given out agree with the one asked`(
    _ asked: String, _ given: String, _ mark: Mark?, _ isUnreachable: Bool, _ keepsBrowsersOut: Bool
  ) throws {
    let reach = try reach(asked, offers: [given]) {
      $0.advertisedFailure = isUnreachable ? .unreachable("no") : nil
    }
    #expect(reach.keepsBrowsersOut == keepsBrowsersOut)
    guard let mark else { return #expect(reach.findings.allSatisfy { $0.mark == .ok }, "\(reach.findings)") }
    let finding = try bad(reach.findings)
    #expect(finding.mark == mark && finding.measured.contains(given) && !finding.remedies.isEmpty, "\(finding)")
  }

  @Test func `gateways with a log each are told, and an operators' interface`() throws {
    let several = try bad(
      reach("http://h", offers: ["ws://h/v1/stream"]) { $0.logs = ["a", "b"] }.findings)
    #expect(several.mark == .problem)
    #expect(several.remedies.contains(.sluice("store: redis://HOST:PORT/DB, the same on every node")))
    #expect(try bad(reach("http://h", offers: ["ws://h/v1/stream"]) { $0.showsAdmin = true }.findings).mark == .problem)
  }

  @Test(arguments: [
    (Int64(90), Mark?.none), (13, .warning), (-1, .warning),
  ])
  func `a certificate that ends soon is told in time`(_ days: Int64, _ mark: Mark?) throws {
    let reach = try reach("https://h", offers: []) {
      $0.now = 1_000_000_000
      $0.trial.certificate = CertificateSummary(
        file: "", names: ["h"], notBefore: 0, notAfter: $0.now + days * 86_400, issuer: "i", isSelfSigned: false)
    }
    #expect(reach.findings.first { $0.mark != .ok }?.mark == mark)
  }

  @Test(arguments: [
    ("certificate verify failed: certificate has expired", Int64(-86_400), false, "it ended 1 days ago"),
    ("certificate verify failed: hostname mismatch", 86_400, false, "another name than h"),
    ("certificate verify failed: self-signed certificate", 86_400, true, "self-signed"),
    ("certificate verify failed: unable to get local issuer certificate", 86_400, false, "chain is incomplete"),
  ])
  func `why a certificate does not verify is told`(
    _ words: String, _ lasts: Int64, _ isSelfSigned: Bool, _ cause: String
  ) throws {
    var reach = ReachMeasurement(url: try GatewayURL("https://h"))
    reach.now = 1_000_000_000
    reach.trial.connect = .milliseconds(1)
    reach.trial.failure = .untrusted(words)
    var shown = ConnectionTrial()
    shown.certificate = CertificateSummary(
      file: "", names: ["x"], notBefore: 0, notAfter: reach.now + lasts, issuer: "i", isSelfSigned: isSelfSigned)
    reach.unverified = shown
    let finding = try bad(reach.findings)
    #expect(finding.mark == .problem && finding.cause?.contains(cause) == true, "\(finding)")
    #expect(reach.keepsBrowsersOut)
  }

  @Test(arguments: [
    (ReachMeasurement.Answer.foreign(status: 200, location: nil), "not by a Sluice gateway", "public_url"),
    (.foreign(status: 301, location: "https://h/"), "to https://h/", "give that URL"),
    (.failed(.refused(Refusal(status: 502, detail: ""))), "by a proxy", "upstream sluice"),
    (.failed(.refused(Refusal(status: 404, detail: ""))), "not by a Sluice gateway", "with its path"),
    (.failed(.refused(Refusal(status: 401, detail: ""))), "401", "--token"),
    (.failed(.refused(Refusal(status: 400, detail: ""))), "400", "https://h"),
    (.failed(.refused(Refusal(status: 404, code: "not-found", detail: ""))), "knows no", "takes /base away"),
    (.failed(.refused(Refusal(status: 406, code: "x", detail: "not so"))), "not so", "its log"),
    (.failed(.refused(Refusal(status: 503, code: "draining", detail: "it drains"))), "it drains", "/health/ready"),
    (.failed(.timedOut("")), "never answered", "what listens"),
  ])
  func `what answers instead of a gateway is told apart`(
    _ answer: ReachMeasurement.Answer, _ measured: String, _ remedy: String
  ) throws {
    let finding = try bad(try reach("http://h", offers: []) { $0.answer = answer }.findings)
    #expect(finding.mark == .problem && finding.measured.contains(measured), "\(finding)")
    #expect(finding.remedies.contains { $0.line.contains(remedy) }, "\(finding)")
  }

  // MARK: - Websockets

  @Test func `ways for a websocket to fail are told apart`() throws {
    let cases: [(UpgradeMeasurement, String, String)] = [
      (.refused(refused(426, "upgrade-required")), "426", "took Upgrade or Connection away"),
      (.refused(refused(401)), "401", "cannot send a token"), (.refused(refused(403)), "403", "not allowed"),
      (.refused(refused(502)), "502", "answers websockets itself"),
      (.refused(refused(429, "too-many-connections")), "429", "the gateway refuses it"),
      (.refused(lost()), "cut off", "cuts websockets off"),
      (.refused(.notUnderstood("200")), "not understood", "without its upgrade"),
      (.silent(.seconds(5)), "nothing came", "waits for HTTP"),
      (.deaf(.seconds(5)), "no answer", "not what the client"),
      (.ended(after: .seconds(1), why: "cut off", saidHello: true), "hello and was cut off after 1 s", "scanner"),
    ]
    for (measurement, measured, cause) in cases {
      let finding = try bad(measurement.findings)
      #expect(finding.mark == .problem && finding.transport == .websocket)
      #expect(finding.measured.contains(measured) && finding.cause?.contains(cause) == true, "\(finding)")
      #expect(!finding.remedies.isEmpty)
    }
    #expect(try bad(UpgradeMeasurement.notOffered.findings).mark == .skipped)
  }

  // MARK: - Publishing

  @Test func `who may not publish is no problem, and a store that cannot commit is one`() throws {
    for status in [401, 403, 404, 405] {
      let finding = try bad(PublishMeasurement.failed(refused(status)).findings(topic: "t"))
      #expect(finding.mark == .skipped && finding.measured.contains("on the way"))
    }
    #expect(PublishMeasurement.published(.zero, isOurs: true).mayErase)
    #expect(!PublishMeasurement.published(.zero, isOurs: false).mayErase)
    #expect(try bad(PublishMeasurement.notAsked.findings(topic: "t")).mark == .skipped)
    #expect(try bad(PublishMeasurement.failed(refused(503, "store")).findings(topic: "t")).mark == .problem)
    #expect(try bad(PublishMeasurement.failed(refused(502)).findings(topic: "t")).cause?.contains("proxy") == true)
  }

  // MARK: - Buffering

  private func buffering(
    publishes: Bool = true, _ change: (inout BufferingMeasurement.Stream) -> Void
  ) -> [Finding] {
    var stream = BufferingMeasurement.Stream(transport: .sse)
    stream.opened = .milliseconds(10)
    stream.hello = .milliseconds(10)
    stream.arrival = .milliseconds(10)
    change(&stream)
    return BufferingMeasurement(
      streams: [stream], roundTrip: .milliseconds(100), patience: .seconds(5), hasPublished: publishes
    ).findings
  }

  @Test func `what is held back is told from what is late, and both from what is at once`() throws {
    #expect(buffering { _ in }.map(\.mark) == [.ok])
    // 1 s and four round trips.
    #expect(buffering { $0.arrival = .milliseconds(1399) }.map(\.mark) == [.ok])
    #expect(try bad(buffering { $0.arrival = .milliseconds(1500) }).mark == .warning)
    #expect(try bad(buffering(publishes: false) { $0.hello = .seconds(2) }).mark == .warning)
    let silent = try bad(buffering { $0.hello = nil })
    #expect(silent.mark == .problem && silent.remedies.contains { $0.line.hasPrefix("proxy_buffering off;") })
    #expect(try bad(buffering { ($0.hello, $0.opened) = (nil, nil) }).measured.contains("not even the answer's head"))
    #expect(
      try bad(buffering { ($0.arrival, $0.cameWithMore) = (nil, true) }).measured.contains("only when 16 KB more"))
    #expect(try bad(buffering { $0.arrival = nil }).measured.contains("did not come for 5 s"))
    #expect(try bad(buffering { ($0.arrival, $0.failure) = (nil, lost()) }).cause?.contains("ends answers") == true)
    #expect(try bad(buffering { ($0.hello, $0.failure) = (nil, refused(403)) }).measured.contains("403"))
    #expect(try bad(buffering { ($0.hello, $0.wasSentAway) = (nil, true) }).mark == .warning)
  }

  @Test func `compression is a warning as long as it lets bytes through`() throws {
    #expect(try bad(buffering { $0.contentEncoding = "gzip" }).mark == .warning)
    #expect(try bad(buffering { ($0.contentEncoding, $0.beginsCompressed) = ("br", false) }).mark == .problem)
  }

  // MARK: - Polling

  @Test func `a poll is to be held, and woken`() throws {
    func findings(took: Duration, failure: GatewayClientError? = nil) -> [Finding] {
      var polling = PollingMeasurement(first: .success(.milliseconds(5)), roundTrip: .milliseconds(5))
      polling.held = .init(asked: .seconds(2), took: took, failure: failure)
      return polling.findings
    }
    #expect(findings(took: .milliseconds(2010)).map(\.mark) == [.ok])
    #expect(try bad(findings(took: .milliseconds(300))).mark == .warning)
    #expect(try bad(findings(took: .seconds(4))).mark == .warning)
    let cut = try bad(findings(took: .seconds(1), failure: refused(504)))
    #expect(cut.mark == .problem && cut.cause?.contains("its timeout is 1 s") == true && cut.transport == .poll)
    var polling = PollingMeasurement(first: .success(.zero), roundTrip: .zero)
    for (woken, mark) in [
      (Result<Duration?, GatewayClientError>.success(.milliseconds(9)), Mark.ok), (.success(.seconds(3)), .warning),
      (.success(nil), .problem), (.failure(lost()), .problem),
    ] {
      polling.woken = woken
      #expect(polling.findings.map(\.mark) == [mark])
    }
    #expect(try bad(PollingMeasurement(first: .failure(refused(403)), roundTrip: .zero).findings).mark == .problem)
  }

  // MARK: - Silence

  private func idle(
    lasted: Duration, silence: Duration, heartbeats: Int, heartbeat: Duration? = .seconds(15),
    end: IdleMeasurement.Line.End? = .cut("cut off")
  ) -> [Finding] {
    var line = IdleMeasurement.Line(transport: .sse, lasted: lasted, silence: silence)
    line.heartbeat = heartbeat
    line.heartbeats = heartbeats
    line.end = end
    return IdleMeasurement(time: .seconds(75), lines: [line]).findings
  }

  @Test func `a proxy that counts silence is told from one that counts time`() throws {
    #expect(idle(lasted: .seconds(75), silence: .seconds(1), heartbeats: 5, end: nil).map(\.mark) == [.ok])
    let silent = try bad(idle(lasted: .seconds(10), silence: .seconds(10), heartbeats: 0))
    #expect(silent.cause?.contains("silent for 10 s") == true)
    #expect(silent.remedies.contains { $0.line.contains("proxy_read_timeout") })
    // It was silent for as long as heartbeats let it be.
    #expect(
      try bad(idle(lasted: .seconds(30), silence: .seconds(15), heartbeats: 1)).cause?.contains("silent for") == true)
    let timed = try bad(idle(lasted: .seconds(60), silence: .milliseconds(50), heartbeats: 4))
    #expect(timed.cause?.contains("how long any request may take") == true && timed.cause?.contains("60 s") == true)
    #expect(
      try bad(idle(lasted: .seconds(75), silence: .seconds(75), heartbeats: 0, end: nil)).cause?.contains("buffer")
        == true)
    #expect(try bad(idle(lasted: .seconds(5), silence: .seconds(5), heartbeats: 0, end: .sentAway)).mark == .warning)
  }

  // MARK: - HTTP/2

  @Test func `HTTP/1.1 alone is a warning, and HTTP/2 that does not work a problem`() throws {
    #expect(try bad(HTTP2Measurement.clearText.findings).mark == .warning)
    #expect(try bad(HTTP2Measurement.notChosen("http/1.1").findings).measured.contains("http/1.1 was chosen"))
    #expect(try bad(HTTP2Measurement.failed(lost()).findings).mark == .problem)
    var spoken = HTTP2Measurement.Spoken(.sse, patience: .seconds(5))
    spoken.triesWebSocket = true
    // Nothing is said of what was not looked at.
    #expect(HTTP2Measurement.spoken(spoken).findings.count == 1)
    #expect(try bad(HTTP2Measurement.spoken(spoken).findings).transport == .sse)
    spoken.hello = .milliseconds(3)
    #expect(HTTP2Measurement.spoken(spoken).findings.map(\.mark) == [.ok, .ok])
    spoken.triesWebSocket = false
    #expect(HTTP2Measurement.spoken(spoken).findings.map(\.transport) == [.sse])
    let neither = HTTP2Measurement.Spoken(nil, patience: .seconds(5))
    #expect(HTTP2Measurement.spoken(neither).findings.map(\.mark) == [.ok])
    spoken.triesWebSocket = true
    spoken.offersWebSockets = true
    #expect(try bad(HTTP2Measurement.spoken(spoken).findings).transport == .websocket)
    spoken.webSocketHello = .milliseconds(3)
    #expect(HTTP2Measurement.spoken(spoken).findings.map(\.mark) == [.ok, .ok])
  }

  // MARK: - CORS

  private static let origin = "https://app.example.com"

  private func cors(_ change: (inout CORSMeasurement) -> Void) -> [Finding] {
    var cors = CORSMeasurement(origin: Self.origin, isOwn: false)
    cors.actual.status = 200
    cors.actual.allowOrigin = [Self.origin]
    cors.actual.exposeHeaders = "Link, Location, Retry-After"
    cors.preflight.status = 204
    cors.preflight.allowOrigin = [Self.origin]
    cors.preflight.allowHeaders = "Content-Type, Idempotency-Key, Last-Event-ID"
    change(&cors)
    return cors.findings
  }

  @Test func `what a browser would refuse is refused here`() throws {
    #expect(cors { _ in }.map(\.mark) == [.ok, .ok])
    #expect(cors { $0.actual.allowOrigin = ["*"] }.map(\.mark) == [.ok, .ok])
    #expect(cors { $0.isOwn = true }.map(\.mark) == [.ok])
    // The wildcard does not stand for Authorization.
    for allowed in ["*", "Content-Type, Idempotency-Key, Last-Event-ID"] {
      let finding = try bad(cors { ($0.hasToken, $0.preflight.allowHeaders) = (true, allowed) })
      #expect(finding.measured.contains("lacks authorization"))
    }
    for doubled in [[Self.origin, Self.origin], ["*", Self.origin], ["\(Self.origin), *"]] {
      let finding = try bad(cors { $0.actual.allowOrigin = doubled })
      #expect(finding.measured.contains("2 times") && finding.cause?.contains("adds its own") == true)
    }
    #expect(try bad(cors { $0.actual.allowOrigin = [] }).measured.contains("has no Access-Control-Allow-Origin"))
    #expect(try bad(cors { $0.actual.allowOrigin = ["https://b"] }).cause?.contains("another origin") == true)
    #expect(try bad(cors { $0.preflight.status = 405 }).measured.contains("405"))
    #expect(try bad(cors { $0.preflight.allowHeaders = nil }).mark == .problem)
    #expect(try bad(cors { $0.actual.exposeHeaders = "Link" }).mark == .warning)
    #expect(cors { $0.actual.exposeHeaders = "*" }.map(\.mark) == [.ok, .ok])
    let notAllowed = try bad(cors { $0.actual.code = "origin-not-allowed" })
    #expect(notAllowed.remedies == [.sluice("cors: { origins: [\(Self.origin)] }")])
    #expect(try bad(cors { $0.webSocketFailure = refused(403) }).transport == .websocket)
    #expect(try bad(cors { $0.preflight.failure = lost() }).mark == .problem)
  }

  // MARK: - Resuming

  private func resume(expected: [String] = ["a-3", "a-4"], _ attempts: [ResumeMeasurement.Attempt]) -> [Finding] {
    ResumeMeasurement(expected: expected, attempts: attempts).findings
  }

  private func attempt(
    _ transport: StreamTransport = .sse, byHeader: Bool = false, got: [String] = ["a-3", "a-4"],
    _ change: (inout ResumeMeasurement.Attempt) -> Void = { _ in }
  ) -> ResumeMeasurement.Attempt {
    var attempt = ResumeMeasurement.Attempt(transport: transport, byHeader: byHeader)
    attempt.got = got
    attempt.began = true
    change(&attempt)
    return attempt
  }

  @Test func `exactly the rest, and nothing else`() throws {
    #expect(resume([attempt(), attempt(byHeader: true), attempt(.poll)]).map(\.mark) == [.ok, .ok])
    #expect(resume(expected: [], [attempt(got: [])]).map(\.mark) == [.ok])
    let lost = try bad(resume([attempt(.poll, got: ["a-3"]), attempt(.poll)]))
    #expect(lost.measured.contains("1 of 2 connections") && lost.measured.contains("1 missing, 0 more"))
    #expect(try bad(resume([attempt(.poll, got: ["a-3", "a-3", "a-4"])])).measured.contains("0 missing, 1 more"))
    #expect(try bad(resume([attempt(got: ["a-4", "a-3"])])).mark == .problem)
  }

  @Test func `a lost header is told from a lost message, and both from a store each`() throws {
    let header = try bad(resume([attempt(), attempt(byHeader: true, got: []), attempt(byHeader: true, got: [])]))
    #expect(header.cause?.contains("Last-Event-ID away") == true)
    let several = try bad(resume([attempt(.poll), attempt(.poll, got: []) { $0.gap = "epoch" }]))
    #expect(several.cause?.contains("a store of its own") == true && several.transport == nil)
    #expect(try bad(resume([attempt { $0.gap = "expired" }])).remedies.contains { $0.line.contains("history") })
    #expect(try bad(resume([attempt { $0.failure = self.lost() }])).measured.contains("cut off"))
    #expect(try bad(resume([attempt(got: []) { $0.began = false }])).measured.contains("nothing was heard"))
    var none = ResumeMeasurement(expected: [], attempts: [])
    none.startFailure = "no transport works"
    #expect(try bad(none.findings).mark == .skipped)
  }

  // MARK: - Sizes

  @Test func `a proxy's limit is told from the gateway's own`() throws {
    func findings(_ kind: SizesMeasurement.Try.Kind, _ bytes: Int, _ failure: GatewayClientError?) -> [Finding] {
      SizesMeasurement(tries: [.init(kind: kind, bytes: bytes, failure: failure)]).findings
    }
    #expect(findings(.topics, 50_000, nil).map(\.mark) == [.ok])
    #expect(findings(.batch, 1_500_000, refused(413, "body-too-large")).map(\.mark) == [.ok])
    #expect(findings(.target, 4000, refused(406, "transport-not-allowed")).map(\.mark) == [.skipped])
    #expect(try bad(findings(.topics, 50_000, refused(413))).remedies.contains(.nginx("client_max_body_size 8m;")))
    #expect(try bad(findings(.batch, 1_500_000, refused(413))).mark == .warning)
    #expect(try bad(findings(.target, 4000, refused(414))).mark == .problem)
    #expect(try bad(findings(.target, 7500, lost())).mark == .warning)
    #expect(try bad(findings(.target, 7500, refused(502))).cause?.contains("Link") == true)
    #expect(try bad(findings(.batch, 1_500_000, refused(403))).mark == .skipped)
  }
}
