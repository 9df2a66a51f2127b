// What is measured besides messages: time, processor time, memory, and how latencies are spread.
#pragma once
#include <stdint.h>

// The server's processes; all their threads count.
struct processes {
  int count;
  int ids[16];
};

// "12,13,14" to processes.
struct processes processes_named(const char *list);

// Nanoseconds of CLOCK_MONOTONIC, which is one clock for every process of a machine.
uint64_t now_ns(void);

// Nanoseconds of processor time, user and kernel: of this process, and of others as the scheduler counts them.
uint64_t own_cpu_ns(void);
uint64_t cpu_ns(const struct processes *processes);

// KiB of resident memory of these processes, and of memory that the whole machine still has.
long resident_kib(const struct processes *processes);
long available_kib(void);

// Latencies: one histogram for the run, 32 steps per power of two (3 % wide), in microseconds.
void latency_record(uint64_t ns);
uint64_t latency_count(void);
uint64_t latency_percentile_us(double share);
uint64_t latency_max_us(void);
