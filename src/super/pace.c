/* pace.c - see pace.h. */
#include "pace.h"

#include <stdbool.h>

#include "../util/clock.h"

enum { QUICK_MS = 5, MANY = 16, SMALL = 64 << 10, FULL = 1 << 20 };

int64_t pace_pause(struct pace *p, size_t bytes, int64_t now_mono)
{
	bool gathers = p->quick == MANY;
	bool quick = bytes && now_mono - p->woke_mono < QUICK_MS * MS_NS && bytes < (gathers ? FULL : SMALL);
	int64_t pause;

	p->woke_mono = now_mono;
	if (!quick)
		*p = (struct pace){ .woke_mono = now_mono, .since_mono = now_mono };
	else
		p->sum += bytes;
	if (!quick || (!gathers && ++p->quick < MANY))
		return 0;
	pause = (int64_t)(PACE_AIM * (uint64_t)(now_mono - p->since_mono) / p->sum);
	p->since_mono = now_mono;
	p->sum = 0;
	return pause < PACE_LEAST_NS ? PACE_LEAST_NS : pause > PACE_MOST_NS ? PACE_MOST_NS : pause;
}
