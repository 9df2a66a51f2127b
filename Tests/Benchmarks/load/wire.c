#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"

static SSL_CTX *context;  // NULL in clear

// Records as they arrive, on their way to be opened.
static char records[256 << 10];

static const char *tls_error(void) {
  static char text[256];
  unsigned long error = ERR_get_error();
  if (!error) return "the server closed the connection, or was silent for 10 s";
  ERR_error_string_n(error, text, sizeof text);
  return text;
}

// MARK: - Opening and closing

void wires_use_tls(void) {
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  context = SSL_CTX_new(TLS_client_method());
  if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) ||
      !SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256"))
    give_up("TLS: %s", tls_error());
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

// The handshake blocks: connections are opened one after the other anyway. In it OpenSSL takes from the socket whole
// records and nothing beyond; what comes later it is given out of memory, which has taken one recv, not two a record.
static void secure(struct wire *wire, const char *protocol) {
  char names[16];
  size_t size = strlen(protocol);
  names[0] = size;
  memcpy(names + 1, protocol, size);
  setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 10}, sizeof(struct timeval));
  wire->tls = SSL_new(context);
  BIO *arrived = BIO_new(BIO_s_mem());
  if (!wire->tls || !arrived || !SSL_set_fd(wire->tls, wire->fd) ||
      SSL_set_alpn_protos(wire->tls, (unsigned char *)names, size + 1) || SSL_connect(wire->tls) != 1)
    give_up("a TLS handshake failed: %s", tls_error());
  const unsigned char *agreed;
  unsigned agreed_size;
  SSL_get0_alpn_selected(wire->tls, &agreed, &agreed_size);
  if (agreed_size != size || memcmp(agreed, protocol, size))
    give_up("the server does not take '%s' by ALPN but '%.*s'", protocol, (int)agreed_size, agreed);
  SSL_set0_rbio(wire->tls, arrived);
}

void wire_open(struct wire *wire, int port, const char *protocol) {
  wire->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (wire->fd < 0) give_up("socket: %s; see ulimit -n", strerror(errno));
  // Reset at the end, so that ten thousand connections leave nothing behind for the next run.
  setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
  setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons(port),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  if (connect(wire->fd, (void *)&address, sizeof address) < 0) give_up("connect: %s", strerror(errno));
  if (context) secure(wire, protocol);
  fcntl(wire->fd, F_SETFL, O_NONBLOCK);
}

void wire_close(struct wire *wire) {
  close(wire->fd);
  SSL_free(wire->tls);
  wire->fd = -1;
  wire->tls = NULL;
}

// MARK: - Bytes

// As recv, but -1 is the end, a reset too, and 0 is nothing now.
static ssize_t take_bytes(int fd, char *to, size_t room) {
  ssize_t size = recv(fd, to, room, 0);
  if (size > 0) return size;
  if (size < 0 && errno == EAGAIN) return 0;
  if (size < 0 && errno != ECONNRESET) give_up("recv: %s", strerror(errno));
  return -1;
}

// All that can be opened of what has arrived.
static ssize_t open_records(SSL *tls, char *to, size_t room) {
  size_t size = 0;
  for (int got; size < room; size += got) {
    ERR_clear_error();
    got = SSL_read(tls, to + size, room - size);
    if (got > 0) continue;
    int error = SSL_get_error(tls, got);
    if (error == SSL_ERROR_WANT_READ) break;
    if (error == SSL_ERROR_ZERO_RETURN) return size ? (ssize_t)size : -1;
    give_up("TLS: %s", tls_error());
  }
  return size;
}

ssize_t wire_receive(struct wire *wire, char *to, size_t room) {
  if (!wire->tls) {
    ssize_t size = take_bytes(wire->fd, to, room);
    wire->more = size == (ssize_t)room;
    return size;
  }
  ssize_t arrived = take_bytes(wire->fd, records, sizeof records);
  if (arrived < 0) return -1;
  if (arrived && BIO_write(SSL_get_rbio(wire->tls), records, arrived) != arrived) give_up("out of memory");
  ssize_t size = open_records(wire->tls, to, room);
  wire->more = arrived == sizeof records || size == (ssize_t)room;
  return size;
}

bool wire_send(struct wire *wire, const char *bytes, size_t size) {
  if (!wire->tls) return send(wire->fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
  ERR_clear_error();
  return SSL_write(wire->tls, bytes, size) == (int)size;
}
