#include "CRedisScripts.h"

// #embed is from C23. Clang supports it in every version of C since LLVM 19, with a warning. Clang also lists embedded
// files in the dependency file, so that a change of one of them compiles this file again.
#pragma clang diagnostic ignored "-Wc23-extensions"

#define EMBEDDED(name) \
  sluice_redis_script sluice_##name(void) { return (sluice_redis_script){name, sizeof name}; }

static const unsigned char publish_lua[] = {
#embed "../Scripts/publish.lua"
};
EMBEDDED(publish_lua)

static const unsigned char open_lua[] = {
#embed "../Scripts/open.lua"
};
EMBEDDED(open_lua)

static const unsigned char history_lua[] = {
#embed "../Scripts/history.lua"
};
EMBEDDED(history_lua)

static const unsigned char erase_lua[] = {
#embed "../Scripts/erase.lua"
};
EMBEDDED(erase_lua)
