#include "http2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { largest_window = (1u << 31) - 1 };

struct http2 {
  nghttp2_session *session;
  struct wire *wire;
  http2_take *take;
  uint64_t arrived;  // when what is being read arrived
};

static void check(int result, const char *doing) {
  if (result < 0) give_up("HTTP/2, %s: %s", doing, nghttp2_strerror(result));
}

static struct connection *connection_of(nghttp2_session *session, int32_t stream) {
  return nghttp2_session_get_stream_user_data(session, stream);
}

// MARK: - What nghttp2 tells

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
                     const uint8_t *value, size_t value_size, uint8_t flags, void *context) {
  (void)flags, (void)context;
  if (name_size != 7 || memcmp(name, ":status", 7)) return 0;
  if (value_size != 3 || memcmp(value, "200", 3))
    give_up("wanted an event stream, got status %.*s", (int)value_size, value);
  be_up(connection_of(session, frame->hd.stream_id));
  return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes, size_t size,
                   void *context) {
  (void)flags;
  struct http2 *http2 = context;
  http2->take(connection_of(session, stream), (const char *)bytes, size, http2->arrived);
  return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error, void *context) {
  (void)session, (void)stream, (void)context;
  static int shown;
  if (!shown++) fprintf(stderr, "the server closed a stream: %s\n", nghttp2_http2_strerror(error));
  tally.failures++;
  return 0;
}

static nghttp2_session *session_for(struct http2 *http2) {
  static nghttp2_session_callbacks *callbacks;
  if (!callbacks) {
    check(nghttp2_session_callbacks_new(&callbacks), "callbacks");
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
  }
  nghttp2_session *session;
  check(nghttp2_session_client_new(&session, callbacks, http2), "a session");
  return session;
}

// MARK: - A wire's session

static void flush(struct http2 *http2) {
  const uint8_t *bytes;
  for (ssize_t size; (size = nghttp2_session_mem_send(http2->session, &bytes));) {
    check(size, "sending");
    if (!wire_send(http2->wire, (const char *)bytes, size)) tally.failures++;
  }
}

struct http2 *http2_open(struct wire *wire, http2_take *take) {
  struct http2 *http2 = calloc(1, sizeof *http2);
  if (!http2) give_up("out of memory");
  *http2 = (struct http2){.session = session_for(http2), .wire = wire, .take = take};
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, largest_window},
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
  };
  check(nghttp2_submit_settings(http2->session, NGHTTP2_FLAG_NONE, settings, 2), "settings");
  check(nghttp2_session_set_local_window_size(http2->session, NGHTTP2_FLAG_NONE, 0, largest_window), "a window");
  return http2;
}

static nghttp2_nv field(const char *name, const char *value) {
  return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

void http2_ask(struct http2 *http2, struct connection *connection) {
  const nghttp2_nv fields[] = {
      field(":method", "GET"),
      field(":scheme", http2->wire->tls ? "https" : "http"),
      field(":authority", "127.0.0.1"),
      field(":path", target.subscribe_path),
      field("accept", "text/event-stream"),
  };
  const size_t count = sizeof fields / sizeof *fields;
  check(nghttp2_submit_request(http2->session, NULL, fields, count, NULL, connection), "a request");
  flush(http2);
}

void http2_receive(struct http2 *http2, const char *bytes, size_t size, uint64_t arrived) {
  http2->arrived = arrived;
  check(nghttp2_session_mem_recv(http2->session, (const uint8_t *)bytes, size), "receiving");
  flush(http2);
}
