#define _GNU_SOURCE
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"

size_t answer_size(const char *from, const char *to) {
  const char *end = from < to ? memmem(from, to - from, "\r\n\r\n", 4) : NULL;
  if (!end) return 0;
  for (const char *line = from; line < end; line++) {
    line = memchr(line, '\n', end - line);
    if (!line) break;
    if (strncasecmp(line + 1, "Content-Length:", 15)) continue;
    size_t size = end + 4 - from + strtoul(line + 16, NULL, 10);
    return size <= (size_t)(to - from) ? size : 0;
  }
  give_up("an answer without Content-Length:\n%.*s", (int)(to - from), from);
}

bool answer_succeeded(const char *from, const char *to) {
  if (!memcmp(from, "HTTP/1.1 2", 10)) return true;
  static int shown;
  if (!shown++) fprintf(stderr, "%.*s\n", (int)(to - from), from);
  return false;
}
