/* health_rules.c - what a probe's result means, when to look again, how often the unhealthy are restarted.
 *
 * Docker probes for the first time after a whole interval, and after start_interval within start_period. Here the first probe comes at once
 * and, while it fails, again after a doubling pause, so that who waits for health waits for the service and not for a clock: 20 ms, up to
 * 1 s or a tenth of the container's age, but never longer than the probe itself took, which halves what it can cost. Only from the first
 * interval on, and not within start_period, do failures count, as in Docker, where nobody looks before. From then on interval, timeout and
 * retries mean what they mean in Docker. */
#include "health.h"

#include "../util/clock.h"

enum { QUICK_FIRST_MS = 20, QUICK_MAX_MS = 1000, BEAT_US = 100000, RESTARTS_WINDOW_S = 600 };

const char *const health_words[HEALTH_NSTATES] = {
	[HEALTH_STARTING] = "starting", [HEALTH_HEALTHY] = "healthy", [HEALTH_UNHEALTHY] = "unhealthy",
};

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static bool in_grace(const struct health_rules *r, const struct health_state *st, int64_t age_ms)
{
	return st->is == HEALTH_STARTING && (age_ms < r->start_period_ms || age_ms < r->interval_ms);
}

void health_judge(const struct health_rules *r, struct health_state *st, int64_t age_ms, bool ok)
{
	if (ok) {
		st->is = HEALTH_HEALTHY;
		st->fails = 0;
		return;
	}
	if (in_grace(r, st, age_ms))
		return;
	if (st->fails < UINT32_MAX)
		st->fails++;
	if (st->fails >= r->retries)
		st->is = HEALTH_UNHEALTHY;
}

int64_t health_pause(const struct health_rules *r, struct health_state *st, int64_t age_ms, int64_t took_ms)
{
	int64_t pause;

	if (!in_grace(r, st, age_ms))
		return r->interval_ms;
	if (age_ms >= r->interval_ms)    /* the rest of start_period */
		return least(r->start_interval_ms, r->interval_ms);
	st->quick_ms = st->quick_ms ? least(st->quick_ms * 2, most(QUICK_MAX_MS, age_ms / 10)) : QUICK_FIRST_MS;
	pause = most(st->quick_ms, took_ms);
	return least(pause, r->interval_ms - age_ms);
}

int64_t health_together(int64_t pause_us, int64_t now_us)
{
	int64_t beat = pause_us <= BEAT_US ? pause_us : least(pause_us / 10, BEAT_US);
	int64_t due;

	if (beat <= 1)
		return pause_us;
	due = (now_us + pause_us + beat / 2) / beat * beat;
	return most(due - now_us, 1);
}

/* Monotonic times of an earlier boot lie in the future, or long ago. */
bool health_may_restart(int64_t *times, size_t *n, int64_t now_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++)
		if (times[i] <= now_ns && now_ns - times[i] < RESTARTS_WINDOW_S * SEC_NS)
			times[kept++] = times[i];
	*n = kept;
	if (kept == HEALTH_RESTARTS)
		return false;
	times[(*n)++] = now_ns;
	return true;
}
