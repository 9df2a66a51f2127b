/// Why bytes are not RESP2, or more of it than is allowed (`RESPParser.Limits`).
package enum RESPError: Error, Sendable, Equatable, CustomStringConvertible {
  case unknownType(UInt8)
  case lineUnended
  case lineTooLong(limit: Int)
  case notANumber(String)
  case negativeLength(Int64)
  case bulkTooLong(Int64, limit: Int)
  case bulkUnended
  case arrayTooLong(Int64, limit: Int)
  case tooDeep(limit: Int)

  package var description: String {
    switch self {
    case .unknownType(let byte): "no value begins with byte \(byte)"
    case .lineUnended: "a line does not end in CR LF"
    case .lineTooLong(let limit): "a line is longer than \(limit) bytes"
    case .notANumber(let text): "\"\(text)\" is no number of 64 bits"
    case .negativeLength(let length): "\(length) is no length"
    case .bulkTooLong(let length, let limit): "a string of \(length) bytes is longer than \(limit)"
    case .bulkUnended: "a string does not end in CR LF behind its bytes"
    case .arrayTooLong(let length, let limit): "an array of \(length) elements is longer than \(limit)"
    case .tooDeep(let limit): "arrays are nested deeper than \(limit)"
    }
  }
}
