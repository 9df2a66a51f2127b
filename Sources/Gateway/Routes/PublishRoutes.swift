import Configuration
import HTTPServer
import NIOCore
import HTTPSyntax
import StreamLog
import StreamStores
import Transports
import WireFormat

/// Publishing over HTTP (protocol section 6).
extension PublicRoutes {
  /// `POST /v1/topics/{topic}/messages`: the body is the payload.
  func publish(_ exchange: any HTTPExchange, to rawTopic: String, _ headers: HTTPHeaders) throws(Problem) {
    _ = try Query(exchange.request.target, allowed: [])
    let request = exchange.request.headers
    let topic = try topic(rawTopic, forPublishing: true)
    let key = try single("Idempotency-Key", in: request)
    if let key { try PublishItem.checkKey(key, parameter: "Idempotency-Key") }
    let condition = try precondition(request)
    let event = try single("Event", in: request)
    let contentType = try single("Content-Type", in: request)
    let limit = configuration.limits.messageBytes
    readBody(exchange, limit: limit, Problem.messageTooLarge, headers) { [self] (body) throws(Problem) in
      let draft: MessageDraft
      do throws(PayloadError) {
        draft = try MessageDraft(body: body, contentType: contentType, event: event)
      } catch {
        throw error.problem
      }
      let item = PublishItem(topics: [topic], draft: draft, key: key, ifLast: condition)
      context.publisher.publish([item], on: exchange.eventLoop) { outcomes in
        switch outcomes[0] {
        case .committed(let published): exchange.respond(201, published[0], headers)
        case .repeated(let published): exchange.respond(200, published[0], headers)
        case .refused(let refusal): exchange.refuse(refusal.problem(key: key), headers: headers)
        }
      }
    }
  }

  private func single(_ name: StaticString, in headers: RequestFields) throws(Problem) -> String? {
    let value = headers.first(name: name)
    guard value == nil || !headers.isRepeated(name) else {
      throw .invalidParameter(name.description, "is there more than once; send one")
    }
    return value
  }

  private func precondition(_ headers: RequestFields) throws(Problem) -> Precondition? {
    let match = try single("If-Match", in: headers)
    let noneMatch = try single("If-None-Match", in: headers)
    switch (match, noneMatch) {
    case (nil, nil): return nil
    case (nil, let none?):
      guard none == "*" else {
        throw .invalidParameter("If-None-Match", "must be *, which asks for a topic without messages")
      }
      return .neverPublished
    case (let id?, nil):
      guard id.count >= 2, id.first == "\"", id.last == "\"", !id.dropFirst().dropLast().contains("\"") else {
        throw .invalidParameter("If-Match", "must be the topic's last id in double quotes")
      }
      return .lastIs(String(id.dropFirst().dropLast()))
    case (_?, _?): throw .invalidParameter("If-None-Match", "stands beside If-Match; keep one of the two")
    }
  }

  /// `POST /v1/publish`: several messages, each with a result of its own, in order.
  func publishBatch(_ exchange: any HTTPExchange, _ headers: HTTPHeaders) throws(Problem) {
    _ = try Query(exchange.request.target, allowed: [])
    let limits = PublishRequest.Limits(
      messages: configuration.limits.batchMessages, bytes: configuration.limits.batchBytes,
      messageBytes: configuration.limits.messageBytes)
    readBody(exchange, limit: limits.bytes, Problem.bodyTooLarge, headers) { [self] (body) throws(Problem) in
      let items = try PublishRequest(body, limits: limits).items
      let good = items.compactMap { try? $0.get() }
      context.publisher.publish(good, on: exchange.eventLoop) { outcomes in
        var outcomes = outcomes.makeIterator()
        let results = items.map { item -> JSONValue in
          switch item {
          case .failure(let problem): .object([("error", problem.json)])
          case .success(let item): outcomes.next()!.result(of: item)
          }
        }
        exchange.respond(200, json: JSONValue.object([("results", .array(results))]).encoded, headers: headers)
      }
    }
  }
}

extension HTTPExchange {
  fileprivate func respond(_ status: Int, _ published: Published, _ headers: HTTPHeaders) {
    var lines = FieldLines.json
    // What the next conditional publish would name.
    lines.add("ETag") { bytes in
      bytes.append(UInt8(ascii: "\""))
      JSONText.append(published.id, to: &bytes)
      bytes.append(UInt8(ascii: "\""))
    }
    respond(status, json: published.encoded(withTopic: true), lines: lines, headers: headers)
  }
}

extension Published {
  fileprivate func encoded(withTopic: Bool) -> [UInt8] {
    var json: [UInt8] = []
    json.reserveCapacity(96 + (withTopic ? topic.string.utf8.count : 0))
    json.append(contentsOf: "{\"id\":\"".utf8)
    JSONText.append(id, to: &json)
    json.append(UInt8(ascii: "\""))
    if withTopic {
      json.append(contentsOf: ",\"topic\":".utf8)
      JSONText.append(topic.string, to: &json)
    }
    json.append(contentsOf: ",\"seq\":".utf8)
    JSONText.append(seq, to: &json)
    json.append(UInt8(ascii: "}"))
    return json
  }
}

extension PublishOutcome {
  /// One item's result in a batch's answer: with several topics, one entry each.
  fileprivate func result(of item: PublishItem) -> JSONValue {
    switch self {
    case .committed(let published), .repeated(let published):
      published.count == 1
        ? .raw(published[0].encoded(withTopic: false))
        : .object([("messages", .array(published.map { .raw($0.encoded(withTopic: true)) }))])
    case .refused(let refusal):
      .object([("error", refusal.problem(key: item.key).json)])
    }
  }
}
