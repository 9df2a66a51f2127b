import ArgumentParser
import GatewayClient
import WireFormat

/// Exit codes beside 0 and ArgumentParser's 64 (see `sysexits.h`); the root command's help lists them.
extension ExitCode {
  static let refused = ExitCode(1)
  static let unavailable = ExitCode(69)
  static let timedOut = ExitCode(75)
  static let interrupted = ExitCode(130)
}

extension GatewayCalls {
  func json(_ method: Method, _ target: String, body: JSONValue? = nil) async throws -> JSONValue {
    let headers = body == nil ? [] : [("Content-Type", "application/json")]
    return try Self.parsed(try await send(method, target, headers: headers, body: body?.encoded))
  }

  static func parsed(_ bytes: [UInt8]) throws -> JSONValue {
    do { return try JSONValue(parsing: bytes) } catch {
      throw GatewayClientError.notUnderstood("its answer is not JSON (\(error))")
    }
  }
}

/// Runs a command's work with a client, closes it, and turns what goes wrong into a line on standard error and an
/// exit code.
func withGateway(
  _ url: () throws -> GatewayURL, _ body: (GatewayCalls) async throws -> Void
) async throws {
  let client = HTTPClient()
  let outcome: Result<Void, any Error>
  do {
    outcome = .success(try await body(GatewayCalls(client: client, base: try url())))
  } catch {
    outcome = .failure(error)
  }
  await client.close()
  do { try outcome.get() } catch { throw exit(for: error) }
}

/// Says what went wrong, if there is something to say, and what to exit with.
func exit(for error: any Error) -> any Error {
  switch error {
  case is OutputClosed: return ExitCode.success
  case is CancellationError: return ExitCode.interrupted
  case let error as GatewayClientError:
    if case .badURL(let why) = error { return ValidationError(why) }
    StandardError.line("sluice: \(error)")
    switch error {
    case .refused(let refusal): return refusal.status < 500 ? ExitCode.refused : ExitCode.unavailable
    case .closed: return ExitCode.refused
    case .timedOut: return ExitCode.timedOut
    case .badURL, .invalidRequest, .unreachable, .untrusted, .connectionLost, .answerCut, .notUnderstood, .clientClosed:
      return ExitCode.unavailable
    }
  default: return error
  }
}
