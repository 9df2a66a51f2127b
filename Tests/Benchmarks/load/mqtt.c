#include "mqtt.h"

#include <stdint.h>
#include <string.h>

static size_t write_head(char *to, int first, size_t remaining) {
  size_t at = 0;
  to[at++] = first;
  do {
    to[at++] = (remaining & 127) | (remaining > 127 ? 128 : 0);
    remaining >>= 7;
  } while (remaining);
  return at;
}

static size_t write_string(char *to, const char *text) {
  size_t size = strlen(text);
  to[0] = size >> 8;
  to[1] = size;
  memcpy(to + 2, text, size);
  return 2 + size;
}

size_t mqtt_write_connect(char *to) {
  // Version 4 (3.1.1), a clean session, no keep-alive, and a name that the broker chooses.
  static const char rest[] = {0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 0};
  size_t at = write_head(to, 0x10, sizeof rest);
  memcpy(to + at, rest, sizeof rest);
  return at + sizeof rest;
}

size_t mqtt_write_subscribe(char *to, const char *topic) {
  size_t at = write_head(to, 0x82, 2 + 2 + strlen(topic) + 1);
  to[at++] = 0;
  to[at++] = 1;  // packet id
  at += write_string(to + at, topic);
  to[at++] = 0;  // QoS 0
  return at;
}

size_t mqtt_write_publish(char *to, const char *topic, const char *body, size_t size) {
  size_t at = write_head(to, 0x32, 2 + strlen(topic) + 2 + size);
  at += write_string(to + at, topic);
  to[at++] = 0;
  to[at++] = 1;  // packet id; one is in flight at a time, so one is enough
  memcpy(to + at, body, size);
  return at + size;
}

size_t mqtt_packet(char *from, char *to, char **body) {
  size_t remaining = 0;
  char *at = from + 1;
  for (int shift = 0; shift < 28; shift += 7) {
    if (at >= to) return 0;
    uint8_t byte = *at++;
    remaining |= (size_t)(byte & 127) << shift;
    if (!(byte & 128)) break;
  }
  if ((size_t)(to - at) < remaining) return 0;
  *body = at;
  return at - from + remaining;
}
