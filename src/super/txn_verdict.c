/* txn_verdict.c - operations on a container: how the end of each kind is recognised from the unit it is about. */
#include "hooks.h"
#include "pre_start.h"
#include "roll.h"

#include <string.h>

#include "../util/clock.h"
#include "../util/mem.h"

static int failed(const struct unit *u, struct err *err)
{
	if (u->fail.kind)
		return err_copy(err, &u->fail);
	return err_set(err, ERR_FAIL, "%s", u->rec.error ? u->rec.error : "it failed");
}

static int exited(const struct unit *u, struct err *err)
{
	return err_set(err, ERR_FAIL, "container '%s' exited (%d)", u->rec.name, u->rec.exit_code);
}

static int verdict_start(struct txn *t, size_t i, const struct unit *u, struct err *err)
{
	bool ran = u->rec.started_mono >= t->began_ns[i];
	int hooks = hooks_started(u, NULL);

	if (hooks < 0 && (ran || u->state == U_RUNNING))
		return hooks_started(u, err);
	switch (u->state) {
	case U_RUNNING:
		return hooks == 0;
	case U_FAILED:
		return failed(u, err);
	case U_DELETING:
	case U_EXITED:
	case U_BACKOFF:
	case U_WAITING:
		return ran;
	case U_STOPPED:
		return ran ? 1 : exited(u, err);
	default:
		return 0;
	}
}

/* A program that cannot do with its settings or its neighbours ends within that, as a rule; docker compose looks first then. */
enum { WAIT_SETTLE_MS = 500 };

int64_t op_settles_ms(const struct unit *u)
{
	int64_t left_ns = u->rec.started_mono + WAIT_SETTLE_MS * MS_NS - clock_mono_ns();

	return left_ns > 0 && !u->rec.restarts ? (left_ns + MS_NS - 1) / MS_NS : 0;
}

/* Its policy would bring back for ever what will never be healthy. It may have ended for want of something that comes up beside it, so this
 * takes its time: by the usual pauses it is seen after 25 s. */
enum { LOOPS_MIN = 5, LOOPS_MS = 20000 };

static bool keeps_ending(const struct unit *u, int64_t waited_ms)
{
	int64_t patience_ms = u->have_launch ? u->launch.health_start_period_ms : 0;

	return u->state == U_BACKOFF && u->rec.restarts >= LOOPS_MIN && waited_ms >= (patience_ms > LOOPS_MS ? patience_ms : LOOPS_MS);
}

static int verdict_healthy(const struct unit *u, bool asked, int64_t waited_ms, struct err *err)
{
	const char *h = u->rec.health;
	bool checked = u->have_launch && u->launch.health;

	if (u->state == U_FAILED)
		return failed(u, err);
	if (keeps_ending(u, waited_ms)) {
		err_set(err, ERR_FAIL, "container '%s' ends again and again: exited (%d), brought back %u times", u->rec.name, u->rec.exit_code,
			u->rec.restarts);
		return err_hint(err, "see 'davit logs %s'", u->rec.service);
	}
	if (asked && !checked && u->state == U_STOPPED && u->rec.exit_code == 0)
		return 1;
	if (u->state == U_STOPPED || u->state == U_ABSENT)
		return exited(u, err);
	if (u->state != U_RUNNING)
		return 0;
	if (asked && !checked)
		return !u->rec.hooking && op_settles_ms(u) == 0;
	if (!checked) {
		err_set(err, ERR_INPUT, "container '%s' has no health check", u->rec.name);
		return err_hint(err, "give service '%s' a healthcheck, or depend on 'service_started'", u->rec.service);
	}
	if (h && STREQ(h, "unhealthy")) {
		err_set(err, ERR_FAIL, "container '%s' is unhealthy%s%s", u->rec.name,
			u->rec.health_said ? "; its check says: " : "", u->rec.health_said ? u->rec.health_said : "");
		return err_hint(err, "see 'davit logs %s'", u->rec.service);
	}
	return h && STREQ(h, "healthy");
}

static int verdict_completed(const struct unit *u, struct err *err)
{
	if (u->state == U_FAILED)
		return failed(u, err);
	if (u->rec.init_of)
		return pre_start_verdict(u, err);
	if (u->state != U_STOPPED)
		return 0;
	if (u->rec.exit_code == 0)
		return 1;
	err_set(err, ERR_FAIL, "service '%s' didn't complete successfully: exit %d", u->rec.service, u->rec.exit_code);
	return err_hint(err, "see 'davit logs %s'", u->rec.service);
}

static int verdict_stop(const struct unit *u, struct err *err)
{
	if (unit_is_undying(u))
		return unit_undying(u, err);
	return u->state == U_STOPPED || u->state == U_ABSENT || u->state == U_FAILED || u->state == U_PREPARED;
}

int op_verdict(struct txn *t, size_t i, struct unit *u, struct err *err)
{
	switch (t->plan.ops[i].kind) {
	case OP_PREPARE:
		if (u->state == U_FAILED)
			return failed(u, err);
		if (unit_is_undying(u))
			return unit_undying(u, err);
		return u->state == U_PREPARED || u->state == U_CREATED || op_runs(u);
	case OP_CREATE:
		if (u->state == U_FAILED)
			return failed(u, err);
		return u->state == U_CREATED || op_runs(u);
	case OP_START:
		return verdict_start(t, i, u, err);
	case OP_HEALTHY:
		return verdict_healthy(u, t->plan.ops[i].asked, (clock_mono_ns() - t->began_ns[i]) / MS_NS, err);
	case OP_COMPLETED:
		return verdict_completed(u, err);
	case OP_STOP:
		return verdict_stop(u, err);
	case OP_PARK:
	case OP_REMOVE:
		if (u->state == U_FAILED && !(u->queued & (1u << E_WANT)))
			return failed(u, err);
		return u->state == U_ABSENT;
	default:
		return roll_verdict(t, i, u, err);
	}
}
