// fanclient: N subscribers and P publishers on one thread, for measuring one server; every figure of the comparison
// comes from here. Built with: gcc -O2 -o fanclient fanclient.c wire.c http2.c readers.c publishers.c answer.c chunks.c
// mqtt.c measures.c -lssl -lcrypto -lnghttp2
//
//   -p PORT  -q PORT     where subscribers connect, and publishers (the same if not given), on 127.0.0.1
//   -n N  -m KIND        subscribers: ws, sse, poll (Sluice), longpoll (nchan), mqtt (over WebSocket)
//   -u PATH  -t TOPIC    what they ask for; the topic is for protocols that name it elsewhere than in the path
//   -c N                 at most so many subscribers connecting at once
//   -T                   everything over TLS
//   -2 STREAMS           subscribers over HTTP/2 (sse alone), so many on each connection; publishers stay on HTTP/1.1
//   -P N  -F KIND        publishers, each with one message of 128 bytes in flight: http, pushpin, mqtt
//   -U PATH              where they publish
//   -R RATE              messages a second in all; 0, the default: each sends as soon as its last was answered
//   -G MS                one message at a time: the next is sent MS after all subscribers have the last one
//   -D SECONDS           how long to publish
//   -i SECONDS           the silence after it that ends an incomplete run
//   -S PID,PID…          the server's processes: their CPU time and memory
//   -H SECONDS           connect, write what a connection costs in memory, hold them, end
//   -Z MS                subscribers' bytes are thrown away every MS unread, and messages are what was published:
//                        for servers that are faster than this client could read
//   -B                   never sleep
//
// It writes one JSON object to stdout. A run is complete if `min` equals `max`, the fewest and most messages of a
// subscriber, and `failures` is 0. `cpu_us` is the server's CPU time, `seconds` from the first send to the last arrival.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"
#include "http2.h"
#include "measures.h"
#include "publishers.h"
#include "readers.h"
#include "wire.h"

// MARK: - What was asked for

struct tally tally;
struct target target = {"/ws", "/pub", "t"};

static struct {
  int port, publish_port, subscribers, publishers, connecting, streams;
  double rate, gather_ms, seconds, silence, hold, sweep_ms;
  bool secure, gathers, holds, busy;
  struct processes server;
  const struct reader *reader;
  const struct publisher *publisher;
} options = {.port = 9000, .subscribers = 100, .connecting = 200, .seconds = 5, .silence = 1.5};

void give_up(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("fanclient: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

static void read_options(int count, char **words) {
  const char *reader = "ws", *publisher = "http";
  for (int option; (option = getopt(count, words, "p:q:n:c:T2:m:u:t:P:F:U:R:G:D:i:S:H:Z:B")) != -1;) switch (option) {
      case 'p': options.port = atoi(optarg); break;
      case 'q': options.publish_port = atoi(optarg); break;
      case 'n': options.subscribers = atoi(optarg); break;
      case 'c': options.connecting = atoi(optarg); break;
      case 'T': options.secure = true; break;
      case '2': options.streams = atoi(optarg); break;
      case 'm': reader = optarg; break;
      case 'u': target.subscribe_path = optarg; break;
      case 't': target.topic = optarg; break;
      case 'P': options.publishers = atoi(optarg); break;
      case 'F': publisher = optarg; break;
      case 'U': target.publish_path = optarg; break;
      case 'R': options.rate = atof(optarg); break;
      case 'G': options.gathers = true, options.gather_ms = atof(optarg); break;
      case 'D': options.seconds = atof(optarg); break;
      case 'i': options.silence = atof(optarg); break;
      case 'S': options.server = processes_named(optarg); break;
      case 'H': options.holds = true, options.hold = atof(optarg); break;
      case 'Z': options.sweep_ms = atof(optarg); break;
      case 'B': options.busy = true; break;
      default: exit(2);
    }
  if (!options.publish_port) options.publish_port = options.port;
  if (!(options.reader = reader_named(reader))) give_up("there is no kind of subscriber '%s'", reader);
  if (!(options.publisher = publisher_named(publisher))) give_up("there is no kind of publisher '%s'", publisher);
  if (!options.holds && !options.publishers) give_up("nothing to measure: give publishers (-P) or -H");
  if (options.gathers && options.publishers != 1) give_up("-G needs one publisher (-P 1)");
  if (options.streams < 0) give_up("-2 takes the number of streams on each connection, from 1");
  if (options.streams && strcmp(reader, "sse")) give_up("-2 carries event streams alone (-m sse)");
  if (options.sweep_ms > 0 && (options.secure || options.streams)) give_up("-Z works in clear over HTTP/1.1 alone");
}

// MARK: - Connections

enum stage { connecting, publishing, ending };
static enum stage stage;
static struct connection *connections;  // subscribers first, then publishers
static int total, opened, events;
static uint64_t last_arrival;

// Bytes arrive in `arrivals`, over HTTP/2 in `frames` and from there what is in a stream; what was kept of an
// unfinished piece is put right before them.
enum { kept_most = 1 << 20, arrivals_size = 1 << 20 };
static char *arrivals, *frames;

void be_up(struct connection *c) {
  tally.up += !c->up;
  c->up = true;
}

void send_all(struct connection *c, const char *bytes, size_t size) {
  if (!wire_send(c->wire, bytes, size)) tally.failures++;
}

static void keep(struct connection *c, const char *from, size_t size) {
  if (size > kept_most) give_up("a piece of more than %d bytes", kept_most);
  if (size) {
    c->kept = realloc(c->kept, size);
    memcpy(c->kept, from, size);
  } else if (c->kept) {
    free(c->kept);
    c->kept = NULL;
  }
  c->kept_size = size;
}

static void take(struct connection *c, size_t size, uint64_t arrived);

static void take_from_stream(struct connection *c, const char *bytes, size_t size, uint64_t arrived) {
  memcpy(arrivals, bytes, size);
  take(c, size, arrived);
}

static void reach(struct connection *c) {
  bool shares = options.streams && !c->publishes;
  wire_open(c->wire, c->publishes ? options.publish_port : options.port, shares ? "h2" : "http/1.1");
  c->wire->connection = c;
  if (shares) c->wire->http2 = http2_open(c->wire, take_from_stream);
  struct epoll_event wanted = {.events = EPOLLIN | EPOLLET, .data.ptr = c->wire};
  epoll_ctl(events, EPOLL_CTL_ADD, c->wire->fd, &wanted);
}

static void open_next(void) {
  struct connection *c = &connections[opened];
  c->publishes = opened >= options.subscribers;
  if (options.streams && !c->publishes && opened % options.streams) {
    c->wire = c[-1].wire;
  } else {
    c->wire = calloc(1, sizeof *c->wire);
    reach(c);
  }
  opened++;
  if (c->publishes) options.publisher->greet(c);
  else if (c->wire->http2) http2_ask(c->wire->http2, c);
  else options.reader->ask(c);
  // Where no answer paces the connecting, the server's backlog must not overflow.
  if (c->up && !c->publishes && opened % 100 == 0) usleep(10000);
}

static bool is_free(const struct connection *c) {
  return !c->sent_at && (c->wire->fd >= 0 || options.publisher->reconnects);
}

static void publish_on(struct connection *c) {
  if (options.publisher->reconnects) {
    if (c->wire->fd >= 0) wire_close(c->wire);
    reach(c);
  }
  options.publisher->publish(c);
}

static bool in_closed_loop(void) { return options.rate <= 0 && !options.gathers; }

static void take(struct connection *c, size_t size, uint64_t arrived) {
  char *from = arrivals, *to = arrivals + size;
  bool was_chunked = c->chunks.chunked, was_up = c->up;
  if (was_chunked) to = chunks_open(&c->chunks, from, to);
  if (c->kept_size) {
    from -= c->kept_size;
    memcpy(from, c->kept, c->kept_size);
  }
  from = c->publishes ? options.publisher->take(c, from, to) : options.reader->take(c, from, to, arrived);
  if (!was_up && c->up && !c->publishes) {
    if (c->chunks.chunked) to = chunks_open(&c->chunks, from, to);
    from = options.reader->take(c, from, to, arrived);
  }
  keep(c, from, to - from);
  if (c->publishes && stage == publishing && in_closed_loop() && is_free(c)) publish_on(c);
}

static void closed(struct wire *wire) {
  const struct connection *c = wire->connection;
  wire_close(wire);
  if (c->publishes && options.publisher->reconnects && !c->sent_at) return;
  static int shown;
  if (!shown++) fprintf(stderr, "the server closed a %s\n", c->publishes ? "publisher" : "subscriber");
  tally.failures++;
}

static void receive(struct wire *wire, uint64_t arrived) {
  do {
    ssize_t size = wire_receive(wire, wire->http2 ? frames : arrivals, arrivals_size);
    if (size < 0) return closed(wire);
    if (!size) continue;
    if (wire->http2) http2_receive(wire->http2, frames, size, arrived);
    else take(wire->connection, size, arrived);
  } while (wire->more);
}

// MARK: - Sweeping: with MSG_TRUNC the kernel drops a socket's bytes without copying them

static void stop_reading(void) {
  for (int i = 0; i < options.subscribers; i++) epoll_ctl(events, EPOLL_CTL_DEL, connections[i].wire->fd, NULL);
}

static bool sweep(void) {
  bool any = false;
  for (int i = 0; i < options.subscribers; i++) {
    struct connection *c = &connections[i];
    ssize_t size = recv(c->wire->fd, NULL, 1 << 30, MSG_TRUNC | MSG_DONTWAIT);
    if (size <= 0) continue;
    c->received += size;
    any = true;
  }
  return any;
}

// MARK: - Publishing

static uint64_t started, ends, next_at, own_cpu_before, server_cpu_before;

// At a rate the next free publisher sends; a message for which none is free is left out, not made up for.
static void publish_at_rate(uint64_t time) {
  static int turn;
  for (; time >= next_at; next_at += 1e9 / options.rate)
    for (int tried = 0; tried < options.publishers; tried++) {
      struct connection *c = &connections[options.subscribers + turn++ % options.publishers];
      if (!is_free(c)) continue;
      publish_on(c);
      break;
    }
}

static void publish_gathered(uint64_t time) {
  struct connection *publisher = &connections[options.subscribers];
  bool all_have_it = tally.messages >= tally.acknowledged * options.subscribers;
  if (!is_free(publisher) || !all_have_it) {
    next_at = 0;
  } else if (!next_at) {
    next_at = time + options.gather_ms * 1e6;
  } else if (time >= next_at) {
    next_at = 0;
    publish_on(publisher);
  }
}

// What is not sent by the clock is sent where the last answer is taken.
static void publish(uint64_t time) {
  if (options.gathers) publish_gathered(time);
  else if (options.rate > 0) publish_at_rate(time);
}

static void start_publishing(void) {
  usleep(300000);
  if (options.sweep_ms > 0) {
    sweep();
    for (int i = 0; i < options.subscribers; i++) connections[i].received = 0;
    stop_reading();
  }
  started = now_ns();
  ends = started + options.seconds * 1e9;
  next_at = options.gathers ? 0 : started;
  own_cpu_before = own_cpu_ns();
  server_cpu_before = cpu_ns(&options.server);
  stage = publishing;
  for (int i = options.subscribers; in_closed_loop() && i < total; i++) publish_on(&connections[i]);
}

// Milliseconds to sleep for events.
static int patience(uint64_t time) {
  if (options.busy && stage != connecting) return 0;
  int most = options.sweep_ms > 0 && options.sweep_ms < 100 ? options.sweep_ms : 100;
  if (stage != publishing || !next_at || in_closed_loop()) return most;
  int until_next = next_at > time ? (next_at - time) / 1000000 : 0;
  return until_next < most ? until_next : most;
}

// MARK: - The run

// Once everyone has everything there is only left to see that nothing comes twice.
static double patience_at_end_ns(void) {
  bool complete = tally.acknowledged == tally.published &&
                  (options.sweep_ms > 0 || tally.messages >= tally.acknowledged * options.subscribers);
  return (complete && options.silence > 0.5 ? 0.5 : options.silence) * 1e9;
}

static void run(void) {
  struct epoll_event ready[1024];
  uint64_t progress = now_ns(), swept = progress;
  while (stage != ending || now_ns() - progress < patience_at_end_ns()) {
    // Publishers once all subscribers are there.
    while (opened < total && opened - tally.up < options.connecting &&
           (opened < options.subscribers || tally.up >= options.subscribers))
      open_next();
    if (stage == connecting && tally.up == total) {
      if (options.holds) return;
      start_publishing();
      progress = started;
    }
    uint64_t before = tally.messages + tally.acknowledged;
    int count = epoll_wait(events, ready, 1024, patience(now_ns()));
    uint64_t time = now_ns();
    int up_before = tally.up;
    for (int i = 0; i < count; i++) {
      struct wire *wire = ready[i].data.ptr;
      if (wire->fd >= 0) receive(wire, time);
    }
    bool any = tally.messages + tally.acknowledged != before || tally.up != up_before;
    if (options.sweep_ms > 0 && stage != connecting && time - swept >= options.sweep_ms * 1e6) {
      swept = time;
      any |= sweep();
    }
    if (any) progress = last_arrival = time = now_ns();
    if (stage == connecting && now_ns() - progress > 20e9)
      give_up("%d of %d connected, then nothing for 20 s", tally.up, total);
    if (stage == publishing) {
      if (time >= ends) stage = ending; else publish(time);
    }
  }
}

static void write_memory(long resident_before, long available_before) {
  usleep(500000);
  printf("{\"connections\":%d,\"resident_kib\":%.3f,\"machine_kib\":%.3f}\n", total,
         (double)(resident_kib(&options.server) - resident_before) / total,
         (double)(available_before - available_kib()) / total);
  fflush(stdout);
  usleep(options.hold * 1e6);
}

static void write_figures(void) {
  uint32_t least = options.subscribers ? ~0u : 0, most = 0;
  for (int i = 0; i < options.subscribers; i++) {
    if (connections[i].received < least) least = connections[i].received;
    if (connections[i].received > most) most = connections[i].received;
  }
  uint64_t messages = options.sweep_ms > 0 ? tally.acknowledged * options.subscribers : tally.messages;
  printf("{\"subscribers\":%d,\"publishers\":%d,\"deliveries\":%llu,\"min\":%u,\"max\":%u,\"seconds\":%.4f,"
         "\"published\":%llu,\"acknowledged\":%llu,\"failures\":%llu,\"client_cpu_us\":%.0f,\"cpu_us\":%.0f",
         options.subscribers, options.publishers, (unsigned long long)messages, least, most,
         (last_arrival - started) / 1e9, (unsigned long long)tally.published, (unsigned long long)tally.acknowledged,
         (unsigned long long)tally.failures, (own_cpu_ns() - own_cpu_before) / 1e3,
         (cpu_ns(&options.server) - server_cpu_before) / 1e3);
  if (latency_count())
    printf(",\"p50_us\":%llu,\"p99_us\":%llu,\"max_us\":%llu", (unsigned long long)latency_percentile_us(.5),
           (unsigned long long)latency_percentile_us(.99), (unsigned long long)latency_max_us());
  printf("}\n");
}

int main(int count, char **words) {
  read_options(count, words);
  total = options.subscribers + options.publishers;
  connections = calloc(total, sizeof *connections);
  arrivals = (char *)malloc(kept_most + arrivals_size) + kept_most;
  frames = malloc(arrivals_size);
  if (options.secure) wires_use_tls();
  events = epoll_create1(0);
  long resident = resident_kib(&options.server), available = available_kib();
  run();
  if (options.holds) write_memory(resident, available); else write_figures();
}
