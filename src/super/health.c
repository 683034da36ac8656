/* health.c - health checks: a second, small machine beside the unit's.
 *
 * Docker probes for the first time after a whole interval. Here the first probe comes at once and, while it fails, again after a doubling
 * pause, so that who waits for health waits for the service and not for a clock; only from the first interval on, and not within
 * start_period, do failures count. From then on interval, timeout and retries mean what they mean in Docker. */
#include "exec_in.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/clock.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"

enum { QUICK_FIRST_MS = 20, QUICK_MAX_MS = 1000, OUTPUT_MAX = 200 };

struct health {
	struct unit *u;
	struct event *timer, *call_ev, *deadline;
	struct child call;
	bool probing;
	int output;                      /* memfd of the probe in flight, -1 */
	unsigned fails;
	bool passed;                     /* at least once since the start */
	int64_t begin_mono, quick_ms;
};

static void probe(evutil_socket_t fd, short what, void *arg);

static void arm(struct event *ev, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(ev, &tv);
}

static int64_t age_ms(const struct health *h)
{
	return (clock_mono_ns() - h->begin_mono) / MS_NS;
}

static bool in_grace(const struct health *h)
{
	const struct launch *l = &h->u->launch;
	int64_t age = age_ms(h);

	return !h->passed && (age < l->health_start_period_ms || age < l->health_interval_ms);
}

static int64_t next_pause(struct health *h)
{
	const struct launch *l = &h->u->launch;
	int64_t pause;

	if (h->passed || !in_grace(h))
		return l->health_interval_ms;
	pause = h->quick_ms;
	h->quick_ms = h->quick_ms * 2 > QUICK_MAX_MS ? QUICK_MAX_MS : h->quick_ms * 2;
	if (age_ms(h) >= l->health_interval_ms)      /* the rest of start_period */
		pause = l->health_start_interval_ms;
	return pause;
}

static void set_health(struct unit *u, const char *state)
{
	if (u->rec.health && STREQ(u->rec.health, state))
		return;
	free(u->rec.health);
	u->rec.health = xstrdup(state);
	unit_save(u);
	unit_event(u, EV_HEALTH, clock_wall_ns(), state, NULL);
	txn_on_unit(u->s, u);
}

/* The first line of what the probe printed, for whoever waits in vain. */
static void note_output(struct health *h)
{
	char text[OUTPUT_MAX + 1];
	ssize_t n = h->output >= 0 ? pread(h->output, text, OUTPUT_MAX, 0) : 0;

	if (n <= 0)
		return;
	text[n] = 0;
	text[strcspn(text, "\r\n")] = 0;
	if (str_eq(h->u->health_said, text))
		return;
	free(h->u->health_said);
	h->u->health_said = xstrdup(text);
	log_info("%s: health check said: %s", h->u->rec.slot, text);
}

static void judge(struct health *h, bool ok)
{
	struct unit *u = h->u;

	if (ok) {
		h->fails = 0;
		h->passed = true;
		set_health(u, "healthy");
		return;
	}
	note_output(h);
	if (in_grace(h))
		return;
	if (++h->fails >= u->launch.health_retries)
		set_health(u, "unhealthy");
}

static void probe_over(struct health *h)
{
	h->probing = false;
	if (h->call_ev)
		event_free(take(h->call_ev));
	evtimer_del(h->deadline);
	if (h->output >= 0)
		close(take_fd(&h->output));
}

static void on_probe_end(evutil_socket_t fd, short what, void *arg)
{
	struct health *h = arg;
	int status, r = proc_reap(&h->call, &status);

	if (r == 0) {
		event_add(h->call_ev, NULL);
		return;
	}
	close(take_fd(&h->call.pidfd));
	judge(h, r > 0 && status == 0);
	probe_over(h);
	arm(h->timer, next_pause(h));
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct health *h = arg;

	log_info("%s: health check took more than %lld ms", h->u->rec.slot,
		 (long long)h->u->launch.health_timeout_ms);
	exec_in_kill(h->u, "probe");
	super_let_go(h->u->s, &h->call);
	judge(h, false);
	probe_over(h);
	arm(h->timer, next_pause(h));
}

static int start_probe(struct health *h, struct err *err)
{
	h->output = memfd_create("probe", MFD_CLOEXEC);
	return exec_in_start(h->u, "probe", "health.json", (const int[3]){ -1, h->output, h->output }, &h->call, err);
}

static void probe(evutil_socket_t fd, short what, void *arg)
{
	struct health *h = arg;
	auto_err struct err err = ERR_INIT;

	if (h->probing)
		return;
	if (start_probe(h, &err) < 0) {
		log_warn("%s: health check: %s", h->u->rec.slot, err_msg(&err));
		judge(h, false);
		if (h->output >= 0)
			close(take_fd(&h->output));
		arm(h->timer, next_pause(h));
		return;
	}
	h->probing = true;
	h->call_ev = event_new(h->u->s->base, h->call.pidfd, EV_READ, on_probe_end, h);
	event_add(h->call_ev, NULL);
	arm(h->deadline, h->u->launch.health_timeout_ms);
}

/* keep: what is known of its health survives a restart of the supervisor. */
void health_start(struct unit *u)
{
	struct health *h;
	bool known = u->s->adopting && u->rec.health && !STREQ(u->rec.health, "starting");

	health_stop(u);
	if (!u->launch.health) {
		free(u->rec.health);
		u->rec.health = NULL;
		return;
	}
	h = u->health = xcalloc(1, sizeof *h);
	h->u = u;
	h->output = -1;
	h->call.pidfd = -1;
	h->quick_ms = QUICK_FIRST_MS;
	h->begin_mono = clock_mono_ns();
	h->passed = known;
	h->fails = known && STREQ(u->rec.health, "unhealthy") ? (unsigned)u->launch.health_retries : 0;
	h->timer = evtimer_new(u->s->base, probe, h);
	h->deadline = evtimer_new(u->s->base, on_deadline, h);
	if (!known) {
		free(u->rec.health);
		u->rec.health = xstrdup("starting");
	}
	arm(h->timer, 0);
}

void health_stop(struct unit *u)
{
	struct health *h = u->health;

	if (!h)
		return;
	u->health = NULL;
	if (h->probing) {
		exec_in_kill(u, "probe");
		super_let_go(u->s, &h->call);
		probe_over(h);
	}
	event_free(h->timer);
	event_free(h->deadline);
	free(h);
}
