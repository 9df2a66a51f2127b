package import HTTP2
import Logging
import Synchronization

/// What a listener counts, for metrics; any thread may read it.
package final class HTTPCounters: Sendable {
  package enum Kind: Int, CaseIterable, Sendable {
    /// Connections accepted and kept.
    case accepted
    /// Connections refused because the listener, or one address, has too many.
    case refusedTotal
    case refusedPerAddress
    /// Times that accepting failed for want of a descriptor or of memory.
    case acceptFailures
    /// Requests handed to the route.
    case requests
    /// Requests the server answered itself because they broke a rule or a limit, timeouts apart.
    case badRequests
    /// Heads and bodies that were not complete in time.
    case timeouts
    /// Connections and streams closed because the peer took no bytes.
    case stalled
    /// TLS handshakes with a full exchange of keys, and those that resumed an earlier session.
    case handshakes
    case handshakesResumed
    /// TLS handshakes that failed, and those that were not complete in time.
    case handshakeFailures
    case handshakeTimeouts
    /// Connections closed because they had no PROXY header of a trusted proxy.
    case proxyHeaderFailures
    /// Connections that speak HTTP/2.
    case http2Connections
    /// HTTP/2 requests whose stream the peer reset before they began.
    case http2RequestsDropped
    /// HTTP/2 streams above the number that a connection may have.
    case http2StreamsRefused
    /// HTTP/2 connections ended because the peer broke a limit or the protocol: each of `HTTP2Violation`'s.
    case http2Resets
    case http2ControlFrames
    case http2Continuations
    case http2HeaderLists
    case http2StreamIdentifiers
    case http2ProtocolErrors

    package init(_ violation: HTTP2Violation) {
      self =
        switch violation {
        case .resets: .http2Resets
        case .controlFrames: .http2ControlFrames
        case .continuations: .http2Continuations
        case .headerList: .http2HeaderLists
        case .streamIdentifier: .http2StreamIdentifiers
        case .protocolError: .http2ProtocolErrors
        }
    }
  }

  /// An object each: an `Atomic` cannot stand in an array.
  private final class Counter: Sendable {
    let value = Atomic<Int>(0)
  }

  private let counters = Kind.allCases.map { _ in Counter() }

  package init() {}

  package subscript(kind: Kind) -> Int { counters[kind.rawValue].value.load(ordering: .relaxed) }

  func count(_ kind: Kind, _ number: Int = 1) {
    counters[kind.rawValue].value.wrappingAdd(number, ordering: .relaxed)
  }

  /// A connection is closed that should have begun with a trusted proxy's header, and cannot be told so. The first one
  /// is worth a warning: it is how a proxy looks that is set up wrongly.
  func refuseProxyHeader(_ why: String, of address: String, _ logger: Logger) {
    count(.proxyHeaderFailures)
    let isFirst = self[.proxyHeaderFailures] == 1
    logger.log(
      level: isFirst ? .warning : .debug, "closed a connection without a trusted PROXY header",
      metadata: ["address": "\(address)", "error": "\(why)"])
  }
}
