// HTTP/2 as far as event streams need it: many on one wire, with windows so large that no server waits for them.
#pragma once
#include "connection.h"
#include "wire.h"

// Gets what arrived of a stream's body.
typedef void http2_take(struct connection *connection, const char *bytes, size_t size, uint64_t arrived);

// Begins HTTP/2 on an open wire.
struct http2 *http2_open(struct wire *wire, http2_take *take);

// Asks for the target's event stream, for a subscriber on this wire. It is up when it is answered with 200.
void http2_ask(struct http2 *http2, struct connection *connection);

// Takes what the wire received, and answers what has to be answered.
void http2_receive(struct http2 *http2, const char *bytes, size_t size, uint64_t arrived);
