package import NIOCore
package import StreamLog
package import StreamStores
package import WireFormat

/// One subscriber's transport, as the hub sees it. All calls come on the hub's loop.
package protocol SubscriberSink: AnyObject {
  /// Reading begins; called once, before anything else.
  ///
  /// - Parameter offset: where; nil if a gap that says so comes next: until the client has that gap, the position it
  ///   handed back is the one to come back with.
  func opened(at offset: Offset?, isRewinding: Bool)

  /// Messages and gaps in id order, in the subscriber's encoding; all of it is taken. `through` is the subscriber's
  /// position afterwards.
  ///
  /// - Returns: false if no more is to come until the transport calls `Hub.ready`.
  func deliver(_ bytes: ByteBuffer, through: Offset) -> Bool

  /// The socket that takes what `deliver` takes, as it is, if there is one at the moment; else -1. Asked when the
  /// subscriber becomes live, and before a burst if there was none then; from then on the hub writes bursts straight there, by the rules of
  /// `DirectWriter`, and calls `deliver` for what the socket did not take. So the transport calls `Hub.blocked`,
  /// `ready` or `unsubscribe` for whatever else happens to its connection, before the loop turns to the hub again.
  var socket: Int32 { get }

  /// The backlog is told. `refs` are the commands that asked for it, nil for the connection's own request.
  func caughtUp(at offset: Offset, refs: [Ref?])

  /// Nothing was sent for the heartbeat interval. A poll hears this only when it has read what there is.
  func heartbeat(at offset: Offset)

  /// The store does not let this subscriber begin, or cannot be asked for what a poll is to be answered with; it is not
  /// subscribed.
  func refused(_ refusal: StoreRefusal)

  /// The hub is done with this subscriber, which is not subscribed any longer: say so to the client and close.
  func dismissed(_ reason: DismissalReason)

  /// What operators see of it.
  var description: SinkDescription { get }
}

package enum DismissalReason: Sendable, Equatable {
  /// Unsent bytes are more than memory allows, and this one stalled longest.
  case memory
  /// An operator asked.
  case disconnected
  /// The gateway goes away: come back after this.
  case draining(afterMilliseconds: Int)
}

package struct SinkDescription: Sendable {
  package var session: String
  package var transport: String
  package var address: String

  package init(session: String, transport: String, address: String) {
    self.session = session
    self.transport = transport
    self.address = address
  }
}
