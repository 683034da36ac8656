/* undo.c - the plan that undoes an `up` which failed: its world is what the `up` has left, its model the one from before it. */
#include "plan_ops.h"

/* A container that was set aside is the slot's again. */
static void restore(struct ctx *c, struct slot *s)
{
	if (s->rec->id)
		plan_stop_remove(c, s, "undone");
	s->op_restore = plan_add(c->plan, OP_RESTORE, s, NULL);
	plan_edge(c->plan, s->op_remove, s->op_restore, false);
	if (s->rec->parked->back && !c->req->no_start)
		plan_start(c, s, "undone");
	else
		plan_edge(c->plan, s->op_restore, c->op_setup, true);
}

bool was_made_by_it(const struct ctx *c, const struct unit_rec *r)
{
	return r->id && c->req->generation && r->generation == c->req->generation;
}

/* It was to be started again, and got no farther than that: it rests, with the status of the last time it ran. */
static bool only_made_ready(const struct unit_rec *r)
{
	return r->id && r->started_ns && r->state && (STREQ(r->state, "prepared") || STREQ(r->state, "created"));
}

static void undo_slot(struct ctx *c, struct slot *s)
{
	const struct unit_rec *r = s->rec;

	if (!r)
		return;
	if (unit_rec_way_back(r)) {
		restore(c, s);
	} else if (s->init_of || was_made_by_it(c, r)) {
		plan_stop_remove(c, s, "undone");
		plan_edge(c->plan, s->op_remove, c->op_setup, true);
	} else if (r->id && r->back && !plan_rec_running(r) && !c->req->no_start) {
		plan_start(c, s, "undone");
	} else if (only_made_ready(r)) {
		s->op_stop = plan_add(c->plan, OP_STOP, s, "undone");
	} else if (r->id) {
		strs_add(&c->plan->kept, s->name);
	}
}

int make_undo(struct ctx *c, struct err *err)
{
	size_t unmake;

	if (choose(c, false, err) < 0)
		return -1;
	c->op_setup = plan_add(c->plan, OP_SETUP, NULL, NULL);
	each_slot(c, s)
		undo_slot(c, s);
	each_slot(c, s) {
		edges_of_stop(c, s);
		edges_of_start(c, s);
	}
	unmake = plan_add(c->plan, OP_UNMAKE, NULL, NULL);
	plan_edge(c->plan, c->op_setup, unmake, true);
	each_slot(c, s)
		plan_edge(c->plan, s->op_remove, unmake, true);
	return 0;
}
