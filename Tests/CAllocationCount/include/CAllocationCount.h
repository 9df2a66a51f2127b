#pragma once

// How many allocations the calling thread has made since it began; -1 where they cannot be counted, because a
// sanitizer has taken the allocator's place.
long allocation_count(void);
