// One subscriber or publisher of fanclient, and what every protocol needs to read for it and write for it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunks.h"

struct wire;

struct connection {
  struct wire *wire;     // its own; over HTTP/2 it may share it
  bool publishes;        // a publisher; else a subscriber
  bool up;               // subscribed, or ready to publish: set by `be_up`
  uint32_t received;     // messages, or bytes where they are swept
  uint32_t kept_size;    // bytes of an unfinished piece, in `kept`
  char *kept;
  struct chunks chunks;  // event streams
  char *resume;          // polls: the header lines or query that continue after the last answer
  uint64_t sent_at;      // publishers: when the message in flight was sent, 0 for none
};

// What there was of everything so far; `failures` are answers that were not what they should be.
struct tally {
  uint64_t messages, published, acknowledged, failures;
  int up;
};
extern struct tally tally;

// Where and what, the same for all connections.
struct target {
  const char *subscribe_path, *publish_path, *topic;
};
extern struct target target;

// Ends the run with words: what goes wrong while connecting makes every figure after it worthless.
_Noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

void be_up(struct connection *connection);

// Sends all of it or counts a failure; what is sent here is small enough for an empty socket.
void send_all(struct connection *connection, const char *bytes, size_t size);
