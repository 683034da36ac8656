#include "debounce.h"

enum { MS = 1000000 };

void debounce_event(struct debounce *d, int64_t now_ns)
{
	d->last_ns = now_ns;
	if (!d->first_ns)
		d->first_ns = now_ns;
}

int debounce_wait_ms(const struct debounce *d, int64_t now_ns)
{
	int64_t quiet = d->last_ns + (int64_t)QUIET_MS * MS, most = d->first_ns + (int64_t)BURST_MAX_MS * MS;
	int64_t end = quiet < most ? quiet : most;

	if (!d->first_ns)
		return -1;
	return now_ns >= end ? 0 : (int)((end - now_ns + MS - 1) / MS);
}
