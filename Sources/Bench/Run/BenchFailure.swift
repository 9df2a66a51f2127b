/// Why a run came to nothing: a sentence that says what to do.
package struct BenchFailure: Error, CustomStringConvertible {
  package let description: String
}
