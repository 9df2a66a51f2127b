#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif
import NIOCore
import NIOPosix
import TLS

/// Puts what NIO says about a failed connection into words for a person.
enum ConnectionFailure {
  static func unreachable(_ url: GatewayURL, _ error: any Error) -> GatewayClientError {
    if let error = error as? GatewayClientError { return error }
    return .unreachable("cannot reach the gateway at \(url.origin): \(reason(error))")
  }

  /// - Parameter error: of a connection that was there.
  static func lost(_ error: any Error) -> GatewayClientError {
    switch error {
    case let error as GatewayClientError: error
    case let error as TLSError where error.reason == .certificate: .untrusted(error.detail)
    case let error as TLSError: .notUnderstood("TLS with it failed (\(error.detail))")
    default: .connectionLost(reason(error))
    }
  }

  /// The system's own words where there is a system error behind it: "Connection refused".
  static func reason(_ error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
      if let last = error.connectionErrors.last { return reason(last.error) }
      return "the name \"\(error.host)\" is not known"
    case let error as IOError:
      return String(cString: strerror(error.errnoCode))
    case ChannelError.connectTimeout(let limit):
      return "no connection within \(limit.inSeconds)"
    default:
      return "\(error)"
    }
  }
}

extension EventLoopFuture where Value: Sendable {
  /// The value, or `CancellationError` as soon as the task is cancelled; a value that comes later goes to `discard`.
  func getOrCancel(discard: @escaping @Sendable (Value) -> Void) async throws -> Value {
    let promise = eventLoop.makePromise(of: Value.self)
    let settled = NIOLoopBoundBox.makeBoxSendingValue(false, eventLoop: eventLoop)
    return try await withTaskCancellationHandler {
      whenComplete { result in
        guard !settled.value else {
          if case .success(let value) = result { discard(value) }
          return
        }
        settled.value = true
        promise.completeWith(result)
      }
      return try await promise.futureResult.get()
    } onCancel: {
      eventLoop.execute {
        guard !settled.value else { return }
        settled.value = true
        promise.fail(CancellationError())
      }
    }
  }
}
