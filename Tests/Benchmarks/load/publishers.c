#define _GNU_SOURCE
#include "publishers.h"

#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "measures.h"
#include "mqtt.h"

enum { message_size = 128 };

// {"t":"<ns>","s":"<count>","p":"xxx…"}: 128 bytes with the time of sending, all digits always there.
static void write_message(char *to, uint64_t sent) {
  static uint64_t count;
  char head[64];
  int size = snprintf(head, sizeof head, "{\"t\":\"%019llu\",\"s\":\"%012llu\",\"p\":\"", (unsigned long long)sent,
                      (unsigned long long)count++);
  memset(to, 'x', message_size);
  memcpy(to, head, size);
  memcpy(to + message_size - 2, "\"}", 2);
}

static void sent(struct connection *c, uint64_t time) {
  c->sent_at = time;
  tally.published++;
}

static void answered(struct connection *c, bool well) {
  c->sent_at = 0;
  if (well) tally.acknowledged++; else tally.failures++;
}

// MARK: - HTTP: the body is the message

static void post(struct connection *c, const char *body, size_t size) {
  char request[2048];
  int head = snprintf(request, sizeof request,
                      "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                      "Content-Length: %zu\r\n\r\n",
                      target.publish_path, size);
  memcpy(request + head, body, size);
  send_all(c, request, head + size);
}

static void publish_http(struct connection *c) {
  char message[message_size];
  uint64_t time = now_ns();
  write_message(message, time);
  post(c, message, sizeof message);
  sent(c, time);
}

static char *take_http(struct connection *c, char *from, char *to) {
  for (size_t size; (size = answer_size(from, to)); from += size)
    answered(c, answer_succeeded(from, from + size));
  return from;
}

// MARK: - Pushpin: an item of its control port has the message in the form of each transport

static void publish_pushpin(struct connection *c) {
  char message[message_size + 1] = "", quoted[2 * message_size], body[1024];
  uint64_t time = now_ns();
  write_message(message, time);
  char *to = quoted;
  for (const char *from = message; *from; *to++ = *from++)
    if (*from == '"') *to++ = '\\';
  *to = 0;
  int size = snprintf(body, sizeof body,
                      "{\"items\":[{\"channel\":\"%s\",\"formats\":{\"http-stream\":{\"content\":\"data: %s\\n\\n\"},"
                      "\"ws-message\":{\"content\":\"%s\"}}}]}",
                      target.topic, quoted, quoted);
  post(c, body, size);
  sent(c, time);
}

// MARK: - MQTT over TCP, QoS 1

static void greet_mqtt(struct connection *c) {
  char packet[1024];
  send_all(c, packet, mqtt_write_connect(packet));
}

static void publish_mqtt(struct connection *c) {
  char message[message_size], packet[1024];
  uint64_t time = now_ns();
  write_message(message, time);
  send_all(c, packet, mqtt_write_publish(packet, target.topic, message, sizeof message));
  sent(c, time);
}

static char *take_mqtt(struct connection *c, char *from, char *to) {
  char *body;
  for (size_t size; from < to && (size = mqtt_packet(from, to, &body)); from += size) {
    int kind = (uint8_t)*from >> 4;
    if (kind == mqtt_connack && !body[1]) be_up(c);
    else if (kind == mqtt_puback) answered(c, true);
    else give_up("the broker answered a publisher with packet %d", kind);
  }
  return from;
}

// MARK: - All of them

static const struct publisher publishers[] = {
    {"http", false, be_up, publish_http, take_http},
    {"pushpin", true, be_up, publish_pushpin, take_http},
    {"mqtt", false, greet_mqtt, publish_mqtt, take_mqtt},
};

const struct publisher *publisher_named(const char *name) {
  for (size_t i = 0; i < sizeof publishers / sizeof *publishers; i++)
    if (!strcmp(publishers[i].name, name)) return &publishers[i];
  return NULL;
}
