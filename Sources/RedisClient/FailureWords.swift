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

/// Puts what NIO and OpenSSL say about a failed connection into words for a person.
enum FailureWords {
  /// The system's own words where there is a system error behind it: "Connection refused".
  static func reason(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
      if let last = error.connectionErrors.last { return reason(last.error) }
      return "the name \"\(error.host)\" is not known"
    case let error as IOError:
      return String(cString: strerror(error.errnoCode))
    case ChannelError.connectTimeout(let limit):
      return "no connection within \(limit.inWords)"
    default:
      return "\(error)"
    }
  }
}

extension TLSError {
  var inWords: String {
    switch reason {
    case .certificate:
      "its certificate is not trusted (\(detail)); name a file with those who vouch for it, and the server by a name "
        + "or address that the certificate has"
    case .refused:
      "it does not take our certificate, or wants one (\(detail))"
    case .malformed, .clearText:
      "TLS with it failed (\(detail)); a Redis without TLS has a URL with redis:"
    case .version, .cipher, .applicationProtocol, .flood:
      "TLS with it failed (\(detail))"
    }
  }
}

extension TimeAmount {
  /// `10 s`, `500 ms`
  var inWords: String {
    let milliseconds = nanoseconds / 1_000_000
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
  }
}
