#pragma once
#include <stddef.h>

/// The bytes of a script that the compiler embedded. They live as long as the process and do not end with a NUL.
typedef struct {
  const unsigned char *bytes;
  size_t count;
} sluice_redis_script;

sluice_redis_script sluice_publish_lua(void);
sluice_redis_script sluice_open_lua(void);
sluice_redis_script sluice_history_lua(void);
sluice_redis_script sluice_erase_lua(void);
