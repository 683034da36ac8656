/* timer.c - see sup.h. */
#include "sup.h"

void timer_arm(struct event *ev, int64_t ms)
{
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(ev, &tv);
}
