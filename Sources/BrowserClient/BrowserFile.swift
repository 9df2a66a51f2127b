import CBrowserFiles
import CZlib

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
  /// The same as gzip (RFC 1952), as every browser takes it.
  package let gzipped: [UInt8]
  /// Of these very bytes (RFC 9110 section 8.8.3).
  package let etag: String
  /// Of those of `gzipped`.
  package let gzippedETag: String

  private init(_ path: String, _ kind: Kind, _ file: sluice_browser_file) {
    self.path = path
    self.kind = kind
    let bytes = [UInt8](UnsafeBufferPointer(start: file.bytes, count: file.count))
    self.bytes = bytes
    gzipped = Self.gzip(bytes)
    // FNV-1a: it tells versions apart, and keeps no secret.
    let hash = bytes.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    let name = String(hash, radix: 16)
    etag = "\"\(name)\""
    gzippedETag = "\"\(name)-gzip\""
  }

  private static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    /// The largest window of 2^15 bytes, and 16 for gzip's frame.
    let windowBits: Int32 = 15 + 16
    let bestLevel: Int32 = 9
    let memoryLevel: Int32 = 9
    var stream = z_stream()
    guard sluice_deflateInit2(&stream, bestLevel, windowBits, memoryLevel) == Z_OK else {
      preconditionFailure("out of memory")
    }
    defer { deflateEnd(&stream) }
    return [UInt8](unsafeUninitializedCapacity: Int(deflateBound(&stream, UInt(bytes.count)))) { space, count in
      bytes.withUnsafeBufferPointer { bytes in
        // zlib only reads through it.
        stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
        stream.avail_in = UInt32(bytes.count)
        stream.next_out = space.baseAddress
        stream.avail_out = UInt32(space.count)
        let outcome = deflate(&stream, Z_FINISH)
        precondition(outcome == Z_STREAM_END, "zlib's own bound was too small")
      }
      count = space.count - Int(stream.avail_out)
    }
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
    BrowserFile("/client.js", .client, sluice_client_js()),
    BrowserFile("/client.d.ts", .declarations, sluice_client_d_ts()),
  ]

  package static let demo = [
    BrowserFile("/demo", .page, sluice_demo_html()),
    BrowserFile("/demo.css", .style, sluice_demo_css()),
    BrowserFile("/demo.js", .script, sluice_demo_js()),
  ]

  package static let console = [
    BrowserFile("/console", .page, sluice_console_html()),
    BrowserFile("/console.css", .style, sluice_console_css()),
    BrowserFile("/console.js", .script, sluice_console_js()),
  ]
}
