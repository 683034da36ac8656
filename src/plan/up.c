/* up.c - the plan of `up`: what is new, what changed, what is left over. */
#include <string.h>

#include "../../compose/graph.h"
#include "plan_ops.h"

const char *what_changed(const struct ctx *c, const struct unit_rec *r, const struct service *svc)
{
	const char *image = c->req->image_id ? c->req->image_id(c->req->ctx, svc) : NULL;

	if (!config_same(r->config_hash, svc->config_hash))
		return "configuration changed";
	if (image && r->image_id && !STREQ(image, r->image_id))
		return "image changed";
	return NULL;
}

static const char *why_recreate(const struct ctx *c, const struct slot *s)
{
	if (!s->rec || !s->rec->id || c->req->no_recreate)
		return NULL;
	return what_changed(c, s->rec, &c->model->services[s->svc]);
}

/* depends_on with restart: true, over everything that is recreated now. Dependencies come first in graph->order. */
static const char *why_restart(struct ctx *c, const struct slot *s)
{
	const struct graph_vertex *v = &c->graph->v[s->svc];

	for (size_t i = 0; i < v->n_needs; i++) {
		if (!v->needs[i].dep->restart)
			continue;
		each_slot_of(c, dep, v->needs[i].to)
			if (dep->op_stop != OP_NONE)
				return "its dependency restarts";
	}
	return NULL;
}

static void up_slot(struct ctx *c, struct slot *s)
{
	const char *why = why_recreate(c, s);
	bool exists = s->rec && s->rec->id;
	bool asked_for = !c->req->services || is_named(c, s->service);

	/* what has something set aside was made by this very request, before its supervisor was killed */
	if (exists && !unit_rec_way_back(s->rec) && (asked_for ? c->req->force_recreate : c->req->always_recreate_deps))
		why = "forced";
	if (exists && why && roll_takes(c, s)) {
		s->rolls = why;
		c->rolls = true;
		return;
	}
	roll_end(c, s);
	s->follows = exists && is_started(s->rec) && after_roll_follows(c, s);
	if (exists && why) {
		plan_replace(c, s, why);
		plan_start(c, s, why);
		return;
	}
	if (exists && is_started(s->rec)) {
		const char *restart = why_restart(c, s);
		if (s->follows)
			return;
		if (!restart) {
			strs_add(&c->plan->kept, s->name);
			return;
		}
		s->op_stop = plan_add(c->plan, OP_STOP, s, restart);
		plan_start(c, s, restart);
		return;
	}
	if (exists && plan_rec_finished(s->rec) && somebody_waits_for_completion(c, s->svc)) {
		strs_add(&c->plan->kept, s->name);
		return;
	}
	plan_start(c, s, exists ? NULL : s->rec && s->rec->parked ? "replaced" : "new");
}

/* What it held, host ports above all, is free before others set themselves up. */
void plan_leave(struct ctx *c, struct slot *s, const char *why)
{
	plan_stop_remove(c, s, why);
	if (c->req->verb != PLAN_UP)
		plan_edge(c->plan, s->op_remove, c->op_setup, true);
}

/* Its profile is off: nobody's orphan, nobody's business now. */
static bool is_disabled(const struct project *m, const char *service)
{
	for (size_t i = 0; i < m->n_disabled; i++)
		if (STREQ(m->disabled[i].name, service))
			return true;
	return false;
}

/* A successor on its way: roll.c's. */
static bool is_rolled_beside(struct ctx *c, const struct slot *s)
{
	each_slot_of(c, holder, s->svc)
		if (s->beside && holder->wanted && holder->index == s->index)
			return holder->rolls;
	return false;
}

void up_surplus(struct ctx *c, struct slot *s)
{
	if (s->init_of) {                /* pre_start_plan's */
		return;
	} else if (s->is_run) {
		run_surplus(c, s);
	} else if (s->svc != OP_NONE) {
		if (!s->chosen || is_rolled_beside(c, s))
			return;
		plan_leave(c, s, s->beside ? "left over" : "scaled down");
		roll_drain(c, s);
	} else if (is_disabled(c->model, s->service)) {
		return;
	} else if (c->req->remove_orphans) {
		plan_leave(c, s, "orphan");
	} else if (c->req->back && was_made_by_it(c, s->rec)) {
		plan_leave(c, s, "undone");
	} else {
		strs_add(&c->plan->orphans, s->name);
	}
}

/* It is kept, and starts by itself when a pause is over or what it depends on allows. */
static bool is_held(const struct slot *s)
{
	return s->op_start == OP_NONE && s->rec && plan_rec_running(s->rec) && !STREQ(s->rec->state, "running");
}

void up_wait_for(struct ctx *c, struct slot *s)
{
	need_condition(c, s, DEP_HEALTHY);
	c->plan->ops[s->op_healthy].asked = true;
}

static void up_wait(struct ctx *c)
{
	each_slot(c, s) {
		if (!s->chosen || !s->wanted || s->rolls || !c->req->wait || !c->req->has_health)
			continue;
		if (s->op_start == OP_NONE && !is_held(s) && !c->req->has_health(c->req->ctx, &c->model->services[s->svc]))
			continue;                /* it runs already: no more is to be known of it */
		up_wait_for(c, s);
	}
}

/* The way back: the networks and volumes of what failed go when nobody uses them any more. */
static void up_unmake(struct ctx *c)
{
	size_t unmake = plan_add(c->plan, OP_UNMAKE, NULL, NULL);

	plan_edge(c->plan, c->op_setup, unmake, false);
	plan_edge(c->plan, c->op_commit, unmake, false);
	for (size_t i = 0; i < unmake; i++)
		if (c->plan->ops[i].kind == OP_REMOVE || c->plan->ops[i].kind == OP_FORGET)
			plan_edge(c->plan, i, unmake, false);
}

int make_up(struct ctx *c, struct err *err)
{
	if (choose(c, !c->req->no_deps, err) < 0)
		return -1;
	c->op_setup = plan_add(c->plan, OP_SETUP, NULL, NULL);
	for (size_t k = 0; k < c->model->n_services; k++)
		each_slot_of(c, s, c->graph->order[k])
			if (s->wanted && s->chosen)
				up_slot(c, s);
	each_slot(c, s)
		if (!s->wanted)
			up_surplus(c, s);
	pre_start_plan(c);
	each_slot(c, s) {
		edges_of_stop(c, s);
		edges_of_start(c, s);
	}
	up_wait(c);
	commit_plan(c);
	roll_plan(c);
	after_roll_plan(c);
	if (c->req->back)
		up_unmake(c);
	return 0;
}
