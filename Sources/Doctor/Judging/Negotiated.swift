package import GatewayClient
import WireFormat

/// What `/v1/negotiate` answers.
package struct Negotiated: Sendable, Hashable {
  package struct Offer: Sendable, Hashable {
    package var name: String
    package var url: String

    package init(name: String, url: String) {
      self.name = name
      self.url = url
    }
  }

  package var offers: [Offer]
  package var position: String

  package init(offers: [Offer], position: String) {
    self.offers = offers
    self.position = position
  }

  /// nil: no gateway answers like that.
  package init?(_ body: [UInt8]) {
    guard let object = ReceivedObject(body), let elements = object.elements("transports"),
      let position = object.string("position")
    else { return nil }
    self.position = position
    offers = elements.compactMap { element in
      guard let offer = ReceivedObject(element), let name = offer.string("name"), let url = offer.string("url") else {
        return nil
      }
      return Offer(name: name, url: url)
    }
  }

  package var transports: [StreamTransport] { offers.compactMap { StreamTransport(rawValue: $0.name) } }
}
