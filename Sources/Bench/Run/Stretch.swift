/// The part of a run that is measured: when it was, and what had been used and counted until then. Times are those of
/// the stamps' clock, CPU is in seconds.
struct Stretch {
  var memoryBefore: GatewayUsage?
  var connected: GatewayUsage?
  var after: GatewayUsage?
  var connectStart: UInt64 = 0
  var start: UInt64 = 0
  var publishEnd: UInt64 = 0
  var end: UInt64 = 0
  var benchCPUStart = 0.0
  var benchCPUEnd = 0.0
  var receivedBefore: UInt64 = 0
  var acknowledgedBefore: UInt64 = 0
}
