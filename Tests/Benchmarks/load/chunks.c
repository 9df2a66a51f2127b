#include "chunks.h"

#include <ctype.h>
#include <string.h>

enum { in_size, in_size_line, in_data, after_data };

static uint32_t hex_value(char digit) { return isdigit(digit) ? digit - '0' : tolower(digit) - 'a' + 10; }

char *chunks_open(struct chunks *chunks, char *from, char *to) {
  char *at = from;
  while (from < to) switch (chunks->state) {
      case in_size:
        if (isxdigit(*from)) chunks->left = chunks->left << 4 | hex_value(*from++);
        else chunks->state = in_size_line;
        break;
      case in_size_line:
        if (*from++ == '\n') chunks->state = in_data;
        break;
      case in_data: {
        uint32_t size = to - from < chunks->left ? to - from : chunks->left;
        memmove(at, from, size);
        at += size, from += size;
        chunks->left -= size;
        if (!chunks->left) chunks->state = after_data;
        break;
      }
      case after_data:
        if (*from++ == '\n') chunks->state = in_size;
        break;
    }
  return at;
}
