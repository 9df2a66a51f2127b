#define _GNU_SOURCE
#include "readers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "measures.h"
#include "mqtt.h"

// MARK: - Messages

static uint64_t number(const char *from, const char *to) {
  uint64_t value = 0;
  while (from < to && *from >= '0' && *from <= '9') value = value * 10 + *from++ - '0';
  return value;
}

// A delivered payload. A control object ({"type":…) is none; "t" in it is when its publisher sent it, in ns.
static void count_message(struct connection *c, const char *payload, size_t size, uint64_t arrived) {
  if (size < 24 || !memcmp(payload, "{\"type\"", 7)) return;
  c->received++;
  tally.messages++;
  const char *stamp = memmem(payload, size, "\"t\":", 4);
  if (!stamp) return;
  stamp += 4;
  stamp += *stamp == '"';
  uint64_t sent = number(stamp, payload + size);
  if (sent && arrived > sent) latency_record(arrived - sent);
}

// MARK: - Heads

static void ask(struct connection *c, const char *headers) {
  char request[1024];
  int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", target.subscribe_path,
                      headers);
  send_all(c, request, size);
}

// Past the answer's head, which must begin with `status`; NULL if it has not arrived whole.
static char *past_head(char *from, char *to, const char *status) {
  char *end = memmem(from, to - from, "\r\n\r\n", 4);
  if (!end) return NULL;
  if (memcmp(from, status, strlen(status)))
    give_up("wanted an answer '%s', got:\n%.*s", status, (int)(to - from), from);
  return end + 4;
}

// MARK: - WebSocket

#define WEBSOCKET_HEADERS                 \
  "Upgrade: websocket\r\n"                \
  "Connection: Upgrade\r\n"               \
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" \
  "Sec-WebSocket-Version: 13\r\n"

static void ask_websocket(struct connection *c) { ask(c, WEBSOCKET_HEADERS); }

// One frame: its payload, and the first byte after it; NULL if it has not arrived whole.
static char *frame(char *from, char *to, char **payload, size_t *size) {
  if (to - from < 2) return NULL;
  size_t head = 2;
  *size = from[1] & 127;
  if (*size == 126) {
    if (to - from < 4) return NULL;
    *size = (uint8_t)from[2] << 8 | (uint8_t)from[3];
    head = 4;
  } else if (*size == 127) {
    if (to - from < 10) return NULL;
    *size = 0;
    for (int i = 2; i < 10; i++) *size = *size << 8 | (uint8_t)from[i];
    head = 10;
  }
  if ((size_t)(to - from) < head + *size) return NULL;
  *payload = from + head;
  if ((from[0] & 15) == 8) {
    static int warned;
    tally.failures++;
    if (!warned++) fprintf(stderr, "the server closed a websocket\n");
  }
  return from + head + *size;
}

static bool is_data(const char *frame) { return (*frame & 15) <= 2; }

static char *take_websocket(struct connection *c, char *from, char *to, uint64_t arrived) {
  if (!c->up) {
    char *past = past_head(from, to, "HTTP/1.1 101");
    if (!past) return from;
    be_up(c);
    from = past;
  }
  char *payload, *next;
  size_t size;
  for (; (next = frame(from, to, &payload, &size)); from = next)
    if (is_data(from)) count_message(c, payload, size, arrived);
  return from;
}

// MARK: - Server-Sent Events

static void ask_events(struct connection *c) { ask(c, "Accept: text/event-stream\r\n"); }

// Whole lines only. What follows the head is given again once it is known to be in chunks and they are taken off.
static char *take_events(struct connection *c, char *from, char *to, uint64_t arrived) {
  if (!c->up) {
    char *past = past_head(from, to, "HTTP/1.1 200");
    if (!past) return from;
    be_up(c);
    c->chunks.chunked = memmem(from, past - from, "chunked", 7);
    return past;
  }
  for (char *end; (end = memchr(from, '\n', to - from)); from = end + 1)
    if (end - from > 6 && !memcmp(from, "data: ", 6)) count_message(c, from + 6, end - from - 6, arrived);
  return from;
}

// MARK: - Sluice's polls: "next" of an answer is the since of the next poll; the first has none and is answered at once

static void poll_next(struct connection *c) {
  char request[1024];
  int size = snprintf(request, sizeof request,
                      "GET %s%s%s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n",
                      target.subscribe_path, c->resume ? "&since=" : "", c->resume ? c->resume : "");
  send_all(c, request, size);
}

static char *take_poll(struct connection *c, char *from, char *to, uint64_t arrived) {
  for (size_t size; (size = answer_size(from, to)); from += size) {
    char *end = from + size;
    if (!answer_succeeded(from, end)) give_up("a poll was refused");
    for (char *at = from, *data; (data = memmem(at, end - at, "\"data\":", 7)); at = data + 7)
      count_message(c, data + 7, end - data - 7, arrived);
    char *next = memmem(from, size, "\"next\":\"", 8);
    char *quote = next ? memchr(next + 8, '"', end - next - 8) : NULL;
    if (!quote) give_up("a poll's answer without next:\n%.*s", (int)size, from);
    free(c->resume);
    c->resume = strndup(next + 8, quote - next - 8);
    be_up(c);
    poll_next(c);
  }
  return from;
}

// MARK: - nchan's long-poll: Last-Modified and Etag of an answer are conditions of the next request

static void longpoll_next(struct connection *c) { ask(c, c->resume ? c->resume : ""); }

// The first is parked until there is a message, so nothing tells that it has arrived.
static void ask_longpoll(struct connection *c) {
  longpoll_next(c);
  be_up(c);
}

static char *take_longpoll(struct connection *c, char *from, char *to, uint64_t arrived) {
  for (size_t size; (size = answer_size(from, to)); from += size) {
    char *end = from + size;
    if (!answer_succeeded(from, end)) give_up("a long-poll was refused");
    char *body = memmem(from, size, "\r\n\r\n", 4);
    count_message(c, body + 4, end - body - 4, arrived);
    char *modified = memmem(from, body - from, "Last-Modified: ", 15), *tag = memmem(from, body - from, "Etag: ", 6);
    if (!modified || !tag) give_up("a long-poll's answer without Last-Modified and Etag:\n%.*s", (int)size, from);
    modified += 15, tag += 6;
    free(c->resume);
    if (asprintf(&c->resume, "If-Modified-Since: %.*s\r\nIf-None-Match: %.*s\r\n",
                 (int)strcspn(modified, "\r"), modified, (int)strcspn(tag, "\r"), tag) < 0)
      give_up("out of memory");
    longpoll_next(c);
  }
  return from;
}

// MARK: - MQTT over WebSocket

static void ask_mqtt(struct connection *c) { ask(c, WEBSOCKET_HEADERS "Sec-WebSocket-Protocol: mqtt\r\n"); }

// A client's frames are masked; the mask 0 leaves the bytes as they are.
static void send_packet(struct connection *c, const char *packet, size_t size) {
  char bytes[1024] = {(char)0x82, (char)(0x80 | size)};
  memcpy(bytes + 6, packet, size);
  send_all(c, bytes, 6 + size);
}

static char *take_mqtt(struct connection *c, char *from, char *to, uint64_t arrived) {
  char packet[1024];
  if (!c->up && *from == 'H') {
    char *past = past_head(from, to, "HTTP/1.1 101");
    if (!past) return from;
    from = past;
    send_packet(c, packet, mqtt_write_connect(packet));
  }
  char *payload, *next;
  size_t size;
  for (; (next = frame(from, to, &payload, &size)); from = next) {
    if (!is_data(from)) continue;
    for (char *at = payload, *body; at < payload + size;) {
      size_t whole = mqtt_packet(at, payload + size, &body);
      if (!whole) give_up("the broker split a packet over two websocket messages, which is not read here");
      switch ((uint8_t)*at >> 4) {
        case mqtt_connack: send_packet(c, packet, mqtt_write_subscribe(packet, target.topic)); break;
        case mqtt_suback: be_up(c); break;
        case mqtt_publish:
          body += 2 + strlen(target.topic);
          count_message(c, body, at + whole - body, arrived);
          break;
      }
      at += whole;
    }
  }
  return from;
}

// MARK: - All of them

static const struct reader readers[] = {
    {"ws", ask_websocket, take_websocket},
    {"sse", ask_events, take_events},
    {"poll", poll_next, take_poll},
    {"longpoll", ask_longpoll, take_longpoll},
    {"mqtt", ask_mqtt, take_mqtt},
};

const struct reader *reader_named(const char *name) {
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
    if (!strcmp(readers[i].name, name)) return &readers[i];
  return NULL;
}
