/* exec_plan.c - running a plan in parallel: whatever has no unmet prerequisite is begun; its end wakes the next. */
#include "hooks.h"
#include "pre_start.h"
#include "roll.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

static void pump(struct txn *t);
static bool only_waits(const struct txn *t, const struct op *op);

static void settle(struct txn *t, size_t i, enum op_state st)
{
	if (t->st[i] != OP_PENDING && t->st[i] != OP_RUNNING)
		return;
	t->st[i] = st;
	t->n_left--;
	for (size_t e = 0; e < t->plan.ops[i].n_wakes; e++) {
		const struct op_edge *w = &t->plan.ops[i].wakes[e];
		if (st == OP_DONE || w->soft)
			t->plan.ops[w->to].n_unmet--;
		else
			settle(t, w->to, OP_SKIPPED);
	}
}

/* Then what was made stays, to be looked at. */
static bool is_about_hooks(const struct unit *u)
{
	return u && (u->rec.init_of || u->hook_fail.kind);
}

static void note_failure(struct txn *t, size_t i, const struct err *err, const char *attr)
{
	const struct op *op = &t->plan.ops[i];
	struct unit *u = op->slot ? unit_get(t->s, op->slot) : NULL;

	if (u && u->rec.name)
		publish_step(t->s, t->c, "container", u->rec.name, u->rec.service, "Error", err_msg(err));
	log_error("%s %s: %s", op_kind_str(op->kind), op->slot ? op->slot : "", err_msg(err));
	t->undo_failed |= t->rollback || t->going_back;
	if (t->err.kind)
		return;
	err_copy(&t->err, err);
	if (t->verb == PLAN_UP)
		txn_tell_failure(t, op->kind, u || !t->culprit ? u : unit_get(t->s, t->culprit));
	if (op->service) {
		free(t->err_service);
		t->err_service = xstrdup(op->service);
	}
	free(t->err_attr);
	t->err_attr = u && u->rec.init_of ? pre_start_attr(u) : xstrdup(attr ? attr : u ? u->fail_attr : NULL);
	t->failed_to_run = !op->roll && !is_about_hooks(u) && op->kind != OP_HEALTHY && op->kind != OP_COMPLETED;
}

/* Those that wait for it do without it. */
static void note_optional(struct txn *t, size_t i, const struct err *err)
{
	const struct op *op = &t->plan.ops[i];
	const struct unit *u = unit_get(t->s, op->slot);
	auto_free char *msg = xasprintf("what depends on it does without: %s", err_msg(err));

	if (u && u->rec.name)
		publish_step(t->s, t->c, "container", u->rec.name, op->service, "Skipped", NULL);
	publish_warn(t->s, t->c, op->service, msg);
}

/* The plan with that number runs: it is over when its last operation ends, and then there may be another one, or none. */
static bool runs(const struct super *s, const struct txn *t, uint64_t plan_no)
{
	return s->txn == t && t->st && t->plan_no == plan_no;
}

static bool is_condition(enum op_kind kind)
{
	return kind == OP_HEALTHY || kind == OP_COMPLETED;
}

void op_end(struct txn *t, size_t i, const struct err *err, const char *attr)
{
	if (t->st[i] != OP_RUNNING)
		return;
	if (err && op_is_optional(&t->plan.ops[i]) && !t->err.kind)
		note_optional(t, i, err);
	else if (err && !(t->plan.ops[i].roll && roll_tolerates(t, i, err)))
		note_failure(t, i, err, attr);
	else if (!err)
		op_announce(t, i, false);
	settle(t, i, err ? OP_FAILED : OP_DONE);
	for (size_t k = 0; txn_rolls_back(t) && k < t->plan.n; k++)
		if (t->st[k] == OP_PENDING || (t->st[k] == OP_RUNNING && is_condition(t->plan.ops[k].kind)))
			settle(t, k, OP_SKIPPED);        /* all of it will be undone: no use beginning it, nor waiting for it */
	pump(t);
}

void op_skip(struct txn *t, size_t i)
{
	settle(t, i, OP_SKIPPED);
	pump(t);
}

static void look(struct txn *t, size_t i)
{
	struct unit *u = t->plan.ops[i].slot ? unit_get(t->s, t->plan.ops[i].slot) : NULL;
	struct err err = ERR_INIT;
	int r;

	if (t->st[i] != OP_RUNNING || !u)
		return;
	r = op_verdict(t, i, u, &err);
	if (r)
		op_end(t, i, r < 0 ? &err : NULL, NULL);
	err_done(&err);
}

/* What is true already needs no transition to be noticed; but what a unit was before its wish is no verdict on the wish. */
static bool may_be_true_already(enum op_kind kind)
{
	return kind == OP_STOP || kind == OP_HEALTHY || kind == OP_COMPLETED || kind == OP_PARK || kind == OP_REMOVE;
}

static bool already(const struct unit *u, enum op_kind kind)
{
	if (!u)
		return false;
	return (kind == OP_PREPARE && (u->stuck || u->state == U_PREPARED || u->state == U_CREATED || op_runs(u))) ||
	       (kind == OP_CREATE && (u->state == U_CREATED || op_runs(u))) ||
	       (kind == OP_START && u->state == U_RUNNING && op_runs(u));
}

static void begin(struct txn *t, size_t i)
{
	const struct op *op = &t->plan.ops[i];
	struct unit *u = op->slot ? unit_get(t->s, op->slot) : NULL;

	if ((op->kind == OP_HEALTHY || op->kind == OP_COMPLETED) && u && op_verdict(t, i, u, NULL) == 1) {
		settle(t, i, OP_DONE);       /* nothing to wait for, nothing to tell */
		t->pump_again = true;
		return;
	}
	op_begin(t, i);
	if (op->slot && (may_be_true_already(op->kind) || already(u, op->kind)))
		look(t, i);
}

/* --parallel: what keeps a runtime busy is bounded; who only waits is not. */
static bool is_work(enum op_kind kind)
{
	return kind == OP_PREPARE || kind == OP_CREATE || kind == OP_START || kind == OP_STOP || kind == OP_REMOVE;
}

static bool has_room(const struct txn *t, size_t i)
{
	int64_t limit = jx_int(t->req, "parallel", 0), n = 0;

	if (limit <= 0 || !is_work(t->plan.ops[i].kind))
		return true;
	for (size_t k = 0; k < t->plan.n; k++)
		n += t->st[k] == OP_RUNNING && is_work(t->plan.ops[k].kind);
	return n < limit;
}

/* Starts whatever may start. Operations may end at once, so the whole is repeated until nothing moves. */
static void pump(struct txn *t)
{
	struct super *s = t->s;

	if (t->pumping) {
		t->pump_again = true;
		return;
	}
	t->pumping = true;
	do {
		t->pump_again = false;
		for (size_t i = 0; i < t->plan.n; i++)
			if (t->st[i] == OP_PENDING && t->plan.ops[i].n_unmet == 0 && has_room(t, i))
				begin(t, i);
	} while (t->pump_again);
	t->pumping = false;
	if (t->n_left || s->txn != t || t->over)
		return;
	t->over = true;
	txn_plan_over(t);
}

void txn_on_unit(struct super *s, struct unit *u)
{
	struct txn *t = s->txn;
	uint64_t no = t ? t->plan_no : 0;

	for (size_t i = 0; t && runs(s, t, no) && i < t->plan.n; i++)
		if (t->plan.ops[i].slot && (STREQ(t->plan.ops[i].slot, u->rec.slot) || roll_concerns(&t->plan.ops[i], u)))
			look(t, i);
}

bool txn_will_start(const struct super *s, const struct unit *u)
{
	const struct txn *t = s->txn;

	for (size_t i = 0; t && i < t->plan.n; i++)
		if (t->plan.ops[i].kind == OP_START && STREQ(t->plan.ops[i].slot, u->rec.slot))
			return !t->st || t->st[i] == OP_PENDING || t->st[i] == OP_RUNNING;
	return false;
}

/* What comes to be made or waited for. */
static bool is_start(enum op_kind kind)
{
	return kind == OP_PREPARE || kind == OP_CREATE || kind == OP_START || kind == OP_HEALTHY || kind == OP_COMPLETED;
}

static void skip_starts(struct txn *t)
{
	for (size_t i = 0; i < t->plan.n; i++)
		if (is_start(t->plan.ops[i].kind) && t->st[i] == OP_PENDING)
			settle(t, i, OP_SKIPPED);
}

void exec_start(struct txn *t)
{
	free(t->st);
	free(t->began_ns);
	t->st = xcalloc(t->plan.n + 1, sizeof *t->st);
	t->began_ns = xcalloc(t->plan.n + 1, sizeof *t->began_ns);
	t->n_left = t->plan.n;
	t->over = false;
	t->plan_no = ++t->s->plans;
	t->looking = false;
	crash_note_plan(t);
	if (t->held)
		skip_starts(t);
	pump(t);
}

/* For something in a container to come true, which may never do. */
static bool only_waits(const struct txn *t, const struct op *op)
{
	const struct unit *u = op->kind == OP_START ? unit_get(t->s, op->slot) : NULL;

	return op->kind == OP_HEALTHY || op->kind == OP_COMPLETED || (u && u->hooks);
}

/* Who waits in vain is told for what, when that has a place in the user's file. */
static void name_hook(struct txn *t, const struct err *why)
{
	for (size_t i = 0; why->kind == ERR_TIMEOUT && i < t->plan.n; i++) {
		struct unit *u = t->st[i] == OP_RUNNING && only_waits(t, &t->plan.ops[i]) ? unit_get(t->s, t->plan.ops[i].slot) : NULL;
		auto_free char *attr = !u ? NULL : u->rec.init_of ? pre_start_attr(u) : hooks_in_flight(u);
		const struct unit *owner = u && u->rec.init_of ? pre_start_owner(u) : u;
		if (!attr || !owner)
			continue;
		err_done(&t->err);
		err_set(&t->err, why->kind, "%s: %s of container '%s' has not ended", err_msg(why), attr, owner->rec.name);
		free(t->err_service);
		t->err_service = xstrdup(u->rec.service);
		free(t->err_attr);
		t->err_attr = take(attr);
		return;
	}
}

void exec_hold_starts(struct txn *t)
{
	struct super *s = t->s;
	uint64_t no = t->plan_no;

	t->held = true;
	if (!t->st)                      /* its books are being written */
		return;
	skip_starts(t);
	for (size_t i = 0; runs(s, t, no) && i < t->plan.n; i++)
		if (only_waits(t, &t->plan.ops[i]))
			op_end(t, i, NULL, NULL);
	if (runs(s, t, no))
		pump(t);
}

/* Nothing more is begun, what waits waits no longer; what is in flight comes to its end. */
void exec_give_up(struct txn *t, const struct err *why)
{
	struct super *s = t->s;
	uint64_t no = t->plan_no;
	bool first = !t->err.kind;

	if (first)
		err_copy(&t->err, why);
	if (first && t->st)
		name_hook(t, why);
	if (!t->st)                      /* its books are being written; it ends when they are */
		return;
	for (size_t i = 0; i < t->plan.n; i++)
		if (t->plan.ops[i].roll ? roll_ends_with(t, i) : t->st[i] == OP_PENDING)
			settle(t, i, OP_SKIPPED);
	for (size_t i = 0; runs(s, t, no) && i < t->plan.n; i++)
		if (only_waits(t, &t->plan.ops[i]))
			op_end(t, i, why, NULL);
	if (runs(s, t, no))
		pump(t);
}
