/* verbs.c - the plans of the other verbs: of what exists, nothing new is made. */
#include "../../compose/graph.h"
#include "plan_ops.h"

int make_down(struct ctx *c, struct err *err)
{
	size_t last, volumes;
	bool all = !c->req->services;

	if (choose(c, false, err) < 0)
		return -1;
	each_slot(c, s) {
		if (!s->rec || !s->chosen)
			continue;
		/* without a model of the service there is no telling whether somebody else still wants it: all goes */
		plan_stop_remove(c, s, NULL);
	}
	each_slot(c, s)
		edges_of_stop(c, s);
	last = plan_add(c->plan, all ? OP_TEARDOWN : OP_PORTS, NULL, NULL);
	each_slot(c, s)
		plan_edge(c->plan, s->op_remove, last, false);
	if (c->req->volumes) {
		volumes = plan_add(c->plan, OP_VOLUMES, NULL, NULL);
		plan_edge(c->plan, last, volumes, false);
	}
	return 0;
}

int make_stop(struct ctx *c, struct err *err)
{
	size_t ports;

	if (choose(c, false, err) < 0)
		return -1;
	each_slot(c, s)
		if (s->rec && s->chosen && (!s->is_run || c->req->shutdown))
			s->op_stop = plan_add(c->plan, OP_STOP, s, NULL);
	each_slot(c, s)
		edges_of_stop(c, s);
	ports = plan_add(c->plan, OP_PORTS, NULL, NULL);
	each_slot(c, s)
		plan_edge(c->plan, s->op_stop, ports, true);
	return 0;
}

static void restart_dependents(struct ctx *c)
{
	for (size_t k = 0; c->graph && k < c->model->n_services; k++) {
		size_t svc = c->graph->order[k];
		for (size_t i = 0; i < c->graph->v[svc].n_needs && !c->req->no_deps; i++)
			if (c->graph->v[svc].needs[i].dep->restart && c->chosen[c->graph->v[svc].needs[i].to])
				c->chosen[svc] = 1;
	}
	each_slot(c, s)
		if (s->svc != OP_NONE)
			s->chosen = c->chosen[s->svc];
}

/* What runs needs no start; a job that is done is done, unless it is asked for by its name. */
static bool stays(const struct ctx *c, const struct slot *s, bool restart)
{
	if (!restart && is_started(s->rec))
		return true;
	return !is_named(c, s->service) && plan_rec_finished(s->rec) && somebody_waits_for_completion(c, s->svc);
}

/* `start` starts what a service needs, too, as in docker compose; `restart` restarts those that follow it. */
int make_start(struct ctx *c, bool restart, struct err *err)
{
	if (choose(c, !restart, err) < 0)
		return -1;
	if (restart)
		restart_dependents(c);
	c->op_setup = plan_add(c->plan, OP_SETUP, NULL, NULL);
	each_slot(c, s) {
		if (!s->rec || !s->rec->id || !s->chosen || s->svc == OP_NONE || s->beside)
			continue;
		if (stays(c, s, restart)) {
			strs_add(&c->plan->kept, s->name);
			continue;
		}
		roll_end(c, s);
		if (restart)
			s->op_stop = plan_add(c->plan, OP_STOP, s, NULL);
		plan_start(c, s, NULL);
	}
	pre_start_plan(c);
	each_slot(c, s) {
		edges_of_stop(c, s);
		edges_of_start(c, s);
	}
	return 0;
}

int make_boot(struct ctx *c, struct err *err)
{
	if (choose(c, false, err) < 0)
		return -1;
	c->op_setup = plan_add(c->plan, OP_SETUP, NULL, NULL);
	for (size_t k = 0; k < c->model->n_services; k++)
		each_slot_of(c, s, c->graph->order[k]) {
			if (!s->rec || !s->rec->id || s->beside)
				continue;
			if (plan_rec_running(s->rec))
				strs_add(&c->plan->kept, s->name);
			else if ((s->rec->resume || s->rec->rotation) && !s->rec->manual_stop) {
				roll_end(c, s);  /* the host went down while it was to be replaced */
				plan_start(c, s, NULL);
			}
		}
	each_slot(c, s)
		edges_of_start(c, s);
	return 0;
}

int make_remove(struct ctx *c, struct err *err)
{
	size_t ports;

	if (choose(c, false, err) < 0)
		return -1;
	each_slot(c, s) {
		if (!s->rec || !s->chosen || s->is_run)
			continue;
		if (c->req->stop)
			plan_stop_remove(c, s, NULL);
		else if (!plan_rec_running(s->rec))
			s->op_remove = plan_add(c->plan, OP_REMOVE, s, NULL);
	}
	ports = plan_add(c->plan, OP_PORTS, NULL, NULL);
	each_slot(c, s) {
		edges_of_stop(c, s);
		plan_edge(c->plan, s->op_remove, ports, true);
	}
	return 0;
}
