package import StreamLog

extension Problem {
  /// Every kind of refusal; the raw value ends its `type` and is a websocket error's `code`.
  package enum Code: String, Sendable, CaseIterable {
    case badRequest = "bad-request"
    case invalidTopic = "invalid-topic"
    case invalidPattern = "invalid-pattern"
    case unknownParameter = "unknown-parameter"
    case invalidParameter = "invalid-parameter"
    case missingParameter = "missing-parameter"
    case invalidJSON = "invalid-json"
    case invalidUTF8 = "invalid-utf8"
    case invalidCommand = "invalid-command"
    case invalidEvent = "invalid-event"
    case tooManyTopics = "too-many-topics"
    case tooManyPatterns = "too-many-patterns"
    case reservedTopic = "reserved-topic"
    case originNotAllowed = "origin-not-allowed"
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case notAcceptable = "not-acceptable"
    case transportNotAllowed = "transport-not-allowed"
    case requestTimeout = "request-timeout"
    case payloadTimeout = "payload-timeout"
    case idempotencyKeyReused = "idempotency-key-reused"
    case preconditionFailed = "precondition-failed"
    case messageTooLarge = "message-too-large"
    case tooManyItems = "too-many-items"
    case bodyTooLarge = "body-too-large"
    case uriTooLong = "uri-too-long"
    case unsupportedMediaType = "unsupported-media-type"
    case unsupportedCharset = "unsupported-charset"
    case expectationFailed = "expectation-failed"
    case upgradeRequired = "upgrade-required"
    case tooManyConnectionsFromAddress = "too-many-connections-from-address"
    case tooManyCommands = "too-many-commands"
    case headersTooLarge = "headers-too-large"
    case internalFault = "internal"
    case transferCodingNotImplemented = "transfer-coding-not-implemented"
    case keyTableFull = "key-table-full"
    case tooManyConnections = "too-many-connections"
    case draining
    case cutOff = "cut-off"
    case outcomeUnknown = "outcome-unknown"
    case storeUnavailable = "store-unavailable"
    case storeCannot = "store-cannot"
    case versionNotSupported = "version-not-supported"

    package var status: Int { meaning.status }
    /// The same for every refusal of the kind.
    package var title: String { meaning.title }

    private var meaning: (status: Int, title: String) {
      switch self {
      case .badRequest: (400, "Malformed request")
      case .invalidTopic: (400, "Not a topic")
      case .invalidPattern: (400, "Not a topic or pattern")
      case .unknownParameter: (400, "Unknown parameter")
      case .invalidParameter: (400, "Parameter out of its range")
      case .missingParameter: (400, "Missing parameter")
      case .invalidJSON: (400, "Not JSON")
      case .invalidUTF8: (400, "Not UTF-8")
      case .invalidCommand: (400, "Not a command")
      case .invalidEvent: (400, "Not an event name")
      case .tooManyTopics: (400, "Too many topics")
      case .tooManyPatterns: (400, "Too many patterns")
      case .reservedTopic: (403, "The topic is the gateway's own")
      case .originNotAllowed: (403, "Origin not allowed")
      case .notFound: (404, "Nothing here")
      case .methodNotAllowed: (405, "Method not allowed")
      case .notAcceptable: (406, "No acceptable representation")
      case .transportNotAllowed: (406, "Transport not allowed")
      case .requestTimeout: (408, "The request took too long")
      case .payloadTimeout: (408, "The body took too long")
      case .idempotencyKeyReused: (409, "Idempotency key reused")
      case .preconditionFailed: (412, "The condition does not hold")
      case .messageTooLarge: (413, "Message too large")
      case .tooManyItems: (413, "Too many items")
      case .bodyTooLarge: (413, "Body too large")
      case .uriTooLong: (414, "Request target too long")
      case .unsupportedMediaType: (415, "Unsupported media type")
      case .unsupportedCharset: (415, "Unsupported charset")
      case .expectationFailed: (417, "Expectation failed")
      case .upgradeRequired: (426, "Upgrade required")
      case .tooManyConnectionsFromAddress: (429, "Too many connections from this address")
      case .tooManyCommands: (429, "Too many commands under way")
      case .headersTooLarge: (431, "Header fields too large")
      case .internalFault: (500, "The gateway is at fault")
      case .transferCodingNotImplemented: (501, "Transfer coding not implemented")
      case .keyTableFull: (503, "No room for idempotency keys")
      case .tooManyConnections: (503, "Too many connections")
      case .draining: (503, "The gateway is going away")
      case .cutOff: (503, "The gateway ended this request")
      case .outcomeUnknown: (503, "Outcome unknown")
      case .storeUnavailable: (503, "The store cannot be used")
      case .storeCannot: (409, "Not with this store")
      case .versionNotSupported: (505, "HTTP version not supported")
      }
    }
  }
}

// MARK: - What the request says

extension Problem {
  package static func badRequest(_ reason: String) -> Problem { Problem(.badRequest, reason) }

  package static func invalidTopic(_ text: String, _ rule: TopicSyntaxError, parameter: String? = nil) -> Problem {
    Problem(
      .invalidTopic, "\(Quoting.text(text)) is no topic: \(rule)", topic: Quoting.shortened(text),
      parameter: parameter)
  }

  package static func invalidPattern(_ text: String, _ rule: TopicSyntaxError, parameter: String? = nil) -> Problem {
    Problem(
      .invalidPattern, "\(Quoting.text(text)) is no topic or pattern: \(rule)", topic: Quoting.shortened(text),
      parameter: parameter)
  }

  package static func reservedTopic(_ topic: TopicName) -> Problem {
    Problem(
      .reservedTopic, "Topics that begin with '$' are the gateway's own; publish to one without it.",
      topic: topic.string)
  }

  /// - Parameter allowed: the names there are; the one most likely meant is suggested.
  package static func unknownParameter(_ name: String, allowed: [String]) -> Problem {
    let hint = Quoting.suggestion(for: name, among: allowed).map { " Did you mean '\($0)'?" } ?? ""
    return Problem(
      .unknownParameter, "There is no \(Quoting.text(name)) here.\(hint) Known: \(Quoting.list(allowed)).",
      parameter: Quoting.shortened(name))
  }

  /// - Parameter reason: goes on after the name: `must be a number`.
  package static func invalidParameter(_ name: String, _ reason: String) -> Problem {
    Problem(.invalidParameter, "'\(name)' \(reason).", parameter: name)
  }

  /// - Parameter reason: goes on after the name: `names the topics to read`.
  package static func missingParameter(_ name: String, _ reason: String) -> Problem {
    Problem(.missingParameter, "'\(name)' is missing; it \(reason).", parameter: name)
  }

  package static func invalidJSON(_ error: JSONError) -> Problem { Problem(.invalidJSON, "\(error)") }

  package static func invalidUTF8(at index: Int) -> Problem {
    Problem(.invalidUTF8, "The text is not UTF-8 at byte \(index); send UTF-8, or bytes as application/octet-stream.")
  }

  package static func invalidCommand(_ reason: String) -> Problem { Problem(.invalidCommand, reason) }

  package static func invalidEvent(_ reason: String) -> Problem {
    Problem(.invalidEvent, "The event cannot be used: \(reason).", parameter: "event")
  }

  package static func tooManyTopics(limit: Int) -> Problem {
    Problem(.tooManyTopics, "A subscriber has at most \(limit) topics; use a pattern, or a second connection.")
  }

  package static func tooManyPatterns(limit: Int) -> Problem {
    Problem(
      .tooManyPatterns, "A subscriber has at most \(limit) patterns; use a wider one, or a second connection.")
  }

  package static func unsupportedMediaType(_ type: String, supported: String? = nil) -> Problem {
    let hint = supported.map { "send \($0)" } ?? "write type/subtype in at most 255 bytes, like application/json"
    return Problem(
      .unsupportedMediaType, "The content type \(Quoting.text(type)) cannot be used here; \(hint).",
      parameter: "Content-Type")
  }

  package static func unsupportedCharset(_ charset: String) -> Problem {
    Problem(
      .unsupportedCharset,
      "The charset \(Quoting.text(charset)) is not converted; send UTF-8, or bytes as application/octet-stream.",
      parameter: "Content-Type")
  }

  /// - Parameter limit: in bytes.
  package static func messageTooLarge(limit: Int) -> Problem {
    Problem(.messageTooLarge, "A message has at most \(limit) bytes here; send a smaller one or a link to the rest.")
  }

  package static func tooManyItems(limit: Int) -> Problem {
    Problem(
      .tooManyItems,
      "A request has at most \(limit) messages, each counted once for every topic; send the rest in another one."
    )
  }

  /// - Parameter limit: in bytes.
  package static func bodyTooLarge(limit: Int) -> Problem {
    Problem(.bodyTooLarge, "A request's body has at most \(limit) bytes here; send the rest in another one.")
  }

  /// - Parameter limit: in bytes.
  package static func batchTooLarge(limit: Int) -> Problem {
    Problem(
      .bodyTooLarge,
      "A request publishes at most \(limit) bytes, each message's counted once for every topic; "
        + "send the rest in another one.")
  }

  /// - Parameter limit: in bytes.
  package static func uriTooLong(limit: Int) -> Problem {
    Problem(
      .uriTooLong, "The request target has at most \(limit) bytes; send long topic lists as POST /v1/stream.")
  }

  package static var expectationFailed: Problem {
    Problem(.expectationFailed, "'Expect' may only ask for 100-continue; leave it out.", parameter: "Expect")
  }

  package static func transferCodingNotImplemented(_ coding: String) -> Problem {
    Problem(
      .transferCodingNotImplemented,
      "The transfer coding \(Quoting.text(coding)) is not undone here; send the body chunked, or with its length.",
      parameter: "Transfer-Encoding")
  }

  package static var versionNotSupported: Problem {
    Problem(.versionNotSupported, "HTTP/1.1 and HTTP/1.0 are spoken here.")
  }

  /// - Parameter limit: in bytes, of all fields together.
  package static func headersTooLarge(limit: Int) -> Problem {
    Problem(.headersTooLarge, "All header fields together have at most \(limit) bytes; send fewer or shorter ones.")
  }
}

// MARK: - What is asked of whom

extension Problem {
  package static func notFound(_ path: String) -> Problem {
    Problem(.notFound, "There is nothing at \(Quoting.text(path)); interfaces begin with /v1/.")
  }

  /// - Parameter allowed: the methods of the same resource, which the `Allow` field names too.
  package static func topicNotFound(_ topic: TopicName) -> Problem {
    Problem(.notFound, "Nothing was ever published to this topic, or it was forgotten.", topic: topic.string)
  }

  package static func methodNotAllowed(_ method: String, allowed: [String]) -> Problem {
    Problem(.methodNotAllowed, "\(Quoting.text(method)) is not possible here; use \(Quoting.list(allowed)).")
  }

  package static func notAcceptable(_ accept: String, available: [String]) -> Problem {
    Problem(
      .notAcceptable, "Nothing here has the form \(Quoting.text(accept)); ask for \(Quoting.list(available)).",
      parameter: "Accept")
  }

  /// - Parameter allowed: those that are; possibly none.
  package static func transportNotAllowed(
    _ transport: String, allowed: [String], parameter: String = "transport"
  ) -> Problem {
    Problem(
      .transportNotAllowed,
      allowed.isEmpty
        ? "No transport may be used for all of these topics together; its operator's rules for them have none in common."
        : "This gateway's operator does not allow \(transport) here; use \(Quoting.list(allowed)).",
      parameter: parameter)
  }

  package static func originNotAllowed(_ origin: String) -> Problem {
    Problem(
      .originNotAllowed,
      "Pages of \(Quoting.text(origin)) may not use this gateway; its operator can allow the origin.",
      parameter: "Origin")
  }

  package static func upgradeRequired(_ reason: String) -> Problem { Problem(.upgradeRequired, reason) }

  package static func requestTimeout(seconds: Int) -> Problem {
    Problem(.requestTimeout, "A request's head must be complete within \(seconds) seconds.")
  }

  package static func payloadTimeout(seconds: Int) -> Problem {
    Problem(.payloadTimeout, "A request's body must be complete within \(seconds) seconds; nothing was published.")
  }

  package static func idempotencyKeyReused(_ key: String) -> Problem {
    Problem(
      .idempotencyKeyReused,
      "The key \(Quoting.text(key)) was used for another message; take a new key for a new message.",
      parameter: "Idempotency-Key")
  }

  /// - Parameter current: the id of the topic's last message; nil if it never had one.
  package static func preconditionFailed(topic: TopicName, current: Position?) -> Problem {
    let state = current.map { "the last message is \($0)" } ?? "the topic has had no message"
    return Problem(
      .preconditionFailed, "Nothing was published: \(state). Read what is new and decide again.",
      topic: topic.string, current: current)
  }
}

// MARK: - What the gateway cannot do now

extension Problem {
  package static func tooManyConnectionsFromAddress(limit: Int, retryAfter: Int) -> Problem {
    Problem(
      .tooManyConnectionsFromAddress,
      "One address has at most \(limit) connections here; close one, or come back later.", retryAfter: retryAfter)
  }

  package static func tooManyConnections(retryAfter: Int) -> Problem {
    Problem(
      .tooManyConnections, "The gateway has as many connections as it may; come back later.",
      retryAfter: retryAfter)
  }

  package static func draining(retryAfter: Int) -> Problem {
    Problem(
      .draining, "The gateway is shutting down; come back, and another one or the next will answer.",
      retryAfter: retryAfter)
  }

  /// - Parameter limit: how many backlogs one subscriber may have under way.
  package static func tooManyCommands(limit: Int, retryAfter: Int) -> Problem {
    Problem(
      .tooManyCommands,
      "\(limit) subscribes with 'since' or 'rewind' are being caught up; wait for a caught_up and ask again.",
      retryAfter: retryAfter)
  }

  /// A request that waited and is ended from this side.
  package static func cutOff(byOperator: Bool, retryAfter: Int) -> Problem {
    let why = byOperator ? "An operator ended this request" : "The gateway ran short of memory for what is unsent"
    return Problem(.cutOff, "\(why); come back.", retryAfter: retryAfter)
  }

  package static func keyTableFull(retryAfter: Int) -> Problem {
    Problem(
      .keyTableFull, "No more idempotency keys can be kept; nothing was published. Come back, or publish without one.",
      retryAfter: retryAfter)
  }

  /// - Parameter reason: what happened to the store, for those who may not see the operator's words.
  package static func outcomeUnknown(reason: String, retryAfter: Int? = nil) -> Problem {
    Problem(
      .outcomeUnknown,
      "The store did not say whether the message was kept: \(reason). Send it again with the same Idempotency-Key.",
      retryAfter: retryAfter)
  }

  /// - Parameter reason: why, for those who may not see the operator's words.
  package static func storeUnavailable(reason: String, retryAfter: Int? = nil) -> Problem {
    Problem(
      .storeUnavailable, "Nothing was published or read: \(reason). Come back later.", retryAfter: retryAfter)
  }

  /// - Parameter reason: what this kind of store has not, and which one has.
  package static func storeCannot(_ reason: String) -> Problem { Problem(.storeCannot, "\(reason).") }

  /// - Parameter reference: what the operator finds the fault by in the log.
  package static func internalFault(reference: String? = nil) -> Problem {
    let hint = reference.map { " under \($0)" } ?? ""
    return Problem(.internalFault, "Something went wrong inside the gateway; its log says what\(hint).")
  }
}
