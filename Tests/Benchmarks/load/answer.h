// HTTP/1.1 answers of known length.
#pragma once
#include <stdbool.h>
#include <stddef.h>

// The size of the HTTP answer that begins at `from`, 0 if it has not arrived whole. It needs a Content-Length.
size_t answer_size(const char *from, const char *to);

// Whether an answer is a success (2xx); shows the first that is not.
bool answer_succeeded(const char *from, const char *to);
