#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif
import NIOCore
import NIOPosix
import TLS
import TLSClient

/// One attempt to get into one server, master or sentinel.
struct RedisDialing {
  let settings: RedisSettings
  let login: RedisSettings.Login?
  /// nil: in clear.
  let tls: TLSContext?
  let eventLoop: any EventLoop

  /// Connects and greets.
  ///
  /// - Throws: `unreachable` or `misconfigured`.
  func dial(_ address: RedisEndpoint.Host) async throws(RedisError) -> RedisConnection {
    let link = try await open(address)
    do throws(RedisError) {
      let reply = try await link.send(greeting, timeout: settings.connectTimeout)
      return RedisConnection(link, server: try server(at: address, reply))
    } catch {
      link.close()
      throw described(error, at: address)
    }
  }

  private func open(_ address: RedisEndpoint.Host) async throws(RedisError) -> RedisLink {
    do {
      return try await ClientBootstrap(group: eventLoop)
        .connectTimeout(settings.connectTimeout)
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        // A reading that blocks sends nothing by which a peer that is gone would be noticed.
        .channelOption(.socketOption(.so_keepalive), value: 1)
        .channelOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: KeepAlive.idle)
        .channelOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: KeepAlive.interval)
        .channelOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: KeepAlive.probes)
        .connect(host: address.host, port: address.port) { channel in
          channel.eventLoop.makeCompletedFuture {
            if let tls { try channel.secure(tls, host: address.host) }
            let handler = RedisChannelHandler(address: address, channel: channel, replyTimeout: settings.replyTimeout)
            // Kept by whoever connects: when TLS fails at once the channel may be closed, and its handlers gone, before
            // the connection is returned. The link then says why.
            let link = handler.link!
            try channel.pipeline.syncOperations.addHandler(handler)
            return link
          }
        }
    } catch {
      throw .unreachable("cannot reach Redis at \(address): \(FailureWords.reason(error))")
    }
  }

  /// In seconds: a peer that is gone is noticed 30 s after the last word from it.
  private enum KeepAlive {
    static let idle: Int = 15
    static let interval: Int = 5
    static let probes: Int = 3
  }

  /// Says who we are and asks who it is, at once: everybody may say HELLO, whatever else the user may do.
  private var greeting: [RedisArgument] {
    var words: [RedisArgument] = ["HELLO", 2]
    if let login { words += ["AUTH", .text(login.user), .text(login.password)] }
    return words + ["SETNAME", .text(settings.clientName)]
  }

  /// - Parameter reply: names and values in turn.
  private func server(
    at address: RedisEndpoint.Host, _ reply: RESPValue
  ) throws(RedisError) -> RedisConnection.Server {
    guard let words = reply.array, words.first?.string == "server" else {
      throw .misconfigured("what answers at \(address) is not Redis 6 or later")
    }
    func value(_ name: String) -> String {
      stride(from: 0, to: words.count - 1, by: 2).first { words[$0].string == name }
        .flatMap { words[$0 + 1].string } ?? ""
    }
    return RedisConnection.Server(
      address: address, version: value("version"), mode: value("mode"), role: value("role"))
  }

  /// What a server's no to the greeting means for who set it up.
  private func described(_ error: RedisError, at address: RedisEndpoint.Host) -> RedisError {
    guard case .server(let text) = error else {
      guard case .unreachable(let words) = error else { return error }
      return .unreachable(
        "\(words); a Redis \(tls == nil ? "with TLS has a URL with rediss:" : "without TLS has a URL with redis:")")
    }
    let words = "Redis at \(address) says \"\(text)\""
    switch error.code {
    case "WRONGPASS":
      return .misconfigured("\(words): user \"\(login?.user ?? "default")\" or its password is wrong, or it is off")
    case "NOAUTH":
      return .misconfigured("\(words): it wants a password; none is set here")
    case "NOPERM", "DENIED", "NOPROTO":
      return .misconfigured(words)
    case "ERR" where text.contains("unknown command"):
      return .misconfigured("\(words): it must be Redis 6 or later")
    default:
      return .unreachable(words)
    }
  }
}
