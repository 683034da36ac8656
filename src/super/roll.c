/* roll.c - a rolling update, executed: turns, the switch, draining, and what follows a failure.
 *
 * Which of a slot's two containers serves is in the records (rec.rotation), written before the rules are told: whoever takes over after a
 * crash tells the same rules, and his plan goes on from there. The switch writes the new one first; between the two lines both serve. */
#include "roll.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

static const struct update_config *how(const struct txn *t, const char *service)
{
	static const struct update_config none = { .action = FAILURE_PAUSE };
	const struct service *svc = project_service(t->s->model, service);

	return !svc ? &none : t->going_back && svc->rollback.given ? &svc->rollback : &svc->update;
}

static struct unit *beside(struct txn *t, const char *slot)
{
	auto_free char *other = plan_other_side(slot);

	return unit_get(t->s, other);
}

/* ------------------------------------------------------------------ waiting for a time */

static void time_is_up(struct txn *t, size_t i)
{
	if (t->plan.ops[i].kind == OP_TURN && roll_is_settled(t, &t->plan.ops[i]))
		op_skip(t, i);           /* given up while it waited */
	else if (roll_must_listen(t, i))
		roll_look_soon(t);
	else
		op_end(t, i, NULL, NULL);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct ticket *k = arg;

	if (ticket_holds(k) && k->t->st[k->i] == OP_RUNNING)
		time_is_up(k->t, k->i);
	free(k);
}

static void wait_for_time(struct txn *t, size_t i)
{
	int64_t ms = t->plan.ops[i].wait_ms;
	const struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	event_base_once(t->s->base, -1, EV_TIMEOUT, on_time, ticket(t, i), &tv);
}

static void begin_turn(struct txn *t, size_t i)
{
	if (t->plan.ops[i].wait_ms && !roll_is_settled(t, &t->plan.ops[i]))
		wait_for_time(t, i);
	else
		time_is_up(t, i);
}

static void begin_monitor(struct txn *t, size_t i)
{
	struct unit *u = op_subject(t, i);
	auto_err struct err err = ERR_INIT;

	if (u && roll_verdict(t, i, u, &err) < 0)
		op_end(t, i, &err, NULL);
	else if (t->plan.ops[i].wait_ms)
		wait_for_time(t, i);
	else
		time_is_up(t, i);
}

static int verdict_monitor(const struct unit *u, struct err *err)
{
	if (u->state == U_RUNNING && u->rec.health && STREQ(u->rec.health, "unhealthy"))
		return err_set(err, ERR_FAIL, "container '%s' is unhealthy%s%s", u->rec.name, u->rec.health_said ? "; its check says: " : "",
			       u->rec.health_said ? u->rec.health_said : "");
	if (u->state == U_RUNNING)
		return 0;
	return err_set(err, ERR_FAIL, "container '%s' exited (%d) soon after its start", u->rec.name, u->rec.exit_code);
}

/* ------------------------------------------------------------------ the switch */

static void on_rules(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	struct ticket *k = arg;

	if (err)
		rotation_untold(s);
	if (ticket_holds(k))
		op_end(k->t, k->i, err, "ports");
	free(k);
}

static void begin_switch(struct txn *t, size_t i, struct unit *u)
{
	struct unit *old = beside(t, u->rec.slot);

	unit_rotate(u, NULL);
	if (old && old->rec.id)
		unit_rotate(old, ROTATION_LEAVING);
	if (u->rec.n_ports)
		rotation_tell(t->s, on_rules, ticket(t, i));
	else
		op_end(t, i, NULL, NULL);
}

/* ------------------------------------------------------------------ draining */

static void on_left(struct super *s, void *arg, const json_t *result, const struct err *err)
{
	struct ticket *k = arg;

	if (err) {
		log_error("rules of the published ports: %s", err_msg(err));
		rotation_untold(s);
	}
	if (ticket_holds(k) && k->t->st[k->i] == OP_RUNNING)
		roll_look_soon(k->t);
	free(k);
}

static void begin_drain(struct txn *t, size_t i, struct unit *u)
{
	if (u->state != U_RUNNING) {
		op_end(t, i, NULL, NULL);
		return;
	}
	op_announce(t, i, true);
	unit_rotate(u, ROTATION_LEAVING);
	rotation_tell(t->s, on_left, ticket(t, i));
}

/* ------------------------------------------------------------------ the end of a slot's update */

static bool is_done(const struct txn *t, enum op_kind kind, const char *slot)
{
	for (size_t i = 0; i < t->plan.n; i++)
		if (t->plan.ops[i].kind == kind && STREQ(t->plan.ops[i].slot, slot))
			return t->st[i] == OP_DONE;
	return false;
}

static bool has_turn(const struct txn *t, const char *slot)
{
	for (size_t i = 0; i < t->plan.n; i++)
		if (t->plan.ops[i].kind == OP_TURN && STREQ(t->plan.ops[i].slot, slot))
			return true;
	return false;
}

static void send_away(struct unit *u)
{
	unit_rotate(u, ROTATION_HELD);
	if (unit_has_process(u->state))
		unit_cause(u, "removed because the update failed");
	u->recreate = u->drop_volumes = false;   /* volumes are the other's, too */
	unit_want(u, W_ABSENT);
}

/* A step at a time: who is just ending takes a wish to run for the one that his end has answered (act_after_exit). */
static void bring_back(struct unit *old)
{
	bool is_made = old->state == U_PREPARED || old->state == U_CREATED;

	unit_want(old, is_made ? W_RUNNING : W_PREPARED);
}

static void begin_settle(struct txn *t, size_t i, struct unit *old)
{
	struct unit *next = beside(t, old->rec.slot);
	bool came = next && is_done(t, OP_SWITCH, next->rec.slot) && is_done(t, OP_MONITOR, next->rec.slot);

	if (came) {
		op_end(t, i, NULL, NULL);
		return;
	}
	if (next && next->rec.id && has_turn(t, next->rec.slot))
		send_away(next);
	unit_rotate(old, NULL);
	if (!has_turn(t, next ? next->rec.slot : "")) {
		op_end(t, i, NULL, NULL);
		return;
	}
	old->rec.manual_stop = false;    /* somebody had stopped both: the request is to have it running */
	if (old->state != U_RUNNING && old->state != U_STARTING) {
		op_announce(t, i, true);
		old->rec.restarts = old->rec.attempts = 0;
		old->rec.restarting = false;
		old->rec.pinned = true;
		bring_back(old);
	}
	unit_save(old);
	txn_on_unit(t->s, old);
}

static bool has_heard(const struct unit *u)
{
	return !(u->queued & (1u << E_WANT));
}

/* The old one: it has its place again when it runs, and when it did so and has ended by itself. */
static int verdict_back(struct txn *t, size_t i, struct unit *old, struct err *err)
{
	bool ran = old->rec.started_mono >= t->began_ns[i];

	if (unit_is_undying(old))
		return unit_undying(old, err);
	if (old->state == U_RUNNING)
		return 1;
	if (!has_heard(old))
		return 0;
	if (old->state == U_FAILED)
		return err_set(err, ERR_FAIL, "container '%s' cannot be started again: %s", old->rec.name, old->rec.error ? old->rec.error : "");
	if ((old->state == U_PREPARED || old->state == U_CREATED) && old->want != W_RUNNING)
		bring_back(old);
	if (old->state != U_STOPPED || ran)
		return ran;
	return err_set(err, ERR_FAIL, "container '%s' cannot be started again: it exited (%d)", old->rec.name, old->rec.exit_code);
}

static int verdict_settle(struct txn *t, size_t i, struct unit *old, struct err *err)
{
	const struct unit *next = beside(t, old->rec.slot);
	int back = verdict_back(t, i, old, err);

	if (back < 0 || !next)
		return back;
	if (unit_is_undying(next))
		return unit_undying(next, err);
	if (next->state == U_FAILED && has_heard(next))
		return err_set(err, ERR_FAIL, "container '%s' cannot be removed: %s", next->rec.name, next->rec.error ? next->rec.error : "");
	return back && !next->rec.id;
}

bool roll_concerns(const struct op *op, const struct unit *u)
{
	auto_free char *other = op->kind == OP_SETTLE ? plan_other_side(op->slot) : NULL;

	return other && STREQ(other, u->rec.slot);
}

int roll_verdict(struct txn *t, size_t i, struct unit *u, struct err *err)
{
	switch (t->plan.ops[i].kind) {
	case OP_MONITOR:
		return verdict_monitor(u, err);
	case OP_SETTLE:
		return verdict_settle(t, i, u, err);
	default:
		return 0;
	}
}

bool roll_begin(struct txn *t, size_t i)
{
	struct unit *u = op_subject(t, i);

	switch (t->plan.ops[i].kind) {
	case OP_TURN:
		begin_turn(t, i);
		return true;
	case OP_MONITOR:
		begin_monitor(t, i);
		return true;
	case OP_SWITCH:
		begin_switch(t, i, u);
		return true;
	case OP_DRAIN:
		begin_drain(t, i, u);
		return true;
	case OP_SETTLE:
		begin_settle(t, i, u);
		return true;
	default:
		return false;
	}
}

/* ------------------------------------------------------------------ failures */

static void tell_tolerated(struct txn *t, const char *service, const struct err *err)
{
	auto_free char *text = xasprintf("the update goes on: %s", err_msg(err));

	publish_warn(t->s, t->c, service, text);
}

static unsigned turns_left(const struct txn *t, const char *service)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->plan.n; i++)
		if (str_eq(t->plan.ops[i].service, service))
			n += (t->plan.ops[i].kind == OP_TURN) - (t->plan.ops[i].kind == OP_SWITCH && t->st[i] == OP_DONE);
	return n;
}

static void tell_pause(struct txn *t, const char *service, size_t total)
{
	auto_free char *text = xasprintf("the update is paused: %zu of %zu containers are new, the others serve on as they are",
					 total - turns_left(t, service), total);

	publish_warn(t->s, t->c, service, text);
}

bool roll_tolerates(struct txn *t, size_t i, const struct err *err)
{
	const struct op *op = &t->plan.ops[i];
	const struct update_config *u = how(t, op->service);
	size_t total, failed = roll_note_failed(t, op, &total);

	if (failed < total && (double)failed / (double)total <= u->max_failure_ratio) {
		roll_record(t);
		tell_tolerated(t, op->service, err);
		return true;
	}
	if (u->action == FAILURE_PAUSE && u->given && !roll_is_given_up(t, op->service))
		tell_pause(t, op->service, total);
	roll_note_failure(t, op->service, err, u->action != FAILURE_CONTINUE);
	roll_record(t);
	return false;
}

bool roll_goes_back(const struct txn *t)
{
	for (size_t i = 0; t->s->model && i < t->s->model->n_services; i++) {
		const char *service = t->s->model->services[i].name;
		const struct update_config *u = how(t, service);
		if (roll_is_given_up(t, service) && (u->action == FAILURE_ROLLBACK || !u->given))
			return !t->going_back;
	}
	return false;
}

void roll_all_through(struct txn *t, size_t i)
{
	if (roll_is_given_up(t, NULL))
		op_skip(t, i);
	else
		op_end(t, i, NULL, NULL);
}

/* Turns may be hours apart. */
bool roll_ends_with(const struct txn *t, size_t i)
{
	const struct op *op = &t->plan.ops[i];

	if (t->st[i] == OP_PENDING)
		return t->superseded || op->kind == OP_TURN;
	if (t->st[i] != OP_RUNNING)
		return false;
	if (op->kind == OP_TURN || op->kind == OP_MONITOR)
		return true;
	if (op->kind == OP_DRAIN)
		return t->superseded;
	return (op->kind == OP_STOP || op->kind == OP_SETTLE) && t->superseded && txn_is_taken_away(t, op->service);
}

/* ------------------------------------------------------------------ the successor */

void roll_new_container(struct txn *t, struct unit *u)
{
	const struct unit *old = beside(t, u->rec.slot);

	if (!old || !old->rec.id || !has_turn(t, u->rec.slot))
		return;
	free(u->rec.rotation);
	u->rec.rotation = xstrdup(ROTATION_HELD);
	auto_free char *name = u->rec.name;
	u->rec.name = xasprintf("%s-next", name);
	if (jx_bool(t->req, "renew_anon_volumes", false))
		return;
	strs_done(&u->rec.anon_volumes);
	for (size_t i = 0; i < old->rec.anon_volumes.n; i++)
		strs_add(&u->rec.anon_volumes, old->rec.anon_volumes.v[i]);
}
