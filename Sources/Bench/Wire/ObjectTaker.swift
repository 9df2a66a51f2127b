/// Takes objects one after the other, as the scanners find them.
package protocol ObjectTaker {
  /// - Parameter object: valid during the call only.
  mutating func take(_ object: UnsafeRawBufferPointer)
}
