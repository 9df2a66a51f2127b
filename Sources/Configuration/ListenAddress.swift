/// `HOST:PORT`: a name, an IPv4 address, or an IPv6 address in brackets, and 0 for a free port.
package struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
  /// An IPv6 address without its brackets.
  package var host: String
  package var port: Int

  package init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// - Throws: what is wrong with `text` and how to write it.
  init(_ text: String) throws(SettingSyntaxError) {
    let hostText: Substring
    let portText: Substring
    if text.hasPrefix("[") {
      guard let close = text.firstIndex(of: "]") else { throw SettingSyntaxError("has no closing bracket") }
      hostText = text[text.index(after: text.startIndex)..<close]
      let rest = text[text.index(after: close)...]
      guard rest.first == ":" else { throw SettingSyntaxError("has no port; write \(text[...close]):8080") }
      portText = rest.dropFirst()
      guard hostText.contains(":"), hostText.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." || $0 == "%" }) else {
        throw SettingSyntaxError("needs an IPv6 address between the brackets")
      }
    } else {
      guard let colon = text.lastIndex(of: ":") else {
        throw SettingSyntaxError(
          text.allSatisfy(\.isNumber) ? "has no host; write 127.0.0.1:\(text)" : "has no port; write \(text):8080")
      }
      hostText = text[..<colon]
      portText = text[text.index(after: colon)...]
      if hostText.contains(":") {
        throw SettingSyntaxError("needs brackets around an IPv6 address: \"[::1]:8080\"")
      }
      guard !hostText.isEmpty else { throw SettingSyntaxError("has no host; write 0.0.0.0\(text) for all interfaces") }
      guard hostText.utf8.allSatisfy(Self.isNameByte) else {
        throw SettingSyntaxError("has a host that is no name and no address; 0.0.0.0 is all interfaces")
      }
    }
    guard let port = UInt16(decimal: portText) else { throw SettingSyntaxError("needs a port from 0 to 65535") }
    self.init(host: String(hostText), port: Int(port))
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}

extension FixedWidthInteger {
  /// Digits alone: no sign, no space, no underscore.
  init?(decimal text: some StringProtocol) {
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
      return nil
    }
    self.init(text)
  }
}
