/// Finds the end of a head, and refuses bytes that no head may have as soon as they arrive. It reads each byte once,
/// however the head is split.
package struct HeadScanner: Sendable {
  private let message: HTTPMessageKind
  private var position = 0
  private var lineStart = 0
  /// Where the header fields begin; 0 while in the start line.
  private var fieldsStart = 0
  private var sawCarriageReturn = false

  package init(_ message: HTTPMessageKind) { self.message = message }

  /// - Parameter bytes: everything since the head's first byte; each call gets the bytes of the previous call and more.
  /// - Returns: the head's length in bytes, or `nil` if more bytes are needed.
  package mutating func scan(
    _ bytes: UnsafeRawBufferPointer, limits: HTTPLimits
  ) throws(HTTPSyntaxError) -> Int? {
    while position < bytes.count {
      skipPlain(bytes, limits)
      guard position < bytes.count else { break }
      let byte = bytes[position]
      if sawCarriageReturn {
        guard byte == 0x0A else { throw .bareLineEnd }
        sawCarriageReturn = false
        let isEmpty = position - 1 == lineStart
        if fieldsStart == 0 {
          guard !isEmpty else { throw message == .request ? .malformedRequestLine : .malformedStatusLine }
          fieldsStart = position + 1
        } else if isEmpty {
          return position + 1
        }
        lineStart = position + 1
      } else if byte == 0x0D {
        sawCarriageReturn = true
      } else if byte == 0x0A {
        throw .bareLineEnd
      } else if byte < 0x20 && byte != 0x09 || byte == 0x7F {
        throw .controlByte(byte)
      } else if fieldsStart == 0 {
        guard position < limits.startLine else { throw startLineTooLong(limits) }
      } else {
        guard position - fieldsStart < limits.headerBytes else { throw .headersTooLarge(limit: limits.headerBytes) }
      }
      position += 1
    }
    return nil
  }

  private func startLineTooLong(_ limits: HTTPLimits) -> HTTPSyntaxError {
    switch message {
    case .request: .requestLineTooLong(limit: limits.startLine)
    case .response: .statusLineTooLong(limit: limits.startLine)
    }
  }

  /// Skips the bytes that neither end a line nor break a rule, which are nearly all bytes of a head.
  private mutating func skipPlain(_ bytes: UnsafeRawBufferPointer, _ limits: HTTPLimits) {
    guard !sawCarriageReturn else { return }
    let end = min(bytes.count, fieldsStart == 0 ? limits.startLine : fieldsStart + limits.headerBytes)
    var index = position
    while index < end, bytes[index] >= 0x20, bytes[index] != 0x7F { index += 1 }
    position = index
  }
}
