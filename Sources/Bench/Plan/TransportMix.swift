package import GatewayClient

/// How many subscribers read over what: `websocket`, or `websocket=500,sse=300,poll=100`.
package struct TransportMix: Sendable, Equatable {
  /// More connections than this one process can have, whatever the system allows.
  package static let mostSubscribers = 1_000_000

  /// In the order they were named in.
  package private(set) var parts: [(transport: StreamTransport, count: Int?)] = []

  /// - Throws: `PlanError` with a sentence that says what is wrong.
  package init(_ text: String) throws(PlanError) {
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let transport = StreamTransport(rawValue: String(pair[0])) else {
        let all = StreamTransport.allCases.map(\.rawValue).joined(separator: ", ")
        throw PlanError("\"\(pair[0])\" is not a transport: there are \(all)")
      }
      guard !parts.contains(where: { $0.transport == transport }) else {
        throw PlanError("\(transport.rawValue) is named twice in --transport")
      }
      guard pair.count == 2 else {
        parts.append((transport, nil))
        continue
      }
      guard let count = Int(pair[1]), (0...Self.mostSubscribers).contains(count) else {
        throw PlanError("\"\(pair[1])\" is not a number of subscribers: write \(transport.rawValue)=500")
      }
      parts.append((transport, count))
    }
    if parts.count > 1, parts.contains(where: { $0.count == nil }) {
      throw PlanError("several transports need a number each: websocket=500,sse=300")
    }
  }

  /// The transport of every subscriber.
  ///
  /// - Parameter subscribers: how many there are to be in all; nil if the mix says it, or `otherwise` if it does not.
  package func transports(subscribers: Int?, otherwise: Int) throws(PlanError) -> [StreamTransport] {
    let named = parts.compactMap(\.count).reduce(0, +)
    guard max(named, subscribers ?? 0) <= Self.mostSubscribers else {
      throw PlanError("at most \(Self.mostSubscribers) subscribers: run the bench on several machines for more")
    }
    if parts[0].count == nil { return Array(repeating: parts[0].transport, count: subscribers ?? otherwise) }
    if let subscribers, subscribers != named {
      throw PlanError("--transport names \(named) subscribers and --subscribers \(subscribers): leave one of them out")
    }
    return parts.flatMap { Array(repeating: $0.transport, count: $0.count ?? 0) }
  }

  package static func == (a: Self, b: Self) -> Bool { a.parts.elementsEqual(b.parts) { $0 == $1 } }
}
