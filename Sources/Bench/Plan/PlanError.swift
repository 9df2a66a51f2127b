/// Why a run cannot be as it was asked for: a sentence that says what to do.
package struct PlanError: Error, Equatable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}
