package import StreamLog

extension MessageDraft {
  /// The longest content type a binary message carries along.
  private static let longestContentType = 255

  /// A message from the body of a publish request (protocol sections 3 and 6): JSON becomes `data` as it is but
  /// for whitespace, `text/*` a JSON string, and anything else base64 with its content type.
  ///
  /// - Parameters:
  ///   - contentType: the `Content-Type` field's value; without one the body is `application/octet-stream`.
  ///   - event: the `Event` field's value.
  package init(body: [UInt8], contentType: String?, event: String?) throws(PayloadError) {
    if let event { try EventName.check(event) }
    guard let contentType else {
      self.init(event: event, kind: .binary, data: Base64.quoted(body), contentType: "application/octet-stream")
      return
    }
    guard contentType.utf8.count <= MessageDraft.longestContentType, let type = ContentType(contentType) else {
      throw .unsupportedMediaType(contentType)
    }
    if type.isJSON {
      try MessageDraft.checkCharset(type)
      try self.init(json: body, event: event)
    } else if type.isText {
      try MessageDraft.checkCharset(type)
      try self.init(text: body, event: event)
    } else {
      self.init(event: event, kind: .binary, data: Base64.quoted(body), contentType: contentType)
    }
  }

  /// A message whose `data` is one JSON value, whitespace allowed.
  package init(json: [UInt8], event: String?) throws(PayloadError) {
    if let event { try EventName.check(event) }
    do {
      self.init(event: event, kind: .json, data: try JSON.minified(json))
    } catch {
      throw .invalidJSON(error)
    }
  }

  private init(text: [UInt8], event: String?) throws(PayloadError) {
    let data = try text.withUnsafeBufferPointer { (utf8) throws(PayloadError) -> [UInt8] in
      if let index = UTF8Sequence.firstFault(in: utf8) { throw .invalidUTF8(at: index) }
      return JSONText.quoted(utf8: utf8)
    }
    self.init(event: event, kind: .text, data: data)
  }

  /// US-ASCII is a subset of UTF-8; no other charset is converted.
  private static func checkCharset(_ type: ContentType) throws(PayloadError) {
    guard let charset = type.charset, charset != "utf-8", charset != "utf8", charset != "us-ascii" else { return }
    throw .unsupportedCharset(charset)
  }
}
