/* rate.h - how fast something goes of late, and how long the rest will take. Pure. All zero at first. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../util/buf.h"

enum { RATE_POINTS = 16, RATE_WINDOW_MS = 5000 };

struct rate {
	struct { int64_t ns; uint64_t bytes; } at[RATE_POINTS];  /* the last ones, oldest first */
	unsigned n;
};

/* So many bytes have come by now_ns (monotonic). Fewer than before (something began anew): what was measured is forgotten. */
void rate_add(struct rate *r, int64_t now_ns, uint64_t bytes);
/* Bytes a second over the last seconds; 0: nothing came, or it is too early to say. */
double rate_per_s(const struct rate *r, int64_t now_ns);
/* Seconds that the rest will take at that rate; -1: it cannot be said. */
int64_t rate_left_s(const struct rate *r, int64_t now_ns, uint64_t rest);
/* "12.3MB/45.6MB  8.1MB/s  4s left"; the rate and what follows only where they are known. */
void rate_format(const struct rate *r, int64_t now_ns, uint64_t bytes, uint64_t size, struct buf *out);
