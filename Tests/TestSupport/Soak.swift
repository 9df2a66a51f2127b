#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Whether this is the soak: `deploy/test soak` sets SLUICE_SOAK, and tests then run all of their seeds and long forms.
/// The gate (`deploy/test`) runs a few of each.
package enum Soak {
  package static let isOn = getenv("SLUICE_SOAK") != nil

  /// - Returns: the arguments of a test in this run.
  package static func values<Values>(gate: Values, soak: Values) -> Values { isOn ? soak : gate }
}
