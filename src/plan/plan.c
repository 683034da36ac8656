/* plan.c - the data type: operations, edges, text. */
#include "plan.h"

#include <assert.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "plan_ops.h"

static const char *const kind_str[] = {
	[OP_SETUP] = "setup",	[OP_PREPARE] = "prepare",     [OP_CREATE] = "create",
	[OP_START] = "start",	[OP_HEALTHY] = "healthy",     [OP_COMPLETED] = "completed",
	[OP_TURN] = "turn",	[OP_MONITOR] = "monitor",     [OP_SWITCH] = "switch",
	[OP_DRAIN] = "drain",	[OP_SETTLE] = "settle",	      [OP_ROLLED] = "rolled",
	[OP_STOP] = "stop",	[OP_PARK] = "park",	      [OP_REMOVE] = "remove",
	[OP_RESTORE] = "restore", [OP_CHECK] = "check",	      [OP_COMMIT] = "commit",
	[OP_FORGET] = "forget",	[OP_UNMAKE] = "unmake",	      [OP_PORTS] = "ports",
	[OP_TEARDOWN] = "teardown", [OP_VOLUMES] = "volumes",
};
static_assert(ARRAY_LEN(kind_str) == OP_NKINDS, "a name for every operation");

const char *op_kind_str(enum op_kind kind)
{
	return kind_str[kind];
}

size_t plan_add(struct plan *p, enum op_kind kind, const struct slot *slot, const char *why)
{
	struct op *op = XGROW(p->ops, p->n, p->cap);

	op->kind = kind;
	if (slot) {
		op->slot = xstrdup(slot->name);
		op->service = xstrdup(slot->service);
		op->index = slot->index;
		op->init_of = xstrdup(slot->init_of);
		op->init_step = slot->init_step;
	}
	op->why = xstrdup(why);
	return p->n - 1;
}

void plan_edge(struct plan *p, size_t from, size_t to, bool soft)
{
	struct op_edge *e;

	if (from == OP_NONE || to == OP_NONE)
		return;
	e = XGROW(p->ops[from].wakes, p->ops[from].n_wakes, p->ops[from].cap_wakes);
	e->to = to;
	e->soft = soft;
	p->ops[to].n_unmet++;
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->ops[i].slot);
		free(p->ops[i].service);
		free(p->ops[i].init_of);
		free(p->ops[i].why);
		free(p->ops[i].wakes);
	}
	free(p->ops);
	strs_done(&p->kept);
	strs_done(&p->warnings);
	strs_done(&p->orphans);
	*p = (struct plan){ 0 };
}

bool op_is_optional(const struct op *op)
{
	bool soft = op->n_wakes > 0 && !op->asked && (op->kind == OP_HEALTHY || op->kind == OP_COMPLETED);

	for (size_t i = 0; i < op->n_wakes; i++)
		soft &= op->wakes[i].soft;
	return soft;
}

static void print_subject(const struct op *op, struct buf *out)
{
	buf_str(out, op_kind_str(op->kind));
	if (op->slot)
		buf_printf(out, " %s", op->slot);
}

void plan_print(const struct plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->n; i++) {
		const char *sep = " after ";

		print_subject(&p->ops[i], out);
		if (p->ops[i].why)
			buf_printf(out, " (%s)", p->ops[i].why);
		if (p->ops[i].wait_ms)
			buf_printf(out, " %lldms", (long long)p->ops[i].wait_ms);
		for (size_t k = 0; k < p->n; k++)
			for (size_t e = 0; e < p->ops[k].n_wakes; e++)
				if (p->ops[k].wakes[e].to == i) {
					buf_str(out, sep);
					print_subject(&p->ops[k], out);
					sep = ", ";
				}
		buf_char(out, '\n');
	}
	for (size_t i = 0; i < p->kept.n; i++)
		buf_printf(out, "keep %s\n", p->kept.v[i]);
	for (size_t i = 0; i < p->orphans.n; i++)
		buf_printf(out, "orphan %s\n", p->orphans.v[i]);
}

bool plan_has(const struct plan *p, enum op_kind kind, const char *slot)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->ops[i].kind == kind && str_eq(p->ops[i].slot, slot))
			return true;
	return false;
}

char *plan_container_name(const struct project *model, const struct service *svc, unsigned index)
{
	return svc->container_name ? xstrdup(svc->container_name) : xasprintf("%s-%s-%u", model->name, svc->name, index);
}

bool plan_makes_anew(const struct plan *p, const struct op *prepare, const struct unit_rec *r)
{
	if (plan_has(p, OP_RESTORE, prepare->slot))
		return false;
	return !r || !r->id || plan_has(p, OP_REMOVE, prepare->slot) || plan_has(p, OP_PARK, prepare->slot);
}
