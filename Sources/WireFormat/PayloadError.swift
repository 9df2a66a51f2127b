/// Why a body cannot become a message.
package enum PayloadError: Error, Equatable, Sendable {
  case invalidJSON(JSONError)
  /// With the rule it breaks.
  case invalidEvent(String)
  case unsupportedCharset(String)
  case unsupportedMediaType(String)
  case invalidUTF8(at: Int)

  package var code: Problem.Code {
    switch self {
    case .invalidJSON: .invalidJSON
    case .invalidEvent: .invalidEvent
    case .unsupportedCharset: .unsupportedCharset
    case .unsupportedMediaType: .unsupportedMediaType
    case .invalidUTF8: .invalidUTF8
    }
  }

  package var problem: Problem {
    switch self {
    case .invalidJSON(let error): .invalidJSON(error)
    case .invalidEvent(let reason): .invalidEvent(reason)
    case .unsupportedCharset(let charset): .unsupportedCharset(charset)
    case .unsupportedMediaType(let type): .unsupportedMediaType(type)
    case .invalidUTF8(let index): .invalidUTF8(at: index)
    }
  }
}

extension PayloadError: CustomStringConvertible {
  package var description: String { problem.detail }
}
