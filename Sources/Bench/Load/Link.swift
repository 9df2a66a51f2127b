/// A socket with what it has not taken yet.
struct Link {
  private let socket: Socket
  private let key: UInt64
  private(set) var isConnecting: Bool
  private var unsent: [UInt8] = []

  /// - Parameter key: what the poller calls it.
  init(
    to address: SocketAddress, from source: SocketAddress?, key: UInt64, poller: Poller
  ) throws(SystemFailure) {
    socket = try Socket(to: address, from: source)
    self.key = key
    isConnecting = !socket.isConnected
    poller.add(socket.descriptor, isConnecting ? .write : .read, key: key)
  }

  /// The socket can be written: it is connected, or it failed.
  mutating func connected(_ poller: Poller) throws(SystemFailure) {
    if let failure = socket.connectFailure() { throw failure }
    isConnecting = false
    poller.change(socket.descriptor, .read, key: key)
  }

  mutating func send(_ bytes: UnsafeRawBufferPointer, _ poller: Poller) throws(SystemFailure) {
    let taken = unsent.isEmpty ? try socket.send(bytes) : 0
    guard taken < bytes.count else { return }
    if unsent.isEmpty { poller.change(socket.descriptor, [.read, .write], key: key) }
    unsent.append(contentsOf: bytes[taken...])
  }

  mutating func send(_ bytes: [UInt8], _ poller: Poller) throws(SystemFailure) {
    try bytes.withRawBytes { bytes throws(SystemFailure) in try send(bytes, poller) }
  }

  /// The socket can be written again.
  mutating func flush(_ poller: Poller) throws(SystemFailure) {
    guard !unsent.isEmpty else { return }
    let taken = try unsent.withRawBytes { bytes throws(SystemFailure) in try socket.send(bytes) }
    unsent.removeFirst(taken)
    if unsent.isEmpty { poller.change(socket.descriptor, .read, key: key) }
  }

  @inline(__always)
  func receive(into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int? {
    try socket.receive(into: buffer)
  }

  func shut() { socket.shut() }
}
