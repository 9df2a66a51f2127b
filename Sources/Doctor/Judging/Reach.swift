package import GatewayClient
import TLS

/// Whether there is a gateway, and what it takes for itself.
package struct ReachMeasurement: Sendable {
  package var url: GatewayURL
  package var trial = ConnectionTrial()
  /// Of a certificate that did not verify, as it was shown.
  package var unverified: ConnectionTrial?
  /// A token was given, which somebody that is not trusted shall not have: nothing more was asked.
  package var stoppedForToken = false
  /// In seconds since 1970.
  package var now: Int64 = 0
  package var answer: Answer?
  /// Of a few requests on an open connection, the shortest.
  package var roundTrip: Duration?
  /// Why the host that the gateway gives out, another than the one asked, cannot be reached.
  package var advertisedFailure: GatewayClientError?
  /// The logs that gateways met on connections of their own have: the epochs of their positions. Clients compare no
  /// positions; a doctor may.
  package var logs: Set<String> = []
  /// The operators' interface answers here.
  package var showsAdmin = false
  /// What `/health/accept` said at `--admin-url`.
  package var health: Result<Int, GatewayClientError>?

  package enum Answer: Sendable {
    case gateway(Negotiated)
    /// Something with that status, of which no gateway has said it.
    case foreign(status: Int, location: String?)
    case failed(GatewayClientError)
  }

  package init(url: GatewayURL) { self.url = url }
}

extension ReachMeasurement {
  package var findings: [Finding] {
    [connection, certificate, gateway, severalLogs, urls, admin, healthFinding].compactMap { $0 }
  }

  package var negotiated: Negotiated? { if case .gateway(let negotiated) = answer { negotiated } else { nil } }

  /// A browser gets nowhere, though we may: it trusts no such certificate, and goes to the URLs that are given out.
  package var keepsBrowsersOut: Bool { certificate?.mark == .problem || urls?.mark == .problem }

  private var connection: Finding? {
    if let failure = trial.failure {
      if case .untrusted = failure { return nil }
      if trial.lookup == nil {
        return Finding(
          .reach, .problem, failure.description, [.you("check the name in the URL, and its DNS record")])
      }
      if trial.connect == nil {
        let refused = "\(failure)".contains("refused")
        return Finding(
          .reach, .problem, failure.description,
          cause: refused
            ? "nobody listens at that port" : "a firewall drops what goes there, or the machine is down",
          [
            .sluice("listen: 0.0.0.0:8080 instead of 127.0.0.1, if nothing stands in front of it"),
            .you("check that the proxy runs, and the firewall between"),
          ])
      }
      return Finding(
        .reach, .problem, "connected to \(trial.address ?? url.authority), but TLS failed: \(failure.words)",
        cause: "no TLS is spoken at that port, or none of 1.2 and later",
        [
          .nginx("listen 443 ssl; ssl_protocols TLSv1.2 TLSv1.3;"),
          .haproxy("bind :443 ssl crt FILE"), .sluice("tls: { certificates: [{ certificate: FILE, key: FILE }] }"),
        ])
    }
    var parts = ["\(url.origin) is at \(trial.address ?? url.authority)"]
    // Of a name; an address is its own.
    if let lookup = trial.lookup, trial.address?.contains(url.host) == false {
      parts.append("found in \(lookup.words)")
    }
    if let connect = trial.connect { parts.append("connected in \(connect.words)") }
    if let handshake = trial.handshake { parts.append("\(trial.tlsVersion ?? "TLS") in \(handshake.words)") }
    return Finding(.reach, .ok, parts.joined(separator: ", "))
  }

  /// A certificate that ends within so many seconds is due.
  private static let dueSeconds: Int64 = 14 * 86_400

  private var certificate: Finding? {
    let remedies: [Remedy] = [
      .nginx("ssl_certificate FILE; with the certificate first and those between it and its root behind it"),
      .haproxy("bind :443 ssl crt FILE, with the certificate, its chain and its key"),
      .sluice("tls: { certificates: [{ certificate: FILE, key: FILE }] }"),
    ]
    if case .untrusted(let why) = trial.failure {
      let shown = unverified?.certificate
      let names = shown.map { " for \($0.names.joined(separator: ", ")) from \($0.issuer)" } ?? ""
      var cause = "nobody that is trusted here vouches for it: its chain is incomplete, or its authority private"
      if let shown, shown.notAfter <= now {
        cause = "it ended \((now - shown.notAfter) / 86_400) days ago"
      } else if why.contains("ostname mismatch") || why.contains("address mismatch") {
        cause = "it is for another name than \(url.host)"
      } else if shown?.isSelfSigned == true {
        cause = "it is self-signed, and no browser takes that"
      }
      return Finding(
        .reach, .problem, "the certificate\(names) does not verify: \(why)", cause: cause,
        remedies + [
          .you(
            stoppedForToken
              ? "--ca FILE, for an authority of your own; the token is sent to nobody that is not trusted"
              : "--ca FILE, for an authority of your own; what follows was looked at without verifying")
        ])
    }
    guard let certificate = trial.certificate else { return nil }
    guard url.trust.verifies else {
      return Finding(
        .reach, .warning, "the certificate is for \(certificate.names.joined(separator: ", ")), and was not verified",
        cause: "--insecure takes any, and browsers do not",
        [.you("look again without --insecure, with --ca FILE for an authority of your own")])
    }
    let days = (certificate.notAfter - now) / 86_400
    if certificate.notAfter - now < Self.dueSeconds {
      return Finding(
        .reach, .warning,
        certificate.notAfter <= now ? "the certificate has ended" : "the certificate ends in \(days) days",
        cause: "whatever renews it has not run, or who serves it has not read it again",
        remedies + [.sluice("certificates are read again when their files change, and on SIGHUP")])
    }
    return Finding(.reach, .ok, "the certificate is for \(certificate.names.joined(separator: ", ")), for \(days) days")
  }

  private var gateway: Finding? {
    switch answer {
    case nil: return nil
    case .gateway(let negotiated):
      let names = negotiated.offers.map(\.name).joined(separator: ", ")
      return Finding(
        .reach, .ok,
        "a Sluice gateway answers\(roundTrip.map { " in \($0.words)" } ?? ""), and offers \(names)")
    case .foreign(let status, let location?) where (300..<400).contains(status):
      return Finding(
        .reach, .problem, "/v1/negotiate is answered with \(status), to \(location)",
        cause: "a proxy sends clients elsewhere; a websocket and a POST do not follow",
        [.you("give that URL, without /v1/negotiate: sluice doctor URL")])
    case .foreign(let status, _):
      return Finding(
        .reach, .problem, "/v1/negotiate is answered with \(status), and not by a Sluice gateway",
        cause: "another server listens here, or the gateway is below another path", Self.otherPath)
    case .failed(let error): return noAnswer(error)
    }
  }

  private static let otherPath: [Remedy] = [
    .you("give the URL that clients are given, with its path: https://rt.example.com/base"),
    .nginx("location /base/ { proxy_pass http://sluice/; } (with the / at the end, which takes /base away)"),
    .sluice("public_url: https://rt.example.com/base"),
  ]

  private func noAnswer(_ error: GatewayClientError) -> Finding {
    switch error.status {
    case 401?, 403?, 407?:
      return Finding(
        .reach, .problem, "/v1/negotiate was \(error.words)",
        cause: error.isGateways
          ? "the gateway lets only some in" : "the proxy in front lets only some in",
        [.you("--token TOKEN, as clients have it")])
    case let status? where !error.isGateways && (502...504).contains(status):
      return Finding(
        .reach, .problem, "/v1/negotiate was \(error.words) by a proxy",
        cause: "the proxy is there, and does not reach the gateway",
        [
          .nginx("upstream sluice { server 127.0.0.1:8080; } (where the gateway listens)"),
          .haproxy("server sluice 127.0.0.1:8080 check port 8081; its log says why the check fails"),
          .you("ask the gateway itself: sluice doctor http://127.0.0.1:8080"),
        ])
    case 404? where error.isGateways:
      return Finding(
        .reach, .problem, "the gateway knows no \(url.target)",
        cause: "a proxy passes the path on as it came, or it is wrong", Self.otherPath)
    case 400? where !url.isSecure && (!error.isGateways || error.code == "bad-request"):
      return Finding(
        .reach, .problem, "/v1/negotiate was \(error.words)", cause: "this port may speak TLS only",
        [.you("sluice doctor https://\(url.authority)")])
    case .some where !error.isGateways:
      return Finding(
        .reach, .problem, "/v1/negotiate was \(error.words), and not by a Sluice gateway",
        cause: "another server listens here, or the gateway is below another path",
        [.you("give the URL that clients are given, with its path: https://rt.example.com/base")])
    case .some(let status):
      return Finding(
        .reach, .problem, "the gateway refuses: \(error.description)",
        cause: status == 429 || status == 503 ? "it is full, or is being drained" : nil,
        [.you("see /health/ready and /health/accept on its admin listener, and its log")])
    case nil:
      let isSilent = if case .timedOut = error { true } else { false }
      return Finding(
        .reach, .problem, "/v1/negotiate was \(error.words)",
        cause: isSilent
          ? "who listens here says nothing: no HTTP server, or a proxy that waits for one"
          : "no HTTP server listens here, or one that gives up",
        [.you("check what listens at \(url.authority)")])
    }
  }

  private var severalLogs: Finding? {
    guard logs.count > 1 else { return nil }
    return Finding(
      .reach, .problem, "\(logs.count) gateways answer here that know nothing of each other",
      cause: "a load balancer is before gateways with a store each: messages reach the readers of one of them, and "
        + "who resumes meets a gap",
      [.oneStore, .you("nothing needs to be sticky then")])
  }

  private var urls: Finding? {
    guard let negotiated, !negotiated.offers.isEmpty else { return nil }
    let wanted = Set(negotiated.offers.map { Self.origin($0.url) })
    let secure = url.isSecure
    let other = negotiated.offers.first { Self.parts($0.url)?.isSecure != secure }
    if let other {
      return Finding(
        .reach, secure ? .problem : .warning, "it gives out \(other.url), though it was asked at \(url.origin)",
        cause: secure
          ? "it does not know that clients come over TLS: X-Forwarded-Proto is not sent, or not believed; browsers "
            + "refuse such a URL on a page of https://"
          : "public_url says https, or X-Forwarded-Proto does: right, if clients are to go there",
        .forwarding)
    }
    let foreign = negotiated.offers.first { Self.parts($0.url)?.authority != url.authority.lowercased() }
    if let foreign {
      return Finding(
        .reach, advertisedFailure == nil ? .warning : .problem,
        "it gives out \(foreign.url), though it was asked at \(url.origin)"
          + (advertisedFailure.map { ": \($0)" } ?? ""),
        cause: advertisedFailure == nil
          ? "right if public_url says so; else the proxy does not pass Host on as it came"
          : "the proxy does not pass Host on as it came, or public_url is wrong",
        .forwarding)
    }
    let prefix = url.target.prefix { $0 != "?" }
    if prefix.count > 1, let first = negotiated.offers.first, Self.parts(first.url)?.path.hasPrefix(prefix) != true {
      return Finding(
        .reach, .warning, "it gives out \(first.url), without the path \(prefix) that it was asked at",
        cause: "a proxy takes the path away, which the gateway cannot know",
        [.sluice("public_url: \(url)")])
    }
    return Finding(.reach, .ok, "the URLs it gives out are under \(wanted.sorted().joined(separator: ", "))")
  }

  /// Scheme and authority of a URL that a gateway gives out.
  private static func parts(_ text: String) -> (isSecure: Bool, authority: String, path: String)? {
    guard let url = try? GatewayURL(text) else { return nil }
    return (url.isSecure, url.authority.lowercased(), url.target)
  }

  private static func origin(_ text: String) -> String {
    text.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).prefix(3).joined(separator: "/")
  }

  private var admin: Finding? {
    guard showsAdmin else { return nil }
    return Finding(
      .reach, .problem, "the operators' interface answers here: /v1/admin/stats",
      cause: "the proxy leads to the admin listener, where whoever comes can disconnect everybody",
      [
        .nginx("upstream sluice { server 127.0.0.1:8080; } (listen, and not admin)"),
        .haproxy("server sluice 127.0.0.1:8080 (listen, and not admin)"),
      ])
  }

  private var healthFinding: Finding? {
    switch health {
    case nil: return nil
    case .success(200): return Finding(.reach, .ok, "the gateway takes new connections (/health/accept)")
    case .success(let status):
      return Finding(
        .reach, .warning, "/health/accept is \(status): the gateway takes no new connections",
        cause: "it is being drained, full, or short of memory", [.you("sluice connections; limits.connections")])
    case .failure(let error):
      return Finding(.reach, .warning, "the admin listener was \(error.words)", [.you("check --admin-url")])
    }
  }
}
