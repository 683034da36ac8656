/* restart.c - Docker's restart policies, and those of deploy.restart_policy.
 *
 * The pause starts at 100 ms, doubles up to 60 s, and starts over after 10 s of running; `delay` takes its place. on-failure:N and
 * max_attempts count restarts since somebody last started the container by hand; running well does not start that count over (Docker's
 * does not either), but a run longer than `window` does. */
#include "sup.h"

#include "../util/clock.h"

enum { PAUSE_MIN_MS = 100, PAUSE_MAX_MS = 60000, RAN_WELL_MS = 10000 };

static bool attempts_left(const struct restart_policy *p, const struct unit_rec *r)
{
	return p->max_attempts <= 0 || r->attempts < p->max_attempts;
}

static bool policy_wants(const struct restart_policy *p, const struct unit_rec *r)
{
	switch (p->kind) {
	case RESTART_NO:
		return false;
	case RESTART_ALWAYS:
	case RESTART_UNLESS_STOPPED:
		return attempts_left(p, r);
	case RESTART_ON_FAILURE:
		return r->exit_code != 0 && attempts_left(p, r);
	}
	return false;
}

void restart_pause(const struct restart_policy *p, struct unit_rec *r, int64_t ran_ms)
{
	if (p->delay_ns >= 0)
		r->backoff_ms = p->delay_ns / MS_NS;
	else if (ran_ms >= RAN_WELL_MS || r->backoff_ms < PAUSE_MIN_MS)
		r->backoff_ms = PAUSE_MIN_MS;
	else
		r->backoff_ms = r->backoff_ms > PAUSE_MAX_MS / 2 ? PAUSE_MAX_MS : r->backoff_ms * 2;
}

enum restart_verdict restart_decide(const struct restart_policy *p, struct unit_rec *r, int64_t ran_ms, bool asked)
{
	if (p->window_ns > 0 && ran_ms >= p->window_ns / MS_NS)
		r->attempts = 0;
	if (asked || r->manual_stop || !policy_wants(p, r))
		return RESTART_STAY;
	r->attempts++;
	restart_pause(p, r, ran_ms);
	return RESTART_AFTER;
}

bool restart_at_boot(const struct restart_policy *p, const struct unit_rec *r, bool ran)
{
	bool again = ran || r->restarting;

	switch (p->kind) {
	case RESTART_NO:
		return false;
	case RESTART_ALWAYS:
		return again || (r->started_ns && attempts_left(p, r));
	case RESTART_UNLESS_STOPPED:
		return !r->manual_stop && (again || (r->started_ns && attempts_left(p, r)));
	case RESTART_ON_FAILURE:
		return !r->manual_stop && again;
	}
	return false;
}
