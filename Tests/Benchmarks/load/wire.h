// One socket to the server, in clear or over TLS.
#pragma once
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct connection;
struct http2;

struct wire {
  int fd;                         // -1 once it is closed
  bool more;                      // whether there may be more to receive; there will be no event for it
  SSL *tls;                       // NULL in clear
  struct http2 *http2;            // what it carries: streams,
  struct connection *connection;  // or this one's bytes
};

// From now on wires are opened over TLS: 1.3 with one cipher suite, so that every server does the same work for the
// same bytes. The server's certificate is not looked at.
void wires_use_tls(void);

// Connects to 127.0.0.1:`port`, TLS included, and only then does not block any more. `protocol` is what TLS agrees on
// with the server by ALPN, which it has to take: "h2" or "http/1.1".
void wire_open(struct wire *wire, int port, const char *protocol);

void wire_close(struct wire *wire);

// Bytes received to `to`; 0 if there are none now, -1 if the server has closed. Sets `more`.
ssize_t wire_receive(struct wire *wire, char *to, size_t room);

// Whether the socket took all of it.
bool wire_send(struct wire *wire, const char *bytes, size_t size);
