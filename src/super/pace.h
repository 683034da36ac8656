/* pace.h - how long the pieces of a stream may gather before they are taken: to be woken for each costs more than the piece, and who takes
 * them one by one stands in the way of the writer, as both need the pipe's lock. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A pause is as long as PACE_AIM bytes take to come: a quarter of a pipe, so that nobody waits for room. */
enum { PACE_AIM = 256 << 10, PACE_LEAST_NS = 100 * 1000, PACE_MOST_NS = 1000 * 1000 };

struct pace {                            /* all 0: nothing is known of the stream yet */
	int64_t woke_mono;               /* when something was taken last */
	unsigned quick;                  /* times in a row that it was little, and soon after the time before */
	int64_t since_mono;              /* what the next two are about */
	uint64_t sum;
};

/* `bytes` were taken at `now_mono` (ns). Returns for how many ns the next ones may gather; 0: take them when they come. */
int64_t pace_pause(struct pace *p, size_t bytes, int64_t now_mono);
