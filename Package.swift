// swift-tools-version: 6.2
import PackageDescription

// MARK: - Settings shared by every target of ours

// `deploy/test` sets SLUICE_CHECKED for the optimized build that its interop tests run: it keeps assertions and looks for
// overlapping accesses. A release does neither, because each look would cost more than what it guards.
let releaseChecks =
  Context.environment["SLUICE_CHECKED"] == nil
  ? ["-enforce-exclusivity=unchecked"] : ["-assert-config", "Debug", "-enforce-exclusivity=checked"]

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
  .unsafeFlags(releaseChecks, .when(configuration: .release)),
]

/// For a target that mostly waits for the network, or runs once: release builds do not optimize it, and so compile it in a
/// third of the time.
let unoptimized: [SwiftSetting] = settings + [.unsafeFlags(["-Onone"], .when(configuration: .release))]

let cSettings: [CSetting] = [.treatAllWarnings(as: .error)]

// MARK: - Libraries

let dependencies: [Package.Dependency] = [
  .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
  .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

// MARK: - The house, from the ground up; arrows go down only

let systemLibraries: [Target] = [
  // permessage-deflate, and gzip for what browsers load
  .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  // TLS
  .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
  // HTTP/2
  .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
  // the durable store
  .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
  // configuration files
  .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
  // epoll and eventfd, which the system's own module leaves out
  .systemLibrary(name: "CEpoll", path: "Sources/Bench/CEpoll"),
]

// Embedded files. #embed copies the bytes into an object file; .embedInCode would generate a Swift array literal, which
// takes the compiler almost two seconds per 10 KB.
let embeddedFiles: [Target] = [
  .target(name: "CBrowserFiles", path: "Sources/BrowserClient/CBrowserFiles", cSettings: cSettings),
  .target(name: "CRedisScripts", path: "Sources/RedisStreamStore/CRedisScripts", cSettings: cSettings),
]

let cores: [Target] = [
  // The one lock, in a form that the thread sanitizer understands where it is asked for, and a thread for what waits.
  .target(name: "Locking", swiftSettings: settings),
  // Topics, positions, messages, the tape and what proves a reading complete. No I/O.
  .target(name: "StreamLog", dependencies: ["Locking", deque], swiftSettings: settings),
  // Messages, controls and commands as bytes, and parsers of what a client receives. Bytes in, bytes or values out.
  .target(name: "WireFormat", dependencies: ["StreamLog"], swiftSettings: settings),
  // RFC 6455 and 7692. Bytes in, events out.
  .target(name: "WebSocket", dependencies: ["CZlib"], swiftSettings: settings),
  // HTTP/1.1 messages (RFC 9112): header fields, the grammar that server and client share, a parser of responses. Bytes
  // in, events out.
  .target(name: "HTTPSyntax", dependencies: [nioCore], swiftSettings: settings),
  // OpenSSL's sessions and contexts. Records in, bytes in clear out, and back.
  .target(name: "TLS", dependencies: ["COpenSSL"], swiftSettings: settings),
  // SQLite's connections and statements. SQL in, rows out.
  .target(name: "SQLite", dependencies: ["CSQLite"], swiftSettings: settings),
  // libyaml's parser. Text in, one document's nodes with their lines out.
  .target(name: "YAML", dependencies: ["CYAML"], swiftSettings: settings),
  // RFC 9113 and 8441, by nghttp2. Bytes in, events out; frames out when asked.
  .target(name: "HTTP2", dependencies: ["CNGHTTP2", nioCore], swiftSettings: settings),
]

let adapters: [Target] = [
  // Bytes straight to sockets, with the rules for it. No event loop, no HTTP.
  .target(name: "DirectWriter", swiftSettings: settings),
  // What goes on by itself on an event loop, turn by turn, with the sockets between.
  .target(name: "LoopTurns", dependencies: [nioCore], swiftSettings: settings),
  // TLS at a client's end of a channel.
  .target(name: "TLSClient", dependencies: ["TLS", nioCore], swiftSettings: settings),
  // RESP over a connection: pipelined commands, Sentinel, TLS.
  .target(
    name: "RedisClient", dependencies: ["Locking", "TLS", "TLSClient", nioCore, nioPosix], swiftSettings: settings),
  // The contract of what orders messages and keeps them, and the memory and SQLite stores.
  .target(
    name: "StreamStores", dependencies: ["Locking", "SQLite", "StreamLog", "WireFormat", deque],
    swiftSettings: settings),
  // The same contract with Redis behind it, for several nodes.
  .target(
    name: "RedisStreamStore",
    dependencies: [
      "CRedisScripts", "Locking", "RedisClient", "StreamLog", "StreamStores", "WireFormat", deque, nioCore, nioPosix,
    ],
    exclude: ["CRedisScripts", "Scripts"], swiftSettings: settings),
  // Listener, HTTP/1.1 and HTTP/2 with and without TLS, and the exchange and outlet that routes and transports see.
  .target(
    name: "HTTPServer",
    dependencies: ["DirectWriter", "HTTP2", "HTTPSyntax", "Locking", "LoopTurns", "TLS", nioCore, nioPosix, logging],
    swiftSettings: settings),
  // One hub per event loop: who wants a message here, and from which position.
  .target(
    name: "Delivery",
    dependencies: ["DirectWriter", "LoopTurns", "StreamLog", "WireFormat", "StreamStores", nioCore, deque],
    swiftSettings: settings),
  // websocket, sse, ndjson, poll: committed messages to bytes, client bytes to commands.
  .target(
    name: "Transports",
    dependencies: [
      "Delivery", "HTTPServer", "HTTPSyntax", "WebSocket", "WireFormat", "StreamStores", "StreamLog", nioCore, logging,
    ],
    swiftSettings: settings),
  // Speaks to a gateway over its public HTTP interfaces: the CLI and the tests use it.
  .target(
    name: "GatewayClient",
    dependencies: ["HTTP2", "HTTPSyntax", "Locking", "TLS", "TLSClient", "WebSocket", "WireFormat", nioCore, nioPosix],
    swiftSettings: unoptimized),
  // A deployment as a client meets it: what was measured, what that says of the network, and how to mend it.
  .target(
    name: "Doctor", dependencies: ["HTTPSyntax", "Locking", "GatewayClient", "TLS", "WireFormat", nioCore],
    swiftSettings: unoptimized),
  // Load on a gateway and what it makes of it: many connections, little work for each, numbers at the end.
  .target(
    name: "Bench", dependencies: ["CEpoll", "Locking", "GatewayClient", "WebSocket", "WireFormat", "StreamLog"],
    exclude: ["CEpoll"], swiftSettings: settings),
  // The JavaScript client, the console and the demo, embedded.
  .target(
    name: "BrowserClient", dependencies: ["CBrowserFiles", "CZlib"],
    exclude: ["CBrowserFiles", "Client", "Console", "Demo"], swiftSettings: settings),
  // Every setting: its name, default, range and rules. Files, environment and flags in, a configuration or all errors out.
  .target(
    name: "Configuration",
    dependencies: ["HTTPServer", "RedisClient", "StreamLog", "StreamStores", "Transports", "YAML"],
    swiftSettings: unoptimized),
  // Routes, limits, admin, lifecycle: everything put together.
  .target(
    name: "Gateway",
    dependencies: [
      "BrowserClient", "Configuration", "Delivery", "HTTP2", "HTTPServer", "HTTPSyntax", "Locking", "LoopTurns",
      "RedisClient", "RedisStreamStore", "StreamLog", "StreamStores", "TLS", "Transports", "WireFormat", nioCore,
      nioPosix, logging,
    ],
    swiftSettings: settings),
]

let executables: [Target] = [
  // The one binary: serve and the operator's commands, a command a file.
  .executableTarget(
    name: "sluice",
    dependencies: [
      "Bench", "Configuration", "Doctor", "Gateway", "GatewayClient", "Locking", "StreamLog", "TLS", "WireFormat",
      logging, argumentParser,
    ],
    swiftSettings: unoptimized)
]

let tests: [Target] = [
  // What tests of several targets need: real sockets, seeded randomness, a count of allocations.
  .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
  .target(name: "CAllocationCount", path: "Tests/CAllocationCount"),
  // That a delivery allocates nothing, in optimized code: deploy/test builds it in release.
  .executableTarget(
    name: "AllocationCheck",
    dependencies: [
      "CAllocationCount", "LoopTurns", "Delivery", "StreamStores", "StreamLog", "WireFormat", "TestSupport", nioCore,
      nioEmbedded,
    ],
    path: "Tests/AllocationCheck", swiftSettings: settings),
  .testTarget(name: "StreamLogTests", dependencies: ["StreamLog"], swiftSettings: settings),
  .testTarget(
    name: "WireFormatTests", dependencies: ["WireFormat", "StreamLog", "TestSupport"], swiftSettings: settings),
  .testTarget(name: "WebSocketTests", dependencies: ["WebSocket", "TestSupport"], swiftSettings: settings),
  .testTarget(name: "TLSTests", dependencies: ["TLS", "COpenSSL"], swiftSettings: settings),
  .testTarget(name: "HTTPSyntaxTests", dependencies: ["HTTPSyntax", "TestSupport", nioCore], swiftSettings: settings),
  .testTarget(name: "HTTP2Tests", dependencies: ["HTTP2", "TestSupport", nioCore], swiftSettings: settings),
  .testTarget(name: "SQLiteTests", dependencies: ["SQLite", "TestSupport"], swiftSettings: settings),
  .testTarget(name: "YAMLTests", dependencies: ["YAML"], swiftSettings: settings),
  .testTarget(
    name: "RedisClientTests",
    dependencies: ["Locking", "RedisClient", "TLS", "TestSupport", nioCore, nioPosix], swiftSettings: settings),
  // The contract of all stores and what is special to each, so RedisStreamStore's tests are here, too.
  .testTarget(
    name: "StreamStoresTests",
    dependencies: [
      "Locking", "RedisClient", "RedisStreamStore", "SQLite", "StreamLog", "StreamStores", "TestSupport", "WireFormat",
      nioCore,
    ],
    swiftSettings: settings),
  .testTarget(name: "DirectWriterTests", dependencies: ["DirectWriter", "TestSupport"], swiftSettings: settings),
  .testTarget(
    name: "DeliveryTests",
    dependencies: [
      "DirectWriter", "Locking", "LoopTurns", "Delivery", "StreamStores", "StreamLog", "WireFormat", "TestSupport",
      nioCore,
      nioEmbedded,
    ],
    swiftSettings: settings),
  .testTarget(
    name: "HTTPServerTests",
    dependencies: [
      "DirectWriter", "HTTP2", "HTTPSyntax", "Locking", "LoopTurns", "HTTPServer", "TLS", "TestSupport", nioCore,
      nioPosix, logging,
    ],
    swiftSettings: settings
  ),
  .testTarget(
    name: "GatewayClientTests",
    dependencies: [
      "GatewayClient", "HTTPSyntax", "Locking", "TestSupport", "WebSocket", "WireFormat", nioCore, nioPosix,
    ],
    swiftSettings: settings),
  .testTarget(name: "DoctorTests", dependencies: ["Doctor", "GatewayClient", "TLS"], swiftSettings: settings),
  .testTarget(
    name: "BenchTests", dependencies: ["Bench", "GatewayClient", "WireFormat", "StreamLog"], swiftSettings: settings),
  .testTarget(
    name: "ConfigurationTests",
    dependencies: ["Configuration", "RedisClient", "StreamLog", "StreamStores", "Transports"], swiftSettings: settings),
  .testTarget(
    name: "GatewayTests",
    dependencies: [
      "Configuration", "Gateway", "GatewayClient", "Locking", "LoopTurns", "StreamLog", "StreamStores", "TestSupport",
      "WebSocket", "WireFormat", nioCore, nioPosix, logging,
    ],
    swiftSettings: settings),
]

// Not every toolchain has the fuzzer's runtime, so these are there on request: deploy/fuzz sets SLUICE_FUZZ.
let fuzzers: [Target] =
  Context.environment["SLUICE_FUZZ"] == nil
  ? []
  : [
    fuzzer("WebSocketFuzzer", ["WebSocket"]),
    fuzzer("WireFormatFuzzer", ["WireFormat", "StreamLog"]),
    fuzzer("HTTPServerFuzzer", ["HTTPServer", "HTTPSyntax", nioCore]),
    fuzzer("HTTPSyntaxFuzzer", ["HTTPSyntax", nioCore]),
    fuzzer("HTTP2Fuzzer", ["HTTP2", nioCore]),
  ]

/// An executable around a fuzz target that the unit tests run, too; seeds are in its folder `corpus`.
func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: "Tests/Fuzz/\(name)", exclude: ["corpus"],
    swiftSettings: settings + [.unsafeFlags(["-parse-as-library", "-sanitize=fuzzer"])],
    linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])])
}

// Under a sanitizer everything is built anew: deploy/test names the test targets it wants there in SLUICE_TESTS, and what
// none of them needs is not built.
let wanted = Context.environment["SLUICE_TESTS"].map { $0.split(separator: " ").map(String.init) }
let chosenTests = tests.filter { $0.type != .test || wanted?.contains($0.name) ?? true }

let package = Package(
  name: "sluice",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "sluice", targets: ["sluice"])],
  dependencies: dependencies,
  targets: systemLibraries + embeddedFiles + cores + adapters + executables + chosenTests + fuzzers
)
