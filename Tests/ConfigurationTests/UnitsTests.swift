import Testing

import Configuration

struct UnitsTests {
  @Test(arguments: [
    ("1", 1, "1B"), ("0", 0, "0B"), ("1B", 1, "1B"), ("1KB", 1000, "1KB"), ("1KiB", 1024, "1KiB"),
    ("1024", 1024, "1KiB"), ("10MB", 10_000_000, "10MB"), ("64MiB", 64 << 20, "64MiB"), ("2GB", 2_000_000_000, "2GB"),
    ("2GiB", 2 << 30, "2GiB"), ("1536KiB", 1536 << 10, "1536KiB"), ("1500", 1500, "1500B"),
  ])
  func `a size is read and written back`(text: String, bytes: Int, canonical: String) throws {
    let loaded = try loadConfiguration(environment: ["SLUICE_COMPRESSION_MIN_BYTES": bytes > 1 << 30 ? "0" : text])
    if bytes <= 1 << 30 { #expect(loaded.configuration.compression.minBytes == bytes) }
    let history = bytes == 0 ? "1" : text
    #expect(
      try loadConfiguration(environment: ["SLUICE_HISTORY_BYTES": history]).configuration.history.bytes == max(bytes, 1)
    )
    #expect(ByteSize.text(bytes) == canonical)
  }

  @Test(arguments: [
    ("64kb", "has the unknown unit"), ("64 KiB", "has the unknown unit"), ("1.5MiB", "has the unknown unit"),
    ("-1", "is no size"), ("KiB", "is no size"), ("", "expected a size"), ("99999999999999999999", "is too large"),
    ("9999999999999GiB", "is too large"), ("２KiB", "is no size"),
  ])
  func `a size that is none is refused`(text: String, why: String) {
    let told = configurationErrors(environment: ["SLUICE_HISTORY_BYTES": text])
    #expect(told.count == 1)
    #expect(told.first?.contains(why) == true, "\(told)")
  }

  @Test(arguments: [
    ("1ms", 1, "1ms"), ("999ms", 999, "999ms"), ("1000ms", 1000, "1s"), ("15s", 15_000, "15s"),
    ("90s", 90_000, "1m30s"), ("1m30s", 90_000, "1m30s"), ("1h", 3_600_000, "1h"), ("24h", 86_400_000, "1d"),
    ("1d2h3m4s5ms", 93_784_005, "1d2h3m4s5ms"), ("1s500ms", 1500, "1s500ms"), ("05s", 5000, "5s"),
  ])
  func `a duration is read and written back`(text: String, milliseconds: Int, canonical: String) throws {
    let age = try loadConfiguration(environment: ["SLUICE_HISTORY_AGE": text]).configuration.history.age
    #expect(age == .milliseconds(milliseconds))
    #expect(DurationText.text(age) == canonical)
  }

  @Test(arguments: [
    ("15", "has no unit; write 15s"), ("1m30", "has no unit; write 1m30s"), ("1.5s", "write 1s500ms, not 1.5s"),
    ("15sec", "unknown unit \"sec\""), ("15S", "unknown unit \"S\""), ("s", "is no duration"),
    ("-1s", "is no duration"),
    ("30s1m", "out of order"), ("1s1s", "out of order"), ("0s", "is out of range"), ("0ms", "is out of range"),
    ("4000d", "is out of range"), ("99999999999999999999s", "is too long"), ("9223372036854775807d", "is too long"),
    ("", "expected a duration"), ("1 s", "not made of whole numbers"),
  ])
  func `a duration that is none is refused`(text: String, why: String) {
    let told = configurationErrors(environment: ["SLUICE_HISTORY_AGE": text])
    #expect(told.count == 1)
    #expect(told.first?.contains(why) == true, "\(told)")
  }

  @Test func `nothing is written as no seconds`() {
    #expect(DurationText.text(.zero) == "0s")
  }
}
