/// A file for browsers, which is in the executable.
package struct BrowserFile: Sendable {
  package enum Kind: Sendable {
    /// A page with its style and script.
    case page, style, script
    /// The client and its declarations: pages of any origin may import them.
    case client, declarations
  }

  /// Where it is, such as "/console.css".
  package let path: String
  package let kind: Kind
  package let bytes: [UInt8]
  /// Of these very bytes (RFC 9110 section 8.8.3).
  package let etag: String

  private init(_ path: String, _ kind: Kind, _ bytes: [UInt8]) {
    self.path = path
    self.kind = kind
    self.bytes = bytes
    // FNV-1a: it tells versions apart, and keeps no secret.
    let hash = bytes.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    etag = "\"\(String(hash, radix: 16))\""
  }

  package var contentType: String {
    switch kind {
    case .page: "text/html; charset=utf-8"
    case .style: "text/css; charset=utf-8"
    case .script, .client: "text/javascript; charset=utf-8"
    case .declarations: "text/plain; charset=utf-8"
    }
  }

  // MARK: What there is

  package static let client = [
    BrowserFile("/client.js", .client, PackageResources.client_js),
    BrowserFile("/client.d.ts", .declarations, PackageResources.client_d_ts),
  ]

  package static let demo = [
    BrowserFile("/demo", .page, PackageResources.demo_html),
    BrowserFile("/demo.css", .style, PackageResources.demo_css),
    BrowserFile("/demo.js", .script, PackageResources.demo_js),
  ]

  package static let console = [
    BrowserFile("/console", .page, PackageResources.console_html),
    BrowserFile("/console.css", .style, PackageResources.console_css),
    BrowserFile("/console.js", .script, PackageResources.console_js),
  ]
}
