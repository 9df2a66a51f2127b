// limit: what the kernel allows. A fan-out server with nothing in it but epoll, recv and send, for measuring against.
// Built with: gcc -O2 -o limit limit.c -lssl -lcrypto; run as: limit PORT ws|sse [CERTIFICATE KEY]
//
// A GET on 127.0.0.1:PORT becomes a subscriber, a POST publishes its body to all of them: framed once, into a ring that
// every subscriber reads from its own place. After each round of events every subscriber gets all it has not had yet
// in one send, or with a certificate and its key (PEM files) in one SSL_write for each record's worth of it. No parsing
// beyond what fanclient sends, no limits, no resume: no real server can be cheaper.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ring_size = 8 << 20, most_connections = 60000 };
static const uint32_t listener_mark = ~0u;

enum role { unknown, subscriber, publisher, gone };

struct connection {
  uint64_t position;  // in the ring's endless count of bytes
  SSL *tls;           // NULL in clear
  int fd;
  uint8_t role;
  bool blocked;  // its socket was full; waits for EPOLLOUT
};

static bool events;       // sse; else ws
static SSL_CTX *context;  // NULL in clear
static struct connection *connections;
static int opened, *subscribers, subscriber_count, poller, listener;
static char *ring;
static uint64_t head;

static _Noreturn void fail(const char *doing) {
  fprintf(stderr, "limit: %s: %s\n", doing, ERR_peek_error() ? "TLS" : strerror(errno));
  ERR_print_errors_fp(stderr);
  exit(1);
}

// MARK: - Bytes, in clear or over TLS

// How many of them the socket took, 0 if none.
static inline size_t transmit(struct connection *c, const char *bytes, size_t size) {
  if (!c->tls) {
    ssize_t sent = send(c->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) fail("send");
    return sent < 0 ? 0 : sent;
  }
  ERR_clear_error();
  int sent = SSL_write(c->tls, bytes, size);
  if (sent <= 0 && SSL_get_error(c->tls, sent) != SSL_ERROR_WANT_WRITE) fail("SSL_write");
  return sent < 0 ? 0 : sent;
}

// As recv. The first calls over TLS go on with the handshake.
static ssize_t take(struct connection *c, char *to, size_t room) {
  if (!c->tls) return recv(c->fd, to, room, 0);
  ERR_clear_error();
  int size = SSL_read(c->tls, to, room);
  if (size > 0) return size;
  if (SSL_get_error(c->tls, size) != SSL_ERROR_WANT_READ) return 0;
  errno = EAGAIN;
  return -1;
}

// HTTP/1.1, or no handshake.
static int choose(SSL *tls, const unsigned char **to, unsigned char *size, const unsigned char *offered,
                  unsigned offered_size, void *argument) {
  (void)tls, (void)argument;
  static const unsigned char own[] = "\x08http/1.1";
  int found = SSL_select_next_proto((unsigned char **)to, size, own, sizeof own - 1, offered, offered_size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void use_tls(const char *certificate, const char *key) {
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  context = SSL_CTX_new(TLS_server_method());
  if (!context || SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
    fail("the certificate and its key");
  SSL_CTX_set_alpn_select_cb(context, choose, NULL);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
}

static SSL *secured(int fd) {
  SSL *tls = SSL_new(context);
  if (!tls || !SSL_set_fd(tls, fd)) fail("SSL_new");
  SSL_set_accept_state(tls);
  return tls;
}

// MARK: - Publishing

static void append(const char *bytes, size_t size) {
  size_t offset = head % ring_size, until_end = ring_size - offset < size ? ring_size - offset : size;
  memcpy(ring + offset, bytes, until_end);
  memcpy(ring, bytes + until_end, size - until_end);
  head += size;
}

static void publish(const char *body, size_t size) {
  if (events) {
    append("data: ", 6);
    append(body, size);
    append("\n\n", 2);
  } else {
    char frame[4] = {(char)0x81, size < 126 ? size : 126, size >> 8, size};
    append(frame, size < 126 ? 2 : 4);
    append(body, size);
  }
}

// MARK: - Delivering

// Whether it has everything now.
static inline bool flush(struct connection *c) {
  while (c->position < head) {
    size_t offset = c->position % ring_size, size = head - c->position;
    if (size > ring_size - offset) size = ring_size - offset;
    size_t sent = transmit(c, ring + offset, size);
    if (!sent) return false;
    c->position += sent;
  }
  return true;
}

static void fan_out(void) {
  for (int i = 0; i < subscriber_count; i++) {
    struct connection *c = &connections[subscribers[i]];
    if (i + 4 < subscriber_count) __builtin_prefetch(&connections[subscribers[i + 4]]);
    if (!c->blocked && !flush(c)) c->blocked = true;
  }
}

// MARK: - Connections

static void leave(struct connection *c) {
  close(c->fd);
  SSL_free(c->tls);
  c->tls = NULL;
  for (int i = 0; i < subscriber_count; i++)
    if (connections + subscribers[i] == c) {
      subscribers[i] = subscribers[--subscriber_count];
      break;
    }
  c->fd = -1;
  c->role = gone;
}

static void subscribe(struct connection *c) {
  static const char stream[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
                    upgrade[] =
                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
  const char *answer = events ? stream : upgrade;
  transmit(c, answer, strlen(answer));
  c->role = subscriber;
  c->position = head;
  subscribers[subscriber_count++] = c - connections;
}

static void accept_publication(struct connection *c, const char *request, size_t size) {
  static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  c->role = publisher;
  const char *end = strstr(request, "\r\n\r\n"), *length = strcasestr(request, "content-length:");
  if (!end || !length) return;
  int wanted = atoi(length + 15);
  if (end + 4 + wanted > request + size) {
    fprintf(stderr, "limit: a request in two pieces, which is not read here\n");
    return;
  }
  publish(end + 4, wanted);
  transmit(c, answer, sizeof answer - 1);
}

// Over TLS one record after the other, until there is none; in clear one recv takes all there is.
static void receive(struct connection *c) {
  char request[16384 + 1];
  do {
    ssize_t size = take(c, request, sizeof request - 1);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return leave(c);
    request[size] = 0;
    if (c->role == subscriber) continue;
    if (!memcmp(request, "GET", 3)) subscribe(c);
    else if (!memcmp(request, "POST", 4)) accept_publication(c, request, size);
  } while (c->tls);
}

static void accept_all(void) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0; opened++) {
    if (opened == most_connections) {
      fprintf(stderr, "limit: more than %d connections in one run\n", most_connections);
      exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    connections[opened] = (struct connection){.fd = fd, .tls = context ? secured(fd) : NULL};
    struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = opened};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted);
  }
}

// MARK: - The loop

static void handle_events(void) {
  static struct epoll_event ready[1024];
  int count = epoll_wait(poller, ready, 1024, 1000);
  for (int i = 0; i < count; i++) {
    if (ready[i].data.u32 == listener_mark) {
      accept_all();
      continue;
    }
    struct connection *c = &connections[ready[i].data.u32];
    if (ready[i].events & EPOLLIN) receive(c);
    if (c->blocked && (ready[i].events & EPOLLOUT) && flush(c)) c->blocked = false;
  }
}

int main(int count, char **words) {
  if ((count != 3 && count != 5) || (strcmp(words[2], "ws") && strcmp(words[2], "sse"))) {
    fprintf(stderr, "usage: limit PORT ws|sse [CERTIFICATE KEY]\n");
    return 2;
  }
  if (count == 5) use_tls(words[3], words[4]);
  events = !strcmp(words[2], "sse");
  connections = calloc(most_connections, sizeof *connections);
  subscribers = calloc(most_connections, sizeof *subscribers);
  ring = malloc(ring_size);
  memset(ring, 1, ring_size);
  poller = epoll_create1(0);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) {
    perror("limit: bind");
    return 1;
  }
  struct epoll_event wanted = {.events = EPOLLIN, .data.u32 = listener_mark};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &wanted);
  for (;;) {
    handle_events();
    fan_out();
  }
}
