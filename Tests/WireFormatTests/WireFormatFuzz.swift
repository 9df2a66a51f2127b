import StreamLog
import WireFormat

/// Gives any bytes to everything here that reads bytes from outside, and checks what must hold of what was taken.
/// It traps where something does not.
func wireFormatFuzzTarget(_ bytes: UnsafeRawBufferPointer) {
  let input = Array(bytes)
  fuzzJSON(input)
  fuzzCommands(input)
  fuzzPayloads(input)
}

private func fuzzJSON(_ input: [UInt8]) {
  guard let minified = try? JSON.minified(input) else {
    precondition((try? JSONValue(parsing: input)) == nil, "a value from what is no JSON")
    return
  }
  precondition(minified.count <= input.count, "minifying made it longer")
  precondition((try? JSON.minified(minified)) == minified, "minified text is not stable")
  precondition(!minified.contains(0x0a) && !minified.contains(0x0d), "a raw line end breaks an event stream")
  guard let value = try? JSONValue(parsing: input) else { preconditionFailure("valid JSON has no value") }
  guard let again = try? JSONValue(parsing: value.encoded) else { preconditionFailure("a value wrote no JSON") }
  precondition(again == value, "a value changed on its way")
}

private func fuzzCommands(_ input: [UInt8]) {
  do {
    let command = try ClientCommand(input)
    if case .publish(let item, _) = command { precondition(item.topics.count == 1 && !item.topics[0].isReserved) }
    if let ref = command.ref { precondition(ref.json.count <= Ref.longest) }
  } catch {
    let answer = Control.error(error.problem, ref: error.ref).encoded
    precondition((try? JSON.minified(answer)) == answer, "an error is no JSON")
  }
  if let request = try? PublishRequest(input, limits: .init(messages: 16, bytes: 1 << 10, messageBytes: 1 << 9)) {
    precondition(request.items.count <= 16)
    for case .success(let item) in request.items { checkMessage(item.draft) }
  }
  _ = try? StreamBody(input, maxTopics: 16)
}

private func fuzzPayloads(_ input: [UInt8]) {
  let split = input.firstIndex(of: 0) ?? 0
  let header = String(decoding: input[..<split], as: UTF8.self)
  let body = Array(input[split...])
  for contentType in [nil, "application/json", "text/plain", header] {
    if let draft = try? MessageDraft(body: body, contentType: contentType, event: nil) { checkMessage(draft) }
  }
  if let draft = try? MessageDraft(body: body, contentType: nil, event: header) { checkMessage(draft) }
  if let topic = try? TopicName(header), let pattern = try? TopicPattern(header) {
    precondition(pattern.matches(topic), "a topic does not match itself")
  }
  if let position = Position(header) { precondition(position.description == header, "an id changed on its way") }
}

private func checkMessage(_ draft: MessageDraft) {
  guard let epoch = Epoch("fuzz"), let topic = try? TopicName("a.b") else { preconditionFailure("names of our own") }
  let message = MessageEncoder.encode(
    draft: draft, position: Position(epoch: epoch, offset: 7), predecessor: 3, seq: 2, topic: topic, time: 1,
    committedAt: 1)
  precondition((try? JSON.minified(message.encoded)) == message.encoded, "a message is no minified JSON")
  precondition(Array(message.encoded[message.dataRange]) == draft.data, "data is not where it is said to be")
  precondition(message.eventName == draft.event, "the event is not where it is said to be")
}
