// The protocols in which publishers publish, one message in flight on each connection.
#pragma once
#include "connection.h"

struct publisher {
  const char *name;
  bool reconnects;  // the server closes after each answer, so that every message has a connection of its own
  // Sends what must come before the first message, or sets `up`.
  void (*greet)(struct connection *connection);
  void (*publish)(struct connection *connection);
  // Takes answers: sets `up`, or clears `sent_at` and counts; returns the first byte that was not taken.
  char *(*take)(struct connection *connection, char *from, char *to);
};

// NULL if there is none of this name.
const struct publisher *publisher_named(const char *name);
