// The protocols in which subscribers read.
#pragma once
#include "connection.h"

struct reader {
  const char *name;
  // Sends what asks for the stream. Not every protocol answers: where none is due, this sets `up`.
  void (*ask)(struct connection *connection);
  // Counts every message that has arrived whole, sets `up`; returns the first byte that was not taken.
  char *(*take)(struct connection *connection, char *from, char *to, uint64_t arrived);
};

// NULL if there is none of this name.
const struct reader *reader_named(const char *name);
