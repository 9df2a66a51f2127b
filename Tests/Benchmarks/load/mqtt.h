// The few MQTT 3.1.1 packets that are spoken here.
#pragma once
#include <stddef.h>

enum { mqtt_connack = 2, mqtt_publish = 3, mqtt_puback = 4, mqtt_suback = 9 };  // the upper half of the first byte

// Each writes one packet and returns its size. `to` has room for 1024 bytes.
size_t mqtt_write_connect(char *to);
size_t mqtt_write_subscribe(char *to, const char *topic);                               // QoS 0
size_t mqtt_write_publish(char *to, const char *topic, const char *body, size_t size);  // QoS 1

// The packet that begins at `from`: its size with its head, 0 if it has not arrived whole.
// `body` is what follows the head.
size_t mqtt_packet(char *from, char *to, char **body);
