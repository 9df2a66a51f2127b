import ArgumentParser
import FoundationEssentials
import GatewayClient

/// Where the gateway is, and how to print what it says: the same for every command that speaks to one.
struct GatewayOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The gateway's URL. (SLUICE_URL; default: http://127.0.0.1:8080)", valueName: "url"))
  var url: String?

  @Option(
    help: ArgumentHelp(
      "The URL of its admin listener. (SLUICE_ADMIN_URL; default: http://127.0.0.1:8081)", valueName: "url"))
  var adminURL: String?

  @Option(
    help: ArgumentHelp(
      "For https://: a PEM file with who vouches for the gateway. (SLUICE_CA; default: whom the system trusts)",
      valueName: "file"))
  var ca: String?

  @Flag(help: "For https://: take whatever certificate the gateway shows.")
  var insecure = false

  @Flag(help: "Print JSON.")
  var json = false

  /// The public interface.
  func gateway() throws -> GatewayURL { try gateway(at: url) }

  /// - Parameter given: nil: what the environment says.
  func gateway(at given: String?) throws -> GatewayURL {
    try parse(given, variable: "SLUICE_URL", otherwise: "http://127.0.0.1:8080")
  }

  /// The operator's interface.
  func admin() throws -> GatewayURL {
    try parse(adminURL, variable: "SLUICE_ADMIN_URL", otherwise: "http://127.0.0.1:8081")
  }

  /// The operator's interface, if anybody has said where it is.
  func givenAdmin() throws -> GatewayURL? {
    adminURL == nil && Self.environment("SLUICE_ADMIN_URL") == nil ? nil : try admin()
  }

  private func parse(_ option: String?, variable: String, otherwise: String) throws -> GatewayURL {
    var url = try GatewayURL(option ?? Self.environment(variable) ?? otherwise)
    url.trust = GatewayTrust(authorities: ca ?? Self.environment("SLUICE_CA"), verifies: !insecure)
    if url.isSecure { try url.trust.check() }
    return url
  }

  static func environment(_ variable: String) -> String? {
    ProcessInfo.processInfo.environment[variable].flatMap { $0.isEmpty ? nil : $0 }
  }
}

/// A time with its unit, as in the configuration: `500ms`, `30s`, `5m`, `1h`.
struct DurationArgument: ExpressibleByArgument, Sendable {
  let duration: Duration

  init?(argument: String) {
    let digits = argument.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int64(digits), number <= 1_000_000_000 else { return nil }
    switch argument[digits.endIndex...] {
    case "ms": duration = .milliseconds(number)
    case "s": duration = .seconds(number)
    case "m": duration = .seconds(number * 60)
    case "h": duration = .seconds(number * 3600)
    default: return nil
    }
  }
}
