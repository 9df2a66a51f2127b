#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension UnsafeRawBufferPointer {
  /// Where `pattern` first begins; nil if it is nowhere.
  func firstRange(ofBytes pattern: some Collection<UInt8>) -> Int? {
    guard let base = baseAddress, let first = pattern.first else { return nil }
    var start = 0
    while start + pattern.count <= count,
      let found = memchr(base + start, Int32(first), count - pattern.count + 1 - start)
    {
      let place = UnsafeRawPointer(found) - base
      if self[place..<place + pattern.count].elementsEqual(pattern) { return place }
      start = place + 1
    }
    return nil
  }
}

extension [UInt8] {
  /// `withUnsafeBytes`, with the type of what is thrown.
  @inline(__always)
  func withRawBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeBufferPointer { bytes throws(Failure) in try body(UnsafeRawBufferPointer(bytes)) }
  }
}
