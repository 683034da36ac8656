/* steps.c - what several verbs plan for one slot, and what a slot's record says about it. */
#include <string.h>

#include "../../compose/graph.h"
#include "../util/auto.h"
#include "plan_ops.h"

bool plan_rec_running(const struct unit_rec *r)
{
	static const char *const up[] = { "running", "starting", "backoff", "waiting" };

	for (size_t i = 0; i < ARRAY_LEN(up); i++)
		if (r->state && STREQ(r->state, up[i]))
			return !r->manual_stop;
	return false;
}

bool plan_rec_finished(const struct unit_rec *r)
{
	/* it has ended, and is being cleared away */
	bool ending = r->state && (STREQ(r->state, "exited") || STREQ(r->state, "deleting")) && !r->restarting;
	bool ended = r->state && STREQ(r->state, "stopped");

	return (ended || ending) && r->started_ns && r->exit_code == 0 && !r->manual_stop;
}

/* Runs, and those that depend on it need not wait any more. */
bool is_started(const struct unit_rec *r)
{
	return plan_rec_running(r) && !r->hooking;
}

bool somebody_waits_for_completion(const struct ctx *c, size_t svc)
{
	for (size_t i = 0; c->graph && i < c->graph->v[svc].n_needed; i++)
		if (c->graph->v[svc].needed[i].dep->condition == DEP_COMPLETED)
			return true;
	return false;
}

void plan_stop_remove(struct ctx *c, struct slot *s, const char *why)
{
	s->op_stop = plan_add(c->plan, OP_STOP, s, why);
	s->op_remove = plan_add(c->plan, OP_REMOVE, s, why);
	plan_edge(c->plan, s->op_stop, s->op_remove, false);
}

/* One that is set aside already is what there is to go back to; its successor, which never got as far, is not. What was replaced for good
 * and could not be removed goes when its successor is set aside. */
void plan_replace(struct ctx *c, struct slot *s, const char *why)
{
	if (unit_rec_way_back(s->rec)) {
		plan_stop_remove(c, s, why);
		return;
	}
	s->op_stop = plan_add(c->plan, OP_STOP, s, why);
	s->op_park = plan_add(c->plan, OP_PARK, s, why);
	plan_edge(c->plan, s->op_stop, s->op_park, false);
}

/* The last of what makes room for it. */
static size_t room_of(const struct slot *s)
{
	const size_t ops[] = { s->op_restore, s->op_park, s->op_remove, s->op_stop };

	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		if (ops[i] != OP_NONE)
			return ops[i];
	return OP_NONE;
}

void plan_start(struct ctx *c, struct slot *s, const char *why)
{
	size_t before = room_of(s);

	s->op_prepare = plan_add(c->plan, OP_PREPARE, s, why);
	plan_edge(c->plan, before, s->op_prepare, false);
	if (before != OP_NONE && !s->again)      /* what it holds is free before others set themselves up */
		plan_edge(c->plan, before, c->op_setup, true);
	s->op_create = plan_add(c->plan, OP_CREATE, s, NULL);
	plan_edge(c->plan, s->op_prepare, s->op_create, false);
	plan_edge(c->plan, c->op_setup, s->op_create, false);
	if (c->req->no_start)
		return;
	s->op_start = s->op_gate = plan_add(c->plan, OP_START, s, NULL);
	plan_edge(c->plan, s->op_create, s->op_start, false);
}
