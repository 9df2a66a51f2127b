package import NIOCore
package import HTTPSyntax

/// A whole answer.
package struct HTTPAnswer: Sendable {
  package var status: Int
  package var headers: HTTPHeaders
  package var body: ByteBuffer

  /// The body as bytes.
  package var bytes: [UInt8] { Array(body.readableBytesView) }

  /// The refusal this answer is, if it is one (400 and above).
  package var refusal: Refusal? {
    status < 400 ? nil : Refusal(status: status, retryAfter: headers.first(name: "Retry-After"), body: bytes)
  }
}

/// An answer whose body is read as it comes.
package struct HTTPStreamAnswer: Sendable {
  package var status: Int
  package var headers: HTTPHeaders
  /// The body; only one iterator may be made. Dropping that iterator before the end closes the connection.
  package var chunks: HTTPChunks
  let exchange: HTTPExchangeHandle

  /// From now on the answer fails with `timedOut` when nothing comes for that long; nil: it may be silent for ever.
  package func setSilenceLimit(_ limit: Duration?) { exchange.setSilenceLimit(limit) }

  /// Gives the answer up: its connection is closed, and its chunks end with a `CancellationError`.
  package func cancel() { exchange.cancel() }

  /// Reads the rest of the body.
  ///
  /// - Throws: `GatewayClientError.notUnderstood` if it is longer than `limit` bytes.
  package func collect(upTo limit: Int = HTTPClient.maximumAnswerBytes) async throws -> HTTPAnswer {
    var body = ByteBuffer()
    try await collect(into: &body, upTo: limit)
    return HTTPAnswer(status: status, headers: headers, body: body)
  }

  /// Reads the rest of the body into an empty buffer, which holds what came if it throws.
  func collect(into body: inout ByteBuffer, upTo limit: Int = HTTPClient.maximumAnswerBytes) async throws {
    for try await var chunk in chunks {
      guard body.readableBytes + chunk.readableBytes <= limit else {
        throw GatewayClientError.notUnderstood("its answer is longer than \(limit) bytes")
      }
      if body.readableBytes == 0 { body = chunk } else { body.writeBuffer(&chunk) }
    }
  }
}

/// The pieces of a body in the order they came. The connection is read only as fast as they are taken.
package struct HTTPChunks: AsyncSequence, Sendable {
  package typealias Element = ByteBuffer
  typealias Producer = NIOThrowingAsyncSequenceProducer<
    ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, BackPressure
  >
  let sequence: Producer

  package struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let iterator: Producer.AsyncIterator
    package func next() async throws -> ByteBuffer? { try await iterator.next() }
  }

  package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(iterator: sequence.makeAsyncIterator()) }
}

/// Carries "go on" and "I have gone" from a consumer to the event loop.
struct BackPressure: NIOAsyncSequenceProducerDelegate, Sendable {
  /// Buffers of at most 64 KiB each: reading stops at the higher and begins again at the lower number.
  static let strategy = NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark(
    lowWatermark: 4, highWatermark: 32)

  let onDemand: @Sendable () -> Void
  let onTermination: @Sendable () -> Void

  func produceMore() { onDemand() }
  func didTerminate() { onTermination() }
}
