import COpenSSL

/// How OpenSSL reaches a session's records: it reads those that just came, and writes to the loop's output. Nothing is
/// copied into buffers between, and nothing is kept.
enum RecordBIO {
  /// Made once, and used for as long as the process lives.
  nonisolated(unsafe) private static let method: OpaquePointer = {
    guard let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice records") else {
      preconditionFailure("out of memory")
    }
    BIO_meth_set_write(method) { bio, bytes, count in
      guard let bytes, count > 0 else { return 0 }
      RecordBIO.session(of: bio).output.append(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
      return count
    }
    BIO_meth_set_read(method) { bio, space, count in
      shim_clear_retry(bio)
      guard let space, count > 0 else { return 0 }
      let taken = RecordBIO.session(of: bio).takeRecords(
        UnsafeMutableRawBufferPointer(start: space, count: Int(count)))
      if taken > 0 { return Int32(taken) }
      shim_set_retry_read(bio)
      return -1
    }
    BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
    BIO_meth_set_create(method) { bio in
      BIO_set_init(bio, 1)
      return 1
    }
    return method
  }()

  private static func session(of bio: OpaquePointer?) -> TLSSession {
    Unmanaged<TLSSession>.fromOpaque(BIO_get_data(bio)).takeUnretainedValue()
  }

  /// For reading and writing both; belongs to whoever is given it.
  static func make(for session: TLSSession) -> OpaquePointer {
    guard let bio = BIO_new(method) else { preconditionFailure("out of memory") }
    BIO_set_data(bio, Unmanaged.passUnretained(session).toOpaque())
    return bio
  }
}
