/// The rule for a message's `event` (protocol section 3): 1 to 64 printable ASCII bytes, with no space at either
/// end, and no name that a client could take for something else.
package enum EventName {
  package static let longest = 64

  /// The names of controls, and what an EventSource fires by itself.
  package static let reserved: Set<String> = Set(Control.names + ["open"])

  package static func check(_ name: String) throws(PayloadError) {
    let count = name.utf8.count
    guard count > 0 else { throw .invalidEvent("it is empty; leave it out for a message without one") }
    guard count <= longest else { throw .invalidEvent("it has \(count) bytes; an event has at most \(longest)") }
    guard name.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
      throw .invalidEvent("it has a character that is not printable ASCII")
    }
    guard name.utf8.first != 0x20, name.utf8.last != 0x20 else {
      throw .invalidEvent("it begins or ends with a space")
    }
    guard !reserved.contains(name) else {
      throw .invalidEvent("'\(name)' is one of the names that clients know controls by; take another")
    }
  }
}
