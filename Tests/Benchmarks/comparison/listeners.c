// listeners: N websockets on one thread that do nothing but note when each message arrived, for benchmarks whose
// publisher is another process. Built from the folder load, whose protocols these are:
// gcc -O2 -I. -o listeners ../comparison/listeners.c wire.c http2.c readers.c answer.c chunks.c mqtt.c measures.c
// -lssl -lcrypto -lnghttp2
//
//   -p PORT       where they connect, on 127.0.0.1
//   -n N          how many
//   -u PATH       what they ask for
//   -k TOPICS     behind PATH comes a number, from 0 to TOPICS - 1 in turn
//   -m MESSAGES   how many each is to get; it ends half a second after the last
//   -i SECONDS    the silence that ends an incomplete run
//   -o FILE       arrivals: for each message so many times 8 bytes as there are listeners, ns of CLOCK_MONOTONIC
//
// It writes a JSON object when all are connected, and one at the end. Complete is a run whose `min` and `max`, the
// fewest and most messages of a listener, are MESSAGES, with 0 `failures`; `seconds` are from the first connect.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "connection.h"
#include "measures.h"
#include "readers.h"
#include "wire.h"

enum { kept_most = 1 << 20, room = 1 << 20, connecting_most = 200 };

struct tally tally;
struct target target;

static struct {
  int port, listeners, topics, messages;
  double silence;
  const char *path, *output;
} options = {.port = 8080, .listeners = 100, .messages = 1, .silence = 30, .path = "/v1/stream?topic=t"};

static const struct reader *reader;
static struct connection *connections;
static uint64_t *arrivals;  // [message][listener]
static char *bytes;         // what was kept of a connection's unfinished frame is put right before it
static int events;

void give_up(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("listeners: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

void be_up(struct connection *c) {
  tally.up += !c->up;
  c->up = true;
}

void send_all(struct connection *c, const char *from, size_t size) {
  if (!wire_send(c->wire, from, size)) tally.failures++;
}

static void read_options(int count, char **words) {
  for (int option; (option = getopt(count, words, "p:n:u:k:m:i:o:")) != -1;) switch (option) {
      case 'p': options.port = atoi(optarg); break;
      case 'n': options.listeners = atoi(optarg); break;
      case 'u': options.path = optarg; break;
      case 'k': options.topics = atoi(optarg); break;
      case 'm': options.messages = atoi(optarg); break;
      case 'i': options.silence = atof(optarg); break;
      case 'o': options.output = optarg; break;
      default: exit(2);
    }
  if (options.listeners < 1 || options.messages < 1) give_up("-n and -m take a number from 1");
}

static void open_connection(int number) {
  struct connection *c = &connections[number];
  c->wire = calloc(1, sizeof *c->wire);
  wire_open(c->wire, options.port, "http/1.1");
  c->wire->connection = c;
  struct epoll_event wanted = {.events = EPOLLIN | EPOLLET, .data.ptr = c};
  epoll_ctl(events, EPOLL_CTL_ADD, c->wire->fd, &wanted);
  char path[1024];
  if (options.topics) snprintf(path, sizeof path, "%s%d", options.path, number % options.topics);
  target.subscribe_path = options.topics ? path : options.path;
  reader->ask(c);
}

static void keep(struct connection *c, const char *from, size_t size) {
  if (size > kept_most) give_up("a frame of more than %d bytes", kept_most);
  if (!size && !c->kept) return;
  c->kept = realloc(c->kept, size ? size : 1);
  memcpy(c->kept, from, size);
  c->kept_size = size;
}

static void receive(struct connection *c) {
  do {
    ssize_t size = wire_receive(c->wire, bytes, room);
    if (size < 0) {
      wire_close(c->wire);
      tally.failures++;
      return;
    }
    uint64_t now = now_ns();
    int before = c->received;
    char *from = bytes - c->kept_size;
    if (c->kept_size) memcpy(from, c->kept, c->kept_size);
    char *rest = reader->take(c, from, bytes + size, now);
    keep(c, rest, bytes + size - rest);
    for (int i = before; i < (int)c->received && i < options.messages; i++)
      arrivals[(size_t)i * options.listeners + (c - connections)] = now;
  } while (c->wire->more);
}

// Until all have all, and half a second longer to see that nothing comes twice.
static uint64_t run(uint64_t started) {
  struct epoll_event ready[1024];
  uint64_t progress = started, all = (uint64_t)options.listeners * options.messages;
  for (int opened = 0, was_up = 0;;) {
    while (opened < options.listeners && opened - tally.up < connecting_most) open_connection(opened++);
    uint64_t before = tally.messages;
    int count = epoll_wait(events, ready, 1024, 100);
    for (int i = 0; i < count; i++) receive(ready[i].data.ptr);
    uint64_t now = now_ns();
    if (tally.up == options.listeners && was_up < tally.up) {
      printf("{\"connected\":%d,\"seconds\":%.3f}\n", tally.up, (now - started) / 1e9);
      fflush(stdout);
    }
    if (tally.messages != before || tally.up != was_up) progress = now;
    was_up = tally.up;
    if (now - progress > (tally.messages >= all ? 0.5 : options.silence) * 1e9) return progress;
  }
}

static void write_arrivals(void) {
  FILE *file = fopen(options.output, "wb");
  size_t all = (size_t)options.listeners * options.messages;
  if (!file || fwrite(arrivals, sizeof *arrivals, all, file) != all || fclose(file))
    give_up("%s cannot be written: %s", options.output, strerror(errno));
}

int main(int count, char **words) {
  read_options(count, words);
  reader = reader_named("ws");
  connections = calloc(options.listeners, sizeof *connections);
  arrivals = calloc((size_t)options.listeners * options.messages, sizeof *arrivals);
  bytes = (char *)malloc(kept_most + room) + kept_most;
  events = epoll_create1(0);
  uint64_t started = now_ns(), last = run(started);
  if (options.output) write_arrivals();
  uint32_t least = ~0u, most = 0;
  for (int i = 0; i < options.listeners; i++) {
    if (connections[i].received < least) least = connections[i].received;
    if (connections[i].received > most) most = connections[i].received;
  }
  printf("{\"up\":%d,\"min\":%u,\"max\":%u,\"failures\":%llu,\"seconds\":%.4f,\"cpu_us\":%.0f}\n", tally.up, least,
         most, (unsigned long long)tally.failures, (last - started) / 1e9, own_cpu_ns() / 1e3);
}
