package import HTTPSyntax

extension HTTPSyntaxError {
  /// The answer to a request that breaks this rule.
  package var fault: HTTPFault {
    switch self {
    case .requestLineTooLong(let limit): .uriTooLong(limit: limit)
    case .headersTooLarge(let limit), .tooManyHeaders(let limit): .headersTooLarge(limit: limit)
    case .unsupportedVersion: .versionNotSupported
    case .expectationUnknown: .expectationFailed
    case .transferCodingUnknown(let coding): .notImplemented(coding: coding)
    default: .badRequest(detail: sentence(for: .request))
    }
  }
}
