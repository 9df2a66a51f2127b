/// The lines that several findings end in; they are those of deploy/examples.
extension Remedy {
  static let oneStore = sluice("store: redis://HOST:PORT/DB, the same on every node")
}

extension [Remedy] {
  static let upgrade: [Remedy] = [
    .nginx("proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";"),
    .haproxy("mode http passes upgrades on by itself; drop rules that delete Upgrade or Connection"),
  ]

  static let buffering: [Remedy] = [
    .nginx("proxy_buffering off; gzip off; and do not ignore X-Accel-Buffering"),
    .haproxy("option http-no-delay; no compression, no option http-buffer-request"),
    .you("behind a CDN or a virus scanner: switch its buffering off for /v1/stream"),
  ]

  static let idle: [Remedy] = [
    .nginx("proxy_read_timeout 90s; proxy_send_timeout 90s;"),
    .haproxy("timeout client 90s / timeout server 90s / timeout tunnel 90s"),
    .sluice("or a heartbeat below the proxy's timeout: heartbeat: { sse: 5s, ndjson: 5s, websocket: 5s }"),
  ]

  static let forwarding: [Remedy] = [
    .nginx("proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;"),
    .haproxy("http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]"),
    .sluice("proxy: { trusted: [the proxy's address] }, or public_url: what clients are to use"),
  ]
}
