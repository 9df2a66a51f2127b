import HTTPServer
import Testing

struct AddressRangeTests {
  @Test(arguments: [
    ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["9.255.255.255", "11.0.0.0", "::10.0.0.1"]),
    ("192.0.2.7", ["192.0.2.7"], ["192.0.2.6", "192.0.2.8", "2001:db8::7"]),
    ("192.0.2.7/32", ["192.0.2.7", "::ffff:c000:207"], ["192.0.2.6"]),
    ("192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "192.0.3.128"]),
    ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1", "2001:db8::1"]),
    (
      "2001:db8::/32", ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
      ["2001:db7::", "2001:db9::", "32.1.13.184"]
    ),
    ("2001:db8::1", ["2001:db8::1", "2001:DB8:0:0::1"], ["2001:db8::2", "2001:db8:0:1::1"]),
    ("2001:db8:8000::/33", ["2001:db8:8000::1"], ["2001:db8:7fff::1"]),
    ("::1", ["::1"], ["127.0.0.1", "::"]), ("::/0", ["::", "2001:db8::1"], ["127.0.0.1", "::ffff:127.0.0.1"]),
    ("fe80::/10", ["fe80::1", "febf::"], ["fec0::1", "fe7f::"]), ("::ffff:192.0.2.7", ["192.0.2.7"], ["192.0.2.6"]),
  ])
  func `a range has its addresses and no others`(range: String, inside: [String], outside: [String]) {
    let ranges = AddressRanges([range])
    for address in inside { #expect(ranges.contains(address), "\(address)") }
    for address in outside { #expect(!ranges.contains(address), "\(address)") }
  }

  @Test func `every prefix ends where it should`() {
    for prefix in 1...32 {
      // The address whose first bits are 1, up to the prefix.
      let bits = ~UInt32(0) << UInt32(32 - prefix)
      let ranges = AddressRanges(["\(Self.text(bits))/\(prefix)"])
      #expect(ranges.contains(Self.text(~0)))
      #expect(ranges.contains(Self.text(bits)))
      #expect(!ranges.contains(Self.text(bits - 1)))
    }
  }

  private static func text(_ number: UInt32) -> String {
    (0..<4).reversed().map { "\(number >> UInt32($0 * 8) & 0xFF)" }.joined(separator: ".")
  }

  @Test func `several ranges have what each of them has`() {
    let ranges = AddressRanges(["10.0.0.0/8", "::1", "192.0.2.7"])
    #expect(["10.1.1.1", "::1", "192.0.2.7"].allSatisfy(ranges.contains))
    #expect(!ranges.contains("192.0.2.8"))
    #expect(!ranges.isEmpty)
  }

  @Test func `no range has no address`() {
    #expect(AddressRanges().isEmpty)
    #expect(AddressRanges() == AddressRanges([]))
    #expect(!AddressRanges().contains("127.0.0.1"))
  }

  @Test(arguments: [
    "", "localhost", "127.1", "010.0.0.1", "127.0.0.1 ", "127.0.0.1:80", "[::1]", "::1%lo", "127.0.0.1\0", "1.2.3.4.5",
    "0x7f000001", "１２７.0.0.1", ":::",
  ])
  func `what is no address is in no range`(text: String) {
    #expect(!AddressRanges(["0.0.0.0/0", "::/0"]).contains(text))
  }

  @Test(arguments: [
    ("", "has no address; write it like 10.0.0.0/8 or 2001:db8::1"), ("/8", "has no address"),
    ("proxy.example.com", "is a name or no address at all; write the address it stands for, such as 10.0.0.7"),
    ("*", "is a name or no address at all"), ("10.0.0.0/8/8", "needs a prefix from 0 to 32"),
    ("10.0.0.0/33", "needs a prefix from 0 to 32 after the slash, such as 10.0.0.0/32"),
    ("2001:db8::/129", "needs a prefix from 0 to 128 after the slash, such as 2001:db8::/128"),
    ("10.0.0.0/", "needs a prefix"), ("10.0.0.0/-1", "needs a prefix"), ("10.0.0.0/+8", "needs a prefix"),
    ("10.0.0.0/ 8", "needs a prefix"), ("10.0.0.0/255.0.0.0", "needs a prefix"), ("10.0.0.0/0008", "needs a prefix"),
    ("10.0.0.0/٨", "needs a prefix"),
    (
      "10.0.0.1/8",
      "has bits set beyond its prefix; write 10.0.0.0/8 for the range or 10.0.0.1 for the one address"
    ),
    (
      "2001:db8::1/32",
      "has bits set beyond its prefix; write 2001:db8::/32 for the range or 2001:db8::1 for the one address"
    ),
    ("1.2.3.4/0", "write 0.0.0.0/0 for the range"),
    ("::ffff:10.0.0.0/104", "is a range of IPv4 addresses written as IPv6"),
    ("10.0.0", "is no IPv4 address; write four numbers"), ("10.0.0.256", "is no IPv4 address"),
    ("010.0.0.0/8", "is no IPv4 address"),
    ("10.0.0.1:80", "is no IPv6 address; write it like 2001:db8::1, without a port"),
    ("2001:db8::g", "is no IPv6 address"), ("[::1]:80", "has brackets"), ("fe80::1%eth0", "has a zone"),
  ])
  func `a range that is none is refused with the way to write it`(text: String, why: String) {
    #expect {
      try AddressRange(text)
    } throws: { error in
      (error as? AddressSyntaxError)?.message.hasPrefix(why) == true
        || (error as? AddressSyntaxError)?.message.contains(why) == true
    }
  }
}
