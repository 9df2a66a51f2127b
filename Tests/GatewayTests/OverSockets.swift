import Testing

/// Everything that runs a gateway on sockets. One test after the other: several compare times or memory within the
/// process, and all of them share its threads.
@Suite(.serialized) struct OverSockets {}
