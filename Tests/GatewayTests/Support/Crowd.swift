import Locking
import NIOCore
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Many ndjson readers at once, that keep what comes and count its objects and do no more, so that a test of
/// thousands of deliveries measures the gateway.
final class Crowd: Sendable {
  let members: [Member]
  private let tally: Tally

  final class Member: Sendable {
    private let keeps: Bool
    private let received = Guarded<(bytes: [UInt8], objects: Int)>(([], 0))

    fileprivate init(keeps: Bool) { self.keeps = keeps }

    var objects: Int { received.withLock { $0.objects } }
    /// Everything from the first object after the hello.
    func bytes(after objects: Int) -> [UInt8] {
      received.withLock { received in
        var seen = 0
        var index = 0
        while seen < objects, let end = received.bytes[index...].firstRange(of: [0x7d, 0x0a]) {
          index = end.upperBound
          seen += 1
        }
        return Array(received.bytes[index...])
      }
    }

    /// - Returns: how many objects these bytes end.
    fileprivate func take(_ buffer: ByteBuffer) -> Int {
      received.withLock { received in
        let count = buffer.withUnsafeReadableBytes { bytes -> Int in
          var count = 0
          var index = 0
          while let found = memchr(bytes.baseAddress! + index, 0x0a, bytes.count - index) {
            let place = bytes.baseAddress!.distance(to: UnsafeRawPointer(found))
            let before = place > 0 ? bytes[place - 1] : received.bytes.last
            if before == 0x7d { count += 1 }
            index = place + 1
          }
          if !keeps { received.bytes.removeAll(keepingCapacity: true) }
          received.bytes.append(contentsOf: keeps ? bytes[...] : bytes.suffix(1))
          return count
        }
        received.objects += count
        return count
      }
    }
  }

  /// Counts for all, and wakes who waits for a number.
  private final class Tally: Sendable {
    private let state = Guarded<(count: Int, target: Int, waiter: CheckedContinuation<Void, Never>?)>((0, 0, nil))

    func add(_ number: Int) {
      let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
        state.count += number
        guard state.count >= state.target else { return nil }
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume()
    }

    func reach(_ target: Int) async {
      await withCheckedContinuation { continuation in
        let isReached = state.withLock { state in
          if state.count >= target { return true }
          state.target = target
          state.waiter = continuation
          return false
        }
        if isReached { continuation.resume() }
      }
    }
  }

  private let wires: [Wire]

  private init(_ members: [Member], _ wires: [Wire], _ tally: Tally) {
    self.members = members
    self.wires = wires
    self.tally = tally
  }

  /// Opens so many streams, and returns when all have their hello.
  ///
  /// - Parameter keeps: whether the bytes are wanted, or their number alone.
  static func open(_ count: Int, _ url: String, _ topic: String, keeps: Bool = true) async throws -> Crowd {
    let tally = Tally()
    let members = (0..<count).map { _ in Member(keeps: keeps) }
    let wires = try await withThrowingTaskGroup(of: Wire.self) { group in
      for member in members {
        group.addTask {
          let wire = try await Wire.connect(to: url) { tally.add(member.take($0)) }
          wire.send("GET /v1/stream?topic=\(topic) HTTP/1.1\r\nHost: x\r\nAccept: application/x-ndjson\r\n\r\n")
          return wire
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    await tally.reach(count)
    return Crowd(members, wires, tally)
  }

  /// Returns when all of them together have got so many objects each, hello included.
  func reach(_ objects: Int) async { await tally.reach(objects * members.count) }

  func close() async throws { for wire in wires { try await wire.close() } }
}

/// Memory of this process that is in use, in bytes; 0 where the system does not say.
func residentBytes() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { return 0 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 128)
  guard fgets(&line, 128, file) != nil else { return 0 }
  let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  let numbers = text.split(separator: " ").compactMap { Int($0) }
  return numbers.count > 1 ? numbers[1] * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
}

extension Collection where Element: Comparable {
  /// The one in the middle; there must be one.
  var median: Element { sorted()[count / 2] }
}
