// HTTP's chunked framing, taken off as bytes arrive: a server may cut its stream into chunks anywhere.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct chunks {
  bool chunked;  // whether there is any
  uint8_t state;
  uint32_t left;  // of the chunk that is being read; while its size is being read, that
};

// Moves what is inside the chunks of [from, to) to `from`; returns its end.
char *chunks_open(struct chunks *chunks, char *from, char *to);
