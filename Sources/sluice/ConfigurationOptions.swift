import ArgumentParser
import Configuration

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The flags that name the configuration file or win over it, shared by every command that reads it.
struct ConfigurationOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The configuration file; SLUICE_CONFIG names it if this is not given.", valueName: "file"))
  var config: String?

  @Option(help: ArgumentHelp("Where clients connect; port 0 takes a free one.", valueName: "host:port"))
  var listen: String?

  @Option(help: ArgumentHelp("Where operators connect, or off.", valueName: "host:port"))
  var admin: String?

  @Option(help: "Where messages are kept: memory, sqlite:PATH, or redis://HOST:PORT/DB.")
  var store: String?

  @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"))
  var logLevel: String?

  @Option(
    help: ArgumentHelp(
      "The certificate with its chain, PEM: turns TLS on, in place of tls.certificates.", valueName: "file"))
  var tlsCertificate: String?

  @Option(help: ArgumentHelp("The key of --tls-certificate, PEM.", valueName: "file"))
  var tlsKey: String?

  func validate() throws {
    if tlsCertificate != nil, tlsKey == nil {
      throw ValidationError("--tls-certificate is nothing without its key: add --tls-key FILE")
    }
    if tlsKey != nil, tlsCertificate == nil {
      throw ValidationError("--tls-key is nothing without its certificate: add --tls-certificate FILE")
    }
  }

  /// All sources laid over each other. Every error of every source goes to standard error, a line each.
  ///
  /// - Throws: exit code 78 (EX_CONFIG), after having said why.
  func load() throws -> LoadedConfiguration {
    do throws(ConfigurationErrors) {
      return try ConfigurationLoader.load(
        file: config, fileContents: { try TextFile.contents(of: $0) },
        environment: ProcessInfo.processInfo.environment, flags: flags)
    } catch {
      let lines = error.errors.map { "sluice: \($0)\n" }.joined()
      _ = lines.withCString { write(STDERR_FILENO, $0, strlen($0)) }
      throw ExitCode(78)
    }
  }

  private var flags: [ConfigurationFlag] {
    var certificates: String?
    if let tlsCertificate, let tlsKey {
      certificates = "[\(GatewayConfiguration.TLS.Pair(certificate: tlsCertificate, key: tlsKey))]"
    }
    return [
      ("listen", "--listen", listen), ("admin", "--admin", admin), ("store", "--store", store),
      ("log.level", "--log-level", logLevel), ("tls.certificates", "--tls-certificate", certificates),
    ].compactMap { path, spelling, value in
      value.map { ConfigurationFlag(path: path, spelling: spelling, value: $0) }
    }
  }
}

/// A file as text, with the system's own words for what went wrong.
private enum TextFile {
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  static func contents(of path: String) throws(Failure) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw systemFailure() }
    defer { close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      let count = read(file, &buffer, buffer.count)
      if count == 0 { break }
      guard count > 0 else { throw systemFailure() }
      bytes += buffer[..<count]
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure(description: "it is not UTF-8") }
    return text
  }

  private static func systemFailure() -> Failure { Failure(description: String(cString: strerror(errno))) }
}
