import Configuration
import Transports

extension CrossOrigin {
  /// Pages of `public_url` are the gateway's own, whatever host a proxy in between makes of it.
  init(_ configuration: GatewayConfiguration) {
    self.init(origins: configuration.cors.origins, own: configuration.publicAuthority)
  }
}

extension GatewayConfiguration {
  /// Host and port of `public_url`.
  fileprivate var publicAuthority: String? {
    guard let publicURL, let slash = publicURL.firstIndex(of: "/") else { return nil }
    return String(publicURL[slash...].dropFirst("//".count).prefix { $0 != "/" })
  }
}
