// limit: what the kernel allows. A fan-out server with nothing in it but epoll, recv and send, for measuring against.
// Built with: gcc -O2 -o limit limit.c; run as: limit PORT ws|sse
//
// A GET on 127.0.0.1:PORT becomes a subscriber, a POST publishes its body to all of them: framed once, into a ring that
// every subscriber reads from its own place. After each round of events every subscriber gets all it has not had yet
// in one send. No parsing beyond what fanclient sends, no limits, no resume: no real server can be cheaper.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
  int fd;
  uint8_t role;
  bool blocked;  // its socket was full; waits for EPOLLOUT
};

static bool events;  // sse; else ws
static struct connection *connections;
static int opened, *subscribers, subscriber_count, poller, listener;
static char *ring;
static uint64_t head;

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
    ssize_t sent = send(c->fd, ring + offset, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN) return false;
      perror("send");
      exit(1);
    }
    c->position += sent;
    if ((size_t)sent < size) return false;
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
  send(c->fd, answer, strlen(answer), 0);
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
  send(c->fd, answer, sizeof answer - 1, 0);
}

static void receive(struct connection *c) {
  char request[16384];
  ssize_t size = recv(c->fd, request, sizeof request - 1, 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) return leave(c);
  request[size] = 0;
  if (c->role == subscriber) return;
  if (!memcmp(request, "GET", 3)) subscribe(c);
  else if (!memcmp(request, "POST", 4)) accept_publication(c, request, size);
}

static void accept_all(void) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0; opened++) {
    if (opened == most_connections) {
      fprintf(stderr, "limit: more than %d connections in one run\n", most_connections);
      exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    connections[opened] = (struct connection){.fd = fd};
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
  if (count != 3 || (strcmp(words[2], "ws") && strcmp(words[2], "sse"))) {
    fprintf(stderr, "usage: limit PORT ws|sse\n");
    return 2;
  }
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
