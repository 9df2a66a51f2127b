package import Configuration
import HTTPServer
import Locking
import Synchronization
import Logging
import StreamStores
package import TLS

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The certificates in force, and their replacement: when a file has changed, or when an operator asks. What cannot be
/// used changes nothing: the old ones stay in force, and the log says why.
package final class CertificateKeeper: Sendable {
  let served: ServedTLS
  private let settings: TLSSettings
  private let logger: Logger
  private let state: Guarded<State>

  private struct State {
    var files: [FileMark]
    /// Without a file one for the life of the process, so that sessions are resumed across reloads.
    var ticketKey: TLSTicketKey
    var counts = Counts()
  }

  struct Counts {
    var reloads = 0
    var failedReloads = 0
  }

  /// How close to its end a certificate's life may come before the log says so.
  private static let warningSeconds: Int64 = 14 * 86_400

  /// Reads the files as a gateway would that starts now.
  ///
  /// - Returns: nil if there are none.
  package static func read(_ configuration: GatewayConfiguration.TLS) throws(TLSConfigurationErrors) -> TLSContext? {
    guard let settings = TLSSettings(configuration) else { return nil }
    return try TLSContext.server(settings, ticketKey: try ticketKey(settings) ?? .random(), now: now)
  }

  /// - Throws: everything that is wrong with the files, in words.
  init(_ settings: TLSSettings, logger: Logger) throws(TLSConfigurationErrors) {
    self.settings = settings
    self.logger = logger
    let files = Self.marks(settings)
    let ticketKey = try Self.ticketKey(settings) ?? .random()
    let context = try TLSContext.server(settings, ticketKey: ticketKey, now: Self.now)
    served = ServedTLS(context)
    state = Guarded(State(files: files, ticketKey: ticketKey))
    tell(context, "serving TLS")
  }

  private static var now: Int64 { SystemClock.now.wall / 1000 }

  private static func ticketKey(_ settings: TLSSettings) throws(TLSConfigurationErrors) -> TLSTicketKey? {
    guard let file = settings.ticketKey else { return nil }
    return try TLSTicketKey(file: file)
  }

  var counts: Counts { state.withLock { $0.counts } }

  /// Reloads if a file is not the one that was read last.
  func look() {
    if Self.marks(settings) != state.withLock({ $0.files }) { reload() }
  }

  func reload() {
    // Marked before they are read: what changes meanwhile is seen by the next look.
    let files = Self.marks(settings)
    do throws(TLSConfigurationErrors) {
      let ticketKey = try Self.ticketKey(settings) ?? state.withLock { $0.ticketKey }
      let context = try TLSContext.server(settings, ticketKey: ticketKey, now: Self.now)
      served.replace(with: context)
      state.withLock { state in
        state.files = files
        state.ticketKey = ticketKey
        state.counts.reloads += 1
      }
      tell(context, "certificates reloaded")
    } catch {
      state.withLock { state in
        state.files = files
        state.counts.failedReloads += 1
      }
      for message in error.messages {
        logger.error("certificates not reloaded: the old ones stay in force", metadata: ["error": "\(message)"])
      }
    }
  }

  private func tell(_ context: TLSContext, _ message: Logger.Message) {
    for certificate in context.certificates {
      logger.info(
        message,
        metadata: [
          "certificate": "\(certificate.file)", "names": "\(certificate.names.joined(separator: ","))",
          "until": "\(certificate.until)",
        ])
      if certificate.notAfter - Self.now < Self.warningSeconds {
        logger.warning(
          "a certificate ends soon: renew it",
          metadata: ["certificate": "\(certificate.file)", "until": "\(certificate.until)"])
      }
    }
  }

  private static func marks(_ settings: TLSSettings) -> [FileMark] {
    let files = settings.certificates.flatMap { [$0.certificate, $0.key] }
    return (files + [settings.clientAuthorities, settings.ticketKey].compactMap { $0 }).map(FileMark.init)
  }
}

/// What tells a file from the one that was there before, also if another was put in its place.
private struct FileMark: Equatable {
  private let device: UInt64
  private let node: UInt64
  private let size: Int
  private let modified: [Int]

  /// A file that is not there is marked, too.
  init(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      (device, node, size, modified) = (0, 0, -1, [])
      return
    }
    device = UInt64(status.st_dev)
    node = UInt64(status.st_ino)
    size = Int(status.st_size)
    modified = [Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec)]
  }
}

extension CertificateSummary {
  /// When it ends, RFC 3339.
  package var until: String { GatewayLogHandler.timestamp(notAfter * 1000) }
}

extension TLSSettings {
  /// nil: no certificates, so clear text.
  package init?(_ configuration: GatewayConfiguration.TLS) {
    guard !configuration.certificates.isEmpty else { return nil }
    self.init(
      certificates: configuration.certificates.map { Pair(certificate: $0.certificate, key: $0.key) })
    clientCertificates = ClientCertificates(rawValue: configuration.clientCertificates.rawValue) ?? .off
    clientAuthorities = configuration.clientAuthorities
    ticketKey = configuration.ticketKey
  }
}
