#pragma once
#include <nghttp2/nghttp2.h>

// Not every version of the library has these: weak, they are null where it does not.
extern void nghttp2_option_set_max_continuations(nghttp2_option *option, size_t most) __attribute__((weak));
extern void nghttp2_option_set_stream_reset_rate_limit(nghttp2_option *option, uint64_t burst, uint64_t rate)
    __attribute__((weak));

// What a peer may cost is counted by us; the library's own limits are lifted. Its count of CONTINUATION frames is wrong
// besides: a frame's head that comes in pieces counts as often as it has pieces.
static inline void sluice_nghttp2_lift_limits(nghttp2_option *option) {
  if (nghttp2_option_set_max_continuations) nghttp2_option_set_max_continuations(option, SIZE_MAX);
  if (nghttp2_option_set_stream_reset_rate_limit)
    nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
}
