#include "measures.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

// MARK: - Time

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t timeval_ns(struct timeval t) { return t.tv_sec * 1000000000ull + t.tv_usec * 1000ull; }

uint64_t own_cpu_ns(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
}

// MARK: - Other processes

struct processes processes_named(const char *list) {
  struct processes found = {0};
  const int most = sizeof found.ids / sizeof *found.ids;
  while (*list) {
    char *end;
    int id = strtol(list, &end, 10);
    if (end == list || (*end && *end != ',') || found.count == most) {
      fprintf(stderr, "fanclient: -S takes up to %d process ids separated by commas, not '%s'\n", most, list);
      exit(2);
    }
    found.ids[found.count++] = id;
    list = *end ? end + 1 : end;
  }
  return found;
}

// schedstat's first number is nanoseconds on the processor; /proc/…/stat would only have ticks of 10 ms.
static uint64_t process_cpu_ns(int id) {
  char path[300];
  snprintf(path, sizeof path, "/proc/%d/task", id);
  DIR *tasks = opendir(path);
  if (!tasks) return 0;
  uint64_t sum = 0;
  for (struct dirent *task; (task = readdir(tasks));) {
    if (task->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", id, task->d_name);
    FILE *file = fopen(path, "r");
    if (!file) continue;
    unsigned long long ns;
    if (fscanf(file, "%llu", &ns) == 1) sum += ns;
    fclose(file);
  }
  closedir(tasks);
  return sum;
}

uint64_t cpu_ns(const struct processes *processes) {
  uint64_t sum = 0;
  for (int i = 0; i < processes->count; i++) sum += process_cpu_ns(processes->ids[i]);
  return sum;
}

long resident_kib(const struct processes *processes) {
  long pages = 0;
  for (int i = 0; i < processes->count; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", processes->ids[i]);
    FILE *file = fopen(path, "r");
    if (!file) continue;
    long size, resident;
    if (fscanf(file, "%ld %ld", &size, &resident) == 2) pages += resident;
    fclose(file);
  }
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

long available_kib(void) {
  FILE *file = fopen("/proc/meminfo", "r");
  if (!file) return 0;
  char line[128];
  long kib = 0;
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "MemAvailable: %ld", &kib) == 1) break;
  fclose(file);
  return kib;
}

// MARK: - Latencies

enum { buckets = 8192 };
static uint64_t histogram[buckets], recorded, longest_us;

static unsigned bucket_of(uint64_t us) {
  if (us < 64) return us;
  int exponent = 63 - __builtin_clzll(us);
  return 64 + (exponent - 6) * 32 + ((us >> (exponent - 5)) & 31);
}

// The lower edge of a bucket.
static uint64_t bucket_us(unsigned bucket) {
  if (bucket < 64) return bucket;
  unsigned exponent = (bucket - 64) / 32 + 6;
  return (32ull + (bucket - 64) % 32) << (exponent - 5);
}

void latency_record(uint64_t ns) {
  uint64_t us = ns / 1000;
  histogram[bucket_of(us)]++;
  recorded++;
  if (us > longest_us) longest_us = us;
}

uint64_t latency_count(void) { return recorded; }

uint64_t latency_percentile_us(double share) {
  uint64_t target = recorded * share, passed = 0;
  for (unsigned i = 0; i < buckets; i++) {
    passed += histogram[i];
    if (passed > target) return bucket_us(i);
  }
  return longest_us;
}

uint64_t latency_max_us(void) { return longest_us; }
