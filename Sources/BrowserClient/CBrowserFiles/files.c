#include "CBrowserFiles.h"

// #embed is from C23. Clang supports it in every version of C since LLVM 19, with a warning. Clang also lists embedded
// files in the dependency file, so that a change of one of them compiles this file again.
#pragma clang diagnostic ignored "-Wc23-extensions"

#define EMBEDDED(name) \
  sluice_browser_file sluice_##name(void) { return (sluice_browser_file){name, sizeof name}; }

static const unsigned char client_js[] = {
#embed "../Client/client.js"
};
EMBEDDED(client_js)

static const unsigned char client_d_ts[] = {
#embed "../Client/client.d.ts"
};
EMBEDDED(client_d_ts)

static const unsigned char console_html[] = {
#embed "../Console/console.html"
};
EMBEDDED(console_html)

static const unsigned char console_css[] = {
#embed "../Console/console.css"
};
EMBEDDED(console_css)

static const unsigned char console_js[] = {
#embed "../Console/console.js"
};
EMBEDDED(console_js)

static const unsigned char demo_html[] = {
#embed "../Demo/demo.html"
};
EMBEDDED(demo_html)

static const unsigned char demo_css[] = {
#embed "../Demo/demo.css"
};
EMBEDDED(demo_css)

static const unsigned char demo_js[] = {
#embed "../Demo/demo.js"
};
EMBEDDED(demo_js)
