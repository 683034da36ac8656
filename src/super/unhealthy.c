/* unhealthy.c - x-davit.on_unhealthy: a restart, at most HEALTH_RESTARTS in ten minutes and after the pauses of the restart policy; or a
 * stop, which lasts until somebody starts it. While a restart is held back each further failure asks again. */
#include "health.h"

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/log.h"
#include "../util/mem.h"

#define CAUSE "stopped: it is unhealthy"

static void restart(struct health *h)
{
	struct unit *u = h->u;

	if (health_may_restart(u->rec.health_restarts, &u->rec.n_health_restarts, clock_mono_ns())) {
		unit_save(u);
		unit_restart_now(u, "it is unhealthy");
		return;
	}
	if (!h->held_back) {
		auto_free char *msg = xasprintf("'%s' is unhealthy again, after %d restarts within ten minutes: it is left alone for a while",
						u->rec.name, HEALTH_RESTARTS);
		publish_warn(u->s, NULL, u->rec.service, msg);
	}
	h->held_back = true;
}

static void stop(struct unit *u)
{
	log_info("%s: is stopped: it is unhealthy", u->rec.slot);
	u->rec.manual_stop = true;
	unit_cause(u, CAUSE);
	unit_save(u);
	u->grace_ms = -1;
	unit_want(u, W_STOPPED);
}

void unhealthy_resume(struct unit *u)
{
	if (str_eq(u->rec.cause, CAUSE))
		stop(u);
}

void unhealthy_act(struct health *h)
{
	struct unit *u = h->u;

	if (u->state != U_RUNNING || u->want != W_RUNNING)
		return;
	if (u->launch.on_unhealthy == UNHEALTHY_RESTART)
		restart(h);
	else if (u->launch.on_unhealthy == UNHEALTHY_STOP)
		stop(u);
}
