import GatewayClient
import WireFormat

extension ExaminationPlan {
  /// A connection that was opened is to live so long.
  private static let life = Duration.seconds(1)

  func probeUpgrade() async throws -> UpgradeMeasurement {
    let tap = StreamTap(.websocket, self)
    defer { tap.breakOff() }
    func ended(_ record: StreamTap.Record) -> UpgradeMeasurement? {
      guard let end = record.end else { return nil }
      guard let opened = record.opened else { return .refused(end.why) }
      return .ended(after: end.at - opened, why: end.why.words, saidHello: record.first("hello") != nil)
    }
    // The handshake has a limit of its own.
    var record = try await tap.wait(patience * 3) { $0.opened != nil }
    if let ended = ended(record) { return ended }
    record = try await tap.wait(patience) { $0.first("hello") != nil }
    if let ended = ended(record) { return ended }
    guard let opened = record.opened, let hello = record.first("hello") else { return .silent(patience) }
    let sent = tap.now
    try await tap.send(#"{"type":"ping","ref":1}"#)
    let answered: @Sendable (StreamTap.Record) -> StreamTap.Heard? = { record in
      record.heard.first { $0.object.integer("ref") == 1 }
    }
    record = try await tap.wait(patience) { answered($0) != nil }
    if let ended = ended(record) { return ended }
    guard let answer = answered(record) else { return .deaf(patience) }
    record = try await tap.wait(Self.life) { _ in false }
    return ended(record) ?? .open(opened: opened, hello: hello.at - opened, roundTrip: answer.at - sent)
  }
}
