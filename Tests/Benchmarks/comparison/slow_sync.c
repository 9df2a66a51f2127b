// Preloaded into a program, this makes its disk a slow one: every fsync and fdatasync takes SLOW_SYNC_US microseconds
// longer, as on a disk that turns or a volume over the network. They are counted in the file that SYNC_COUNT names, as
// two numbers of 8 bytes: those of SQLite's write-ahead logs (…-wal), and those of all other files.
// Built with: gcc -O2 -shared -fPIC -o slow_sync.so slow_sync.c
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef int sync_call(int);

static sync_call *real_fsync, *real_fdatasync;
static _Atomic uint64_t unseen[2], *counts = unseen;
static struct timespec delay;

static uint64_t delay_us(void) {
  const char *words = getenv("SLOW_SYNC_US");
  return words ? strtoull(words, NULL, 10) : 0;
}

__attribute__((constructor)) static void prepare(void) {
  real_fsync = (sync_call *)dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = (sync_call *)dlsym(RTLD_NEXT, "fdatasync");
  delay = (struct timespec){.tv_sec = delay_us() / 1000000, .tv_nsec = delay_us() % 1000000 * 1000};
  const char *path = getenv("SYNC_COUNT");
  int file = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (file < 0) return;
  if (!ftruncate(file, sizeof unseen)) {
    void *shared = mmap(NULL, sizeof unseen, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared != MAP_FAILED) counts = shared;
  }
  close(file);
}

static int is_log(int file) {
  char link[32], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t size = readlink(link, path, sizeof path);
  return size > 4 && !memcmp(path + size - 4, "-wal", 4);
}

static int slowly(sync_call *call, int file) {
  atomic_fetch_add(&counts[!is_log(file)], 1);
  struct timespec left = delay;
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) continue;
  return call(file);
}

int fsync(int file) { return slowly(real_fsync, file); }
int fdatasync(int file) { return slowly(real_fdatasync, file); }
