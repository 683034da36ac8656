/* commit.c - what makes a transaction of the operations of an `up` (plan.h): nothing is stopped before what comes is known to be possible,
 * nothing is removed before what came is known to be good.
 *
 * An `up` that only makes things, or only takes things away, needs none of this: there is nothing to go back to, or nothing that can fail. */
#include "plan_ops.h"

/* Removed because it is scaled down or an orphan: it has no successor. */
static bool leaves(const struct slot *s)
{
	return !s->wanted && !s->init_of && s->op_remove != OP_NONE;
}

static bool sets_aside(const struct slot *s)
{
	return s->op_park != OP_NONE || (s->rec && unit_rec_way_back(s->rec) && s->chosen && s->wanted);
}

/* What was replaced by an `up` that is over and could not be removed then. */
static bool is_left_over(const struct slot *s)
{
	return s->rec && s->rec->parked && s->rec->parked->replaced;
}

struct shape {
	bool makes, sets_aside, leaves, left_over;
};

static struct shape shape_of(struct ctx *c)
{
	struct shape it = { 0 };

	each_slot(c, s) {
		it.makes |= s->op_prepare != OP_NONE && !s->init_of;
		it.sets_aside |= sets_aside(s);
		it.leaves |= leaves(s);
		it.left_over |= is_left_over(s);
	}
	return it;
}

/* What it held, host ports above all, is free before others set themselves up. */
static void plan_leaving(struct ctx *c, bool commits)
{
	each_slot(c, s)
		if (leaves(s) && (!after_roll_takes(c, s) || s->stops_early))
			plan_edge(c->plan, commits || s->stops_early ? s->op_stop : s->op_remove, c->op_setup, true);
}

/* What is new waits for it, too: it is looked at as long as there is nothing of it, and a refusal has touched nothing. */
static void plan_check(struct ctx *c)
{
	size_t check = plan_add(c->plan, OP_CHECK, NULL, NULL);

	each_slot(c, s)
		if (!s->init_of)
			plan_edge(c->plan, check, s->op_stop != OP_NONE ? s->op_stop : s->op_prepare, false);
}

/* One whose predecessor is set aside has to be as good as it can tell. */
static void wait_for_health(struct ctx *c)
{
	each_slot(c, s)
		if (sets_aside(s) && !c->req->no_start && !c->req->committed && c->req->has_health &&
		    c->req->has_health(c->req->ctx, &c->model->services[s->svc]))
			need_condition(c, s, DEP_HEALTHY);
}

static void plan_commit(struct ctx *c)
{
	size_t commit = c->op_commit = plan_add(c->plan, OP_COMMIT, NULL, NULL), forget;

	each_slot(c, s) {
		if (s->init_of)
			continue;
		plan_edge(c->plan, s->op_start != OP_NONE ? s->op_start : s->op_create, commit, false);
		if (sets_aside(s))
			plan_edge(c->plan, s->op_healthy, commit, false);
		if (leaves(s) && !s->goes_late)
			plan_edge(c->plan, commit, s->op_remove, false);
	}
	forget = plan_add(c->plan, OP_FORGET, NULL, NULL);
	plan_edge(c->plan, commit, forget, false);
}

void commit_plan(struct ctx *c)
{
	struct shape it = shape_of(c);
	/* a rolling update comes after everything that can be undone in one piece (roll.c) */
	bool commits = it.sets_aside || it.left_over || ((it.leaves || c->rolls) && it.makes);

	plan_leaving(c, commits);
	if (!commits)
		return;
	if (it.makes)
		plan_check(c);
	wait_for_health(c);
	plan_commit(c);
}
