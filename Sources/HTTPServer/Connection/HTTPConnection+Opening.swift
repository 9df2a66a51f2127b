import HTTP2
import Logging
import NIOCore
import TLS

/// How a connection finds out what is spoken on it: a proxy's header, TLS's handshake, and the protocol that TLS agreed
/// on or, in clear, that the first bytes tell (RFC 9113 section 3.3).
extension HTTPConnection {
  func beginOpening() {
    if refusal != nil {
      watchRefusal()
    } else if shared.settings.tls == nil {
      watchFirstByte()
    } else {
      watchHandshake()
    }
    if !awaitsProxyHeader { beginTLS() }
  }

  private func beginTLS() {
    guard let served = shared.settings.tls else { return }
    tls = TLSSession(served.context, output: shared.tlsOutput)
  }

  /// Bytes in clear before a session is there.
  func open(with bytes: ByteBuffer) {
    if held.readableBytes == 0 { held = bytes } else { held.writeImmutableBuffer(bytes) }
    if awaitsProxyHeader {
      guard readProxyHeader() else { return }
      if tls != nil {
        let rest = takeHeld()
        if rest.readableBytes > 0 { decrypt(rest) }
        return
      }
    }
    if let tls {
      // TLS says what is spoken; without a word on it it is HTTP/1.1.
      begin(speaksHTTP2: tls.applicationProtocol == "h2")
    } else if let speaksHTTP2 = HTTP2Preface.isBegun(by: held.readableBytesView) {
      begin(speaksHTTP2: speaksHTTP2)
    }
  }

  private func begin(speaksHTTP2: Bool) {
    let session: any HTTPSession = speaksHTTP2 ? HTTP2Session(self) : HTTP1Session(self)
    speak(session)
    session.receive(takeHeld())
  }

  private func takeHeld() -> ByteBuffer {
    defer { held = ByteBuffer() }
    return held
  }

  // MARK: - TLS

  func decrypt(_ bytes: ByteBuffer) {
    guard let tls else { return }
    var clear = ByteBuffer()
    let wasEstablished = tls.isEstablished
    do throws(TLSError) {
      try bytes.withUnsafeReadableBytes { (bytes) throws(TLSError) in
        try tls.receive(bytes) { need, body in clear.writeWithUnsafeMutableBytes(minimumWritableBytes: need, body) }
      }
    } catch {
      return failed(error)
    }
    sendOutput()
    if !wasEstablished, tls.isEstablished { handshakeDone(tls) }
    if clear.readableBytes > 0 { receive(clear) }
    if tls.isInputEnded { inputEnded() }
  }

  private func handshakeDone(_ tls: TLSSession) {
    shared.counters.count(tls.isResumed ? .handshakesResumed : .handshakes)
    guard refusal == nil else { return }
    watchFirstByte()
    // An HTTP/2 server has the first word, too: its settings.
    if tls.applicationProtocol == "h2" { begin(speaksHTTP2: true) }
  }

  private func failed(_ error: TLSError) {
    if case .opening = stage {
      shared.counters.count(.handshakeFailures)
      shared.logger.debug(
        "TLS handshake failed", metadata: ["address": "\(remoteAddress)", "error": "\(error)"])
      if error.isClearText { return answerInClear() }
    }
    sendOutput()
    // What is owed to the peer is TLS's alert; there is nobody to say anything else to.
    close()
  }

  /// Somebody speaks plain HTTP where TLS is spoken, and would not know why he gets no answer.
  private func answerInClear() {
    tls?.free()
    tls = nil
    HTTP1Session(self).refuse(.badRequest(detail: "this port speaks TLS: use https:// or wss://"))
  }

  // MARK: - A proxy's header

  /// - Returns: whether the header is complete and was understood.
  private func readProxyHeader() -> Bool {
    switch ProxyProtocol.parse(held.readableBytesView) {
    case .needsMore:
      return false
    case .failed(let why):
      shared.counters.refuseProxyHeader(why, of: remoteAddress, shared.logger)
      close()
      return false
    case .done(let length, let source):
      held.moveReaderIndex(forwardBy: length)
      awaitsProxyHeader = false
      // A header without an address speaks for the proxy itself, its health checks say; what stands in a request on
      // such a connection is nobody's word that could be trusted.
      if let source { attribute(to: source) } else { isFromProxy = false }
      beginTLS()
      return true
    }
  }

  private func attribute(to source: String) {
    remoteAddress = source
    isFromProxy = shared.settings.trustsProxy(at: source)
    guard case .admitted = place, !isFromProxy else { return }
    if shared.ledger.attribute(to: source) {
      place = .admitted(address: source)
    } else {
      depart()
      shared.counters.count(.refusedPerAddress)
      let fault = HTTPFault.tooManyConnectionsFromAddress(retryAfter: shared.settings.retryAfter)
      guard shared.ledger.enterRefusal() else { return close() }
      place = .refused(fault)
      watchRefusal()
    }
  }

  // MARK: - Ending

  func endedWhileOpening() {
    // One that is refused is told so all the same, if it can be.
    if refusal != nil, tls == nil { refuseUnasked() } else { leave() }
  }

  func closedWhileOpening() {
    if tls?.isEstablished == false { shared.counters.count(.handshakeFailures) }
    held = ByteBuffer()
  }

  /// A refused connection has sent no request in time.
  func refuseUnasked() {
    guard let refusal else { return close() }
    if let session { return session.refuse(refusal) }
    guard tls == nil else { return close() }
    HTTP1Session(self).refuse(refusal)
  }
}

/// A client's first bytes in HTTP/2 (RFC 9113 section 3.4).
enum HTTP2Preface {
  private static let bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  /// - Returns: nil if more bytes must tell.
  static func isBegun(by first: some Collection<UInt8>) -> Bool? {
    for (byte, expected) in zip(first, bytes) where byte != expected { return false }
    return first.count >= bytes.count ? true : nil
  }
}
