/* txn_op.c - operations: how each kind begins, and what is said of it. */
#include "hooks.h"
#include "park.h"
#include "pre_start.h"
#include "roll.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"

struct unit *op_subject(struct txn *t, size_t i)
{
	return unit_get(t->s, t->plan.ops[i].slot);
}

static void step(struct txn *t, const struct unit *u, const char *status, const char *text)
{
	publish_step(t->s, t->c, "container", u->rec.name, u->rec.service, status, text);
}

/* ------------------------------------------------------------------ words */

static const char *const words[OP_NKINDS][2] = {
	[OP_PREPARE] = { "Creating", NULL },
	[OP_CREATE] = { NULL, "Created" },
	[OP_START] = { "Starting", "Started" },
	[OP_HEALTHY] = { "Waiting", "Healthy" },
	[OP_COMPLETED] = { "Waiting", "Exited" },
	[OP_MONITOR] = { "Watching", NULL },
	[OP_SWITCH] = { NULL, "Switched" },
	[OP_DRAIN] = { "Draining", NULL },
	[OP_SETTLE] = { "Restoring", NULL },
	[OP_STOP] = { "Stopping", "Stopped" },
	[OP_PARK] = { "Recreate", NULL },
	[OP_REMOVE] = { "Removing", "Removed" },
	[OP_RESTORE] = { NULL, "Restored" },
};

/* What `stop`, `down` and `rm -s` are to stop is told of whatever it does, as docker compose has it; of what goes in an `up` only what ran. */
static bool is_told_stopped(const struct txn *t, const struct unit *u)
{
	bool all = t->verb == PLAN_STOP || t->verb == PLAN_DOWN || t->verb == PLAN_REMOVE;

	return all && !t->rollback && u->rec.id && !u->rec.init_of;
}

/* What was created before is started again: nothing to say about its preparation. */
void op_announce(struct txn *t, size_t i, bool begins)
{
	const struct op *op = &t->plan.ops[i];
	const char *word = words[op->kind][begins ? 0 : 1];
	struct unit *u = op->slot ? op_subject(t, i) : NULL;

	if (!word || !u || !u->rec.name)
		return;
	if ((op->kind == OP_PREPARE || op->kind == OP_CREATE) && !u->making)
		return;
	if (op->kind == OP_STOP && !begins && !u->rec.started_ns && !is_told_stopped(t, u))
		return;
	step(t, u, word, NULL);
}

/* ------------------------------------------------------------------ beginnings */

/* By the policy, while the plan was made: as good as what was planned. */
bool op_runs(const struct unit *u)
{
	return (u->state == U_RUNNING || u->state == U_STARTING) && !u->stop_asked && !u->rec.manual_stop;
}

/* The slot is not given up: addresses, log and ports stay its own. */
static bool will_be_made_again(const struct txn *t, const char *slot)
{
	return plan_has(&t->plan, OP_PREPARE, slot) || plan_has(&t->plan, OP_RESTORE, slot);
}

static void begin_prepare(struct txn *t, size_t i, struct unit *u)
{
	const struct service *svc = project_service(t->s->model, u->rec.service);

	if (!u->rec.id && svc) {
		up_new_container(t, u, svc);
		roll_new_container(t, u);
	}
	u->making = u->create_due;
	op_announce(t, i, true);
	if (op_runs(u))
		return;
	u->rec.restarting = false;       /* a beginning of its own: if it fails, it has failed */
	unit_want(u, W_PREPARED);
}

static void begin_start(struct txn *t, size_t i, struct unit *u)
{
	op_announce(t, i, true);
	u->rec.manual_stop = false;
	u->rec.restarts = u->rec.attempts = 0;
	u->rec.backoff_ms = 0;
	unit_want(u, W_RUNNING);
}

/* The host going down is not its user stopping it. */
static void note_stopper(struct txn *t, struct unit *u)
{
	if (jx_bool(t->req, "shutdown", false)) {
		boot_note(u, op_runs(u) || u->state == U_BACKOFF || u->state == U_WAITING || (u->rec.restarting && !u->stop_asked));
		return;
	}
	if (t->rollback)                 /* it goes, or rests again as whoever stopped it had left it */
		return;
	u->rec.manual_stop = (t->verb == PLAN_STOP || t->verb == PLAN_REMOVE) && !plan_rec_finished(&u->rec);
	if (u->rec.manual_stop)
		u->rec.resume = false;
}

/* An `up`, whatever command asked for it: "scale", "rollback 1". */
static void note_cause_up(const struct txn *t, struct unit *u)
{
	bool goes = plan_has(&t->plan, OP_REMOVE, u->rec.slot) || plan_has(&t->plan, OP_PARK, u->rec.slot);
	bool comes = will_be_made_again(t, u->rec.slot) || plan_has(&t->plan, OP_SETTLE, u->rec.slot);
	const char *command = jx_str(t->req, "command");
	auto_free char *text = xasprintf("%s by 'davit %s'", !goes ? "restarted" : comes ? "replaced" : "removed", command ? command : "up");

	unit_cause(u, text);
}

/* What people read when it has ended. */
static void note_cause(const struct txn *t, struct unit *u)
{
	static const char *const causes[] = {
		[PLAN_DOWN] = "removed by 'davit down'",
		[PLAN_START] = "restarted by 'davit start'", [PLAN_STOP] = "stopped by 'davit stop'",
		[PLAN_RESTART] = "restarted by 'davit restart'", [PLAN_REMOVE] = "stopped by 'davit rm'",
		[PLAN_RUN] = "removed by 'davit run'",
	};

	if (t->verb != PLAN_RESTART && !unit_has_process(u->state))
		return;
	if (jx_bool(t->req, "shutdown", false))
		unit_cause(u, "stopped because the host goes down");
	else if (t->rollback)
		unit_cause(u, "stopped because 'davit up' failed");
	else if (t->verb == PLAN_UP)
		note_cause_up(t, u);
	else
		unit_cause(u, causes[t->verb]);
}

/* So that it can be started again should the request fail. A next supervisor may find it stopped already. */
static void note_way_back(struct txn *t, struct unit *u)
{
	bool runs = op_runs(u) || u->state == U_BACKOFF || u->state == U_WAITING || (u->rec.restarting && !u->stop_asked);

	if (!t->rollback)
		u->rec.back = t->verb == PLAN_UP && (runs || u->rec.back);
}

/* It was asked to end before, with more patience. */
static void hurry(struct unit *u)
{
	if (u->state == U_STOPPING && u->grace_ms >= 0 && (u->rec.due_mono - clock_mono_ns()) / MS_NS > u->grace_ms)
		unit_due(u, u->grace_ms);
}

static void begin_stop(struct txn *t, size_t i, struct unit *u)
{
	int64_t timeout_s = jx_int(t->req, "timeout_s", -1);

	if (timeout_s > CLOCK_FAR_S)
		timeout_s = CLOCK_FAR_S;
	if (is_told_stopped(t, u) || (unit_has_process(u->state) && u->state != U_CREATED) || u->state == U_BACKOFF || u->state == U_WAITING)
		op_announce(t, i, true);
	u->grace_ms = timeout_s >= 0 ? timeout_s * 1000 : -1;
	hurry(u);
	note_way_back(t, u);
	note_stopper(t, u);
	note_cause(t, u);
	unit_save(u);                    /* what rests already makes no transition */
	unit_want(u, W_STOPPED);
}

/* It has ended; it goes out of the way, and is as good as removed. */
static void begin_park(struct txn *t, size_t i, struct unit *u)
{
	if (!u->rec.id)
		return;
	op_announce(t, i, true);
	note_cause(t, u);
	u->recreate = u->park = true;
	u->drop_volumes = false;
	unit_want(u, W_ABSENT);
}

static void begin_restore(struct txn *t, size_t i, struct unit *u)
{
	if (u->rec.parked)
		park_restore(u);
	if (!plan_has(&t->plan, OP_PREPARE, u->rec.slot))
		network_drop_ports(u);
	op_end(t, i, NULL, NULL);
}

/* `down -v` of everything tells of each volume before it goes (txn_volumes.c). */
static bool drops_volumes(const struct txn *t)
{
	if (t->verb == PLAN_DOWN && !t->services && !t->rollback)
		return false;
	return t->rollback || jx_bool(t->req, "volumes", false) || jx_bool(t->req, "renew_anon_volumes", false);
}

static void begin_remove(struct txn *t, size_t i, struct unit *u)
{
	if (!u->rec.id && u->rec.parked)  /* nothing else is there to be removed */
		park_restore(u);
	op_announce(t, i, true);
	note_cause(t, u);
	u->recreate = will_be_made_again(t, u->rec.slot);
	u->drop_volumes = drops_volumes(t);
	if (u->rec.init_of)
		pre_start_leave(u);
	unit_want(u, W_ABSENT);
}

static void look_later(struct txn *t, size_t i, const struct unit *u);

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct ticket *k = arg;
	struct unit *u = ticket_holds(k) && k->t->st[k->i] == OP_RUNNING ? op_subject(k->t, k->i) : NULL;

	if (u)
		txn_on_unit(k->s, u);
	if (u && ticket_holds(k) && k->t->st[k->i] == OP_RUNNING)
		look_later(k->t, k->i, u);
	free(k);
}

/* Nothing happens to one that just goes on running. */
static void look_later(struct txn *t, size_t i, const struct unit *u)
{
	int64_t ms = op_settles_ms(u);
	const struct timeval tv = { .tv_usec = (ms ? ms : 100) * 1000 };

	event_base_once(t->s->base, -1, EV_TIMEOUT, on_later, ticket(t, i), &tv);
}

static void begin_healthy(struct txn *t, size_t i, const struct unit *u)
{
	op_announce(t, i, true);
	if (t->plan.ops[i].asked && !(u->have_launch && u->launch.health))
		look_later(t, i, u);
}

void op_begin(struct txn *t, size_t i)
{
	struct op *op = &t->plan.ops[i];
	struct unit *u = op->slot ? op_subject(t, i) : NULL;

	t->st[i] = OP_RUNNING;
	t->began_ns[i] = clock_mono_ns();
	if (op->kind == OP_TURN)
		txn_note_rolling(t);
	if (op_begin_project(t, i))
		return;
	if (!u) {                        /* it went away meanwhile */
		op_end(t, i, NULL, NULL);
		return;
	}
	if (roll_begin(t, i))
		return;
	if (op->kind == OP_PREPARE)
		begin_prepare(t, i, u);
	else if (op->kind == OP_CREATE && op_runs(u))
		return;
	else if (op->kind == OP_CREATE)
		unit_want(u, W_CREATED);
	else if (op->kind == OP_START)
		begin_start(t, i, u);
	else if (op->kind == OP_STOP)
		begin_stop(t, i, u);
	else if (op->kind == OP_PARK)
		begin_park(t, i, u);
	else if (op->kind == OP_RESTORE)
		begin_restore(t, i, u);
	else if (op->kind == OP_REMOVE)
		begin_remove(t, i, u);
	else if (op->kind == OP_HEALTHY)
		begin_healthy(t, i, u);
	else
		op_announce(t, i, true);
}
