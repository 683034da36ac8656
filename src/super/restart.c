/* restart.c - Docker's restart policies: the pause starts at 100 ms, doubles up to 60 s, and starts over after 10 s of running. */
#include "sup.h"

#include "../util/clock.h"

enum { PAUSE_MIN_MS = 100, PAUSE_MAX_MS = 60000, RAN_WELL_MS = 10000 };

static bool policy_wants(const struct restart_policy *p, const struct unit_rec *r)
{
	switch (p->kind) {
	case RESTART_NO:
		return false;
	case RESTART_ALWAYS:
	case RESTART_UNLESS_STOPPED:
		return true;
	case RESTART_ON_FAILURE:
		return r->exit_code != 0 && (p->max_attempts <= 0 || r->restarts < p->max_attempts);
	}
	return false;
}

enum restart_verdict restart_decide(const struct launch *l, const struct unit_rec *r, int64_t ran_ms, bool asked,
				    int64_t *backoff_ms)
{
	if (asked || r->manual_stop || !policy_wants(&l->restart, r))
		return RESTART_STAY;
	if (l->restart.delay_ns >= 0)
		*backoff_ms = l->restart.delay_ns / MS_NS;
	else if (ran_ms >= RAN_WELL_MS || *backoff_ms < PAUSE_MIN_MS)
		*backoff_ms = PAUSE_MIN_MS;
	else
		*backoff_ms = *backoff_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : *backoff_ms * 2;
	return RESTART_AFTER;
}
