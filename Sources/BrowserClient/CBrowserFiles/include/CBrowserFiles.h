#pragma once
#include <stddef.h>

/// The bytes of a file that the compiler embedded. They live as long as the process and do not end with a NUL.
typedef struct {
  const unsigned char *bytes;
  size_t count;
} sluice_browser_file;

sluice_browser_file sluice_client_js(void);
sluice_browser_file sluice_client_d_ts(void);
sluice_browser_file sluice_console_html(void);
sluice_browser_file sluice_console_css(void);
sluice_browser_file sluice_console_js(void);
sluice_browser_file sluice_demo_html(void);
sluice_browser_file sluice_demo_css(void);
sluice_browser_file sluice_demo_js(void);
