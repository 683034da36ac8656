/* ending.c - what follows a container's end: it comes back after a pause, or it stays down.
 *
 * rec.restarting is the decision, made when the end is learned of, and on disk with the first transition after it: so that neither a
 * supervisor that comes next nor anybody who looks takes a container for ended that is about to come back. It holds until the container
 * runs again, through preparation and creation: whatever fails there counts as an end, too, and the policy is asked again. */
#include "pre_start.h"
#include "run.h"

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/log.h"
#include "../util/mem.h"

const struct restart_policy *unit_policy(const struct unit *u)
{
	const struct service *svc = u->s->model && !u->rec.init_of && !u->rec.run ? project_service(u->s->model, u->rec.service) : NULL;

	return svc ? &svc->restart : &u->launch.restart;
}

static int64_t ran_ms(const struct unit *u)
{
	return u->rec.started_mono ? (clock_mono_ns() - u->rec.started_mono) / MS_NS : 0;
}

static bool comes_back(struct unit *u)
{
	if (u->want == W_AGAIN) {
		restart_pause(unit_policy(u), &u->rec, ran_ms(u));
		return true;
	}
	return u->want == W_RUNNING && u->have_launch &&
	       restart_decide(unit_policy(u), &u->rec, ran_ms(u), u->stop_asked) == RESTART_AFTER;
}

/* While `start` is in flight the end is only noted: it counts once start has said that the container began (act_running). Who comes
 * second with the news tells nothing new: an end is counted once. */
void unit_ended(struct unit *u, int status, int64_t at_ns)
{
	if (u->queued & (1u << E_EXIT))
		return;
	pre_start_ended(u, status);
	u->rec.exit_code = status;
	u->rec.finished_ns = at_ns;
	u->rec.oom = (u->state == U_RUNNING || u->state == U_STOPPING) && oom_ended(u, status);
	u->rec.restarting = (u->state == U_RUNNING || u->state == U_STOPPING) && comes_back(u);
	super_post(u, E_EXIT);
}

/* The one place that decides what follows an exit. */
void act_after_exit(struct unit *u)
{
	unit_event_rests(u);
	if (u->fail.kind && !u->rec.restarting && u->want != W_AGAIN) {
		super_post(u, E_FAIL);
		return;
	}
	if (u->fail.kind) {              /* the supervisor's own attempt to start it again failed: that counts as an end, too */
		free(u->rec.error);
		u->rec.error = xstrdup(err_msg(&u->fail));
		u->rec.exit_code = err_exit_status(&u->fail);
		log_error("%s: %s", u->rec.slot, u->rec.error);
		err_done(&u->fail);
		u->rec.started_mono = 0;
		u->rec.restarting = comes_back(u);
	}
	if (u->want == W_RUNNING && !u->rec.restarting)
		u->want = W_NOTHING;
	super_post(u, E_WANT);
	if (u->want == W_NOTHING || u->want == W_STOPPED)
		run_settle(u);
}

void act_backoff(struct unit *u)
{
	u->want = W_RUNNING;
	u->rec.restarting = true;
	u->rec.restarts += !u->counted;
	u->counted = false;
	unit_due(u, u->rec.backoff_ms);
	unit_save(u);
	unit_event_backoff(u);
}

void unit_restart_now(struct unit *u, const char *why)
{
	auto_free char *cause = xasprintf("restarted: %s", why);

	if (u->state != U_RUNNING || u->want != W_RUNNING || u->stop_asked)
		return;
	unit_cause(u, cause);
	log_info("%s: is restarted: %s", u->rec.slot, why);
	unit_want(u, W_AGAIN);
}
