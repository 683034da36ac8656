/* debounce.h - when a burst of changes is over. Pure; times are monotonic nanoseconds. */
#pragma once

#include <stdint.h>

enum { QUIET_MS = 200, BURST_MAX_MS = 10000 };
struct debounce {
	int64_t first_ns, last_ns;   /* of this burst; 0: there is none */
};
void debounce_event(struct debounce *d, int64_t now_ns);
/* Milliseconds until the burst is to be acted on: when it was quiet for QUIET_MS, or after BURST_MAX_MS of noise. 0: now; -1: there is none. */
int debounce_wait_ms(const struct debounce *d, int64_t now_ns);
